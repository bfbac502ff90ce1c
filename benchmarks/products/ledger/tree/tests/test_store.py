from ledger.store import Store


def test_add_and_remove():
    store = Store(":memory:")
    assert store.add("2026-01-01", 100, "food") == 1
    assert [entry.cents for entry in store.entries()] == [100]
    assert store.remove(1)
    assert not store.remove(1)


def test_bounds():
    store = Store(":memory:")
    for day in ("2026-01-03", "2026-01-01", "2026-01-02"):
        store.add(day, 1, "x")
    assert [entry.date for entry in store.entries("2026-01-02", "2026-01-03")] == ["2026-01-02", "2026-01-03"]
