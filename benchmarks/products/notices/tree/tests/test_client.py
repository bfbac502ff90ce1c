import pytest

from notices.client import Client, Unreachable


def test_silence_is_an_error():
    with pytest.raises(Unreachable):
        Client(1).notices()
