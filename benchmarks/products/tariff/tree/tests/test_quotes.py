import pytest

from tariff import rates
from tariff.quotes import quote


def test_weight_is_bounded():
    with pytest.raises(ValueError, match="weight"):
        quote("DE", 0)


def test_rates_are_asked(monkeypatch):
    monkeypatch.setattr(rates, "price", lambda *_: 7)
    monkeypatch.setattr(rates, "days", lambda *_: 7)
    assert quote("DE", 5)[1:] == (7, 7)
