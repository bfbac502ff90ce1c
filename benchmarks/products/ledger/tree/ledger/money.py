"""Amounts, exact to the cent."""

import re

_AMOUNT = re.compile(r"(-?)(\d{1,9})(?:\.(\d{1,2}))?")


def parse(text: str) -> int:
    """Cents of a decimal text.

    Raises:
        ValueError: not an amount.
    """
    found = _AMOUNT.fullmatch(text)
    if found is None:
        raise ValueError(f"not an amount: {text}")
    sign, whole, part = found.groups()
    cents = int(whole) * 100 + int((part or "").ljust(2, "0"))
    return -cents if sign else cents


def show(cents: int) -> str:
    """The amount with two decimals."""
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}"
