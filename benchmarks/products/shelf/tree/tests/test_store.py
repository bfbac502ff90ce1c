from shelf.store import Store


def test_books_are_kept_in_order(tmp_path):
    store = Store(str(tmp_path))
    store.add("A", "x")
    store.add("B", "y")
    assert [book.title for book in store.books()] == ["A", "B"]
    assert [book.title for book in store.books("y")] == ["B"]


def test_lending_is_noted(tmp_path):
    store = Store(str(tmp_path))
    store.add("A", "x")
    store.lend(1, "ann")
    assert store.held("ann") == [1]
    assert store.book(2) is None
