from notices.store import Store


def test_urgent_first(tmp_path):
    store = Store(str(tmp_path))
    store.add("a", False)
    store.add("b", True)
    assert [one["text"] for one in store.all()] == ["b", "a"]
    assert store.remove(1)
    assert not store.remove(1)
