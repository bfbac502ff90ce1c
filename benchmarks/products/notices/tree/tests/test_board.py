import pytest

from notices.board import fields


def test_fields():
    assert fields(b'{"text": "x", "urgent": true}') == ("x", True)
    with pytest.raises(ValueError, match="text"):
        fields(b'{"text": ""}')
