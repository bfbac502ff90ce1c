from tariff.rates import days, price


def test_rates():
    assert price("home", 1000) == 490
    assert price("near", 1001) == 1240
    assert days("far") == 9
