"""`python -m tariff`."""

import argparse
import json
import sys

from tariff.quotes import quote


def main(argv: list[str] | None = None) -> int:
    """Quote one parcel; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tariff")
    parser.add_argument("country")
    parser.add_argument("grams", type=int)
    parser.add_argument("--express", action="store_true")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(argv)
    try:
        found = quote(options.country, options.grams, express=options.express)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if options.json:
        print(json.dumps(found._asdict()))
    else:
        print(f"{found.zone} {found.cents / 100:.2f} EUR, {found.days} days")
    return 0


if __name__ == "__main__":
    sys.exit(main())
