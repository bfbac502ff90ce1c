"""Where a country lies."""

NEAR = {"AT", "CH", "FR", "NL", "PL"}


def zone_of(country: str) -> str:
    """The zone of an ISO code.

    Raises:
        ValueError: not two letters.
    """
    code = country.upper()
    if len(code) != 2 or not code.isalpha():
        raise ValueError(f"not a country: {country}")
    return "home" if code == "DE" else "near" if code in NEAR else "far"
