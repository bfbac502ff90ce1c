import pytest

from ledger.money import parse, show


def test_amounts():
    assert parse("12.34") == 1234
    assert parse("-3") == -300
    assert show(5) == "0.05"
    assert show(-1234) == "-12.34"


def test_malformed():
    with pytest.raises(ValueError, match="amount"):
        parse("1.234")
