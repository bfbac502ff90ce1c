"""Prices by zone and weight."""

FIRST_GRAMS = 1000
STEP_GRAMS = 500
PRICES = {"home": (490, 100), "near": (990, 250), "far": (2490, 700)}
DAYS = {"home": 2, "near": 4, "far": 9}


def price(zone: str, grams: int) -> int:
    """Cents for a parcel."""
    first, step = PRICES[zone]
    further = max(0, grams - FIRST_GRAMS)
    return first + step * -(-further // STEP_GRAMS)


def days(zone: str) -> int:
    """Days under way."""
    return DAYS[zone]
