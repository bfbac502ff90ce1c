import pytest

from tariff.zones import zone_of


def test_zones():
    assert [zone_of(code) for code in ("DE", "fr", "US")] == ["home", "near", "far"]
    with pytest.raises(ValueError, match="country"):
        zone_of("DEU")
