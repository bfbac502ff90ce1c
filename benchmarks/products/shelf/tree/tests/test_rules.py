from types import SimpleNamespace

import pytest

from shelf import rules


class Shelf:
    def __init__(self, lent_to=None, held=()):
        self.lent_to, self._held, self.orders = lent_to, held, []

    def book(self, id):
        return SimpleNamespace(lent_to=self.lent_to, _replace=lambda **new: SimpleNamespace(**new)) if id == 1 else None

    def held(self, reader):
        return self._held

    def lend(self, id, reader):
        self.orders.append((id, reader))


def test_free_book_is_lent():
    shelf = Shelf()
    assert rules.lend(shelf, 1, "ann").lent_to == "ann"
    assert shelf.orders == [(1, "ann")]


@pytest.mark.parametrize(
    ("shelf", "id", "status"), [(Shelf("bob"), 1, 409), (Shelf(), 2, 404), (Shelf(held=(5, 6)), 1, 409)]
)
def test_refusals(shelf, id, status):
    with pytest.raises(rules.Refused) as error:
        rules.lend(shelf, id, "ann")
    assert error.value.status == status


def test_given_back():
    shelf = Shelf("ann")
    rules.give_back(shelf, 1)
    assert shelf.orders == [(1, None)]
