import pytest

from shelf.api import text_field
from shelf.rules import Refused


def test_text_fields():
    assert text_field({"title": "x"}, "title") == "x"
    with pytest.raises(Refused):
        text_field({"title": " "}, "title")
