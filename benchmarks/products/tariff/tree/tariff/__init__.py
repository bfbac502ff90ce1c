"""Parcel prices."""

from tariff.quotes import Quote, basket, quote

__all__ = ["Quote", "basket", "quote"]
