from ledger.report import by_category
from ledger.store import Entry


def test_largest_first():
    entries = [Entry(1, "d", 100, "a", ""), Entry(2, "d", 300, "b", ""), Entry(3, "d", 100, "a", "")]
    assert by_category(entries) == [("b", 300), ("a", 200)]
