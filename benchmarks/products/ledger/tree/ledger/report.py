"""Totals."""

from collections import defaultdict

from ledger.store import Entry


def by_category(entries: list[Entry]) -> list[tuple[str, int]]:
    """Category and cents, largest first, ties by name."""
    sums: dict[str, int] = defaultdict(int)
    for entry in entries:
        sums[entry.category] += entry.cents
    return sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))
