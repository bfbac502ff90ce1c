"""Blind acceptance tests."""

import json

import pytest


@pytest.mark.req("R1")
@pytest.mark.parametrize(
    ("country", "grams", "wanted"),
    [
        ("DE", 1, ("home", 490, 2)),
        ("de", 2001, ("home", 790, 2)),
        ("CH", 1500, ("near", 1240, 4)),
        ("jp", 30000, ("far", 43090, 9)),
    ],
)
def test_quote_names_zone_price_and_days(call, country, grams, wanted):
    assert call(f"(lambda q: (q.zone, q.cents, q.days))(tariff.quote({country!r}, {grams}))") == wanted


@pytest.mark.req("R2")
def test_express_rounds_price_and_days_up(call):
    assert call("(lambda q: (q.cents, q.days))(tariff.quote('US', 1000, express=True))") == (3735, 5)
    assert call("(lambda q: (q.cents, q.days))(tariff.quote('DE', 1001, express=True))") == (885, 1)
    assert call("(lambda q: (q.cents, q.days))(tariff.quote('NL', 2000, True))") == (2235, 2)


@pytest.mark.req("R3")
@pytest.mark.parametrize("words", ["'D', 1", "'D1', 1", "'DE', 0", "'DE', 30001"])
def test_bad_input_raises(call, words):
    with pytest.raises(Exception) as error:
        call(f"tariff.quote({words})")
    assert error.value.type == "ValueError"


@pytest.mark.req("R4")
def test_three_parcels_get_the_rebate(call):
    assert call("tariff.basket([])") == 0
    assert call("tariff.basket([('DE', 1), ('FR', 1)])") == 1480
    assert call("tariff.basket([('DE', 1), ('FR', 1), ('US', 1501)])") == 4833


@pytest.mark.req("R5")
def test_command_prints_text_and_json(cli):
    assert cli("pl", "1200").stdout == "near 12.40 EUR, 4 days\n"
    assert cli("US", "600", "--express").stdout == "far 37.35 EUR, 5 days\n"
    assert json.loads(cli("US", "600", "--json").stdout) == {"zone": "far", "cents": 2490, "days": 9}


@pytest.mark.req("R5")
@pytest.mark.parametrize("words", [("X", "1"), ("DE", "0"), ("DE", "much")])
def test_command_refuses_bad_input(cli, words):
    refused = cli(*words)
    assert refused.exit == 2
    assert refused.stderr.strip()
    assert "Traceback" not in refused.stderr
