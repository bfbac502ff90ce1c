"""Quotes for parcels and baskets."""

from typing import NamedTuple

from tariff import rates
from tariff.zones import zone_of

MOST_GRAMS = 30_000
REBATE_FROM = 3


class Quote(NamedTuple):
    """What a parcel costs."""

    zone: str
    cents: int
    days: int


def quote(country: str, grams: int, express: bool = False) -> Quote:
    """Price and days of one parcel.

    Raises:
        ValueError: no such country, or a weight out of range.
    """
    zone = zone_of(country)
    if not 1 <= grams <= MOST_GRAMS:
        raise ValueError(f"weight out of range: {grams}")
    cents, days = rates.price(zone, grams), rates.days(zone)
    if express:
        cents, days = -(-cents * 3 // 2), -(-days // 2)
    return Quote(zone, cents, days)


def basket(parcels: list[tuple[str, int]]) -> int:
    """Cents of all parcels, with the rebate for many."""
    cents = sum(quote(country, grams).cents for country, grams in parcels)
    return cents * 9 // 10 if len(parcels) >= REBATE_FROM else cents
