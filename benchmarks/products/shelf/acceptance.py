"""Blind acceptance tests."""

import pytest


def add(service, title="Emma", author="Austen"):
    return service.post("/books", json={"title": title, "author": author})


@pytest.mark.req("R1")
def test_posted_book_is_answered_whole_and_found_again(service):
    made = add(service)
    assert made.status == 201
    assert made.json() == {"id": 1, "title": "Emma", "author": "Austen", "lent_to": None}
    assert service.get("/books/1").json() == made.json()
    assert service.get("/books/2").status == 404


@pytest.mark.req("R2")
@pytest.mark.parametrize("body", [{"title": "x"}, {"title": "", "author": "y"}, {"title": 1, "author": "y"}, [], "x"])
def test_malformed_book_is_refused_and_not_stored(service, body):
    assert service.post("/books", json=body).status == 400
    assert service.get("/books").json() == []


@pytest.mark.req("R2")
def test_text_that_is_not_json_is_refused(service):
    assert service.post("/books", data="{").status == 400
    assert service.get("/nowhere").status == 404
    assert service.put("/books", json={}).status == 405


@pytest.mark.req("R3")
def test_books_are_filtered_by_author(service):
    add(service)
    add(service, "Persuasion")
    add(service, "Middlemarch", "Eliot")
    assert [book["id"] for book in service.get("/books?author=Austen").json()] == [1, 2]
    assert [book["id"] for book in service.get("/books").json()] == [1, 2, 3]


@pytest.mark.req("R4")
def test_lent_book_is_marked_and_not_lent_again(service):
    add(service)
    lent = service.post("/books/1/loan", json={"reader": "ann"})
    assert (lent.status, lent.json()["lent_to"], lent.json()["title"]) == (200, "ann", "Emma")
    assert service.get("/books/1").json()["lent_to"] == "ann"
    assert service.post("/books/1/loan", json={"reader": "bob"}).status == 409
    assert service.post("/books/7/loan", json={"reader": "bob"}).status == 404
    assert service.post("/books/1/loan", json={}).status == 400


@pytest.mark.req("R5")
def test_reader_holds_two_books_at_most(service):
    for number in (1, 2, 3):
        add(service)
        status = service.post(f"/books/{number}/loan", json={"reader": "ann"}).status
        assert status == (200 if number < 3 else 409)
    assert service.post("/books/3/loan", json={"reader": "bob"}).status == 200


@pytest.mark.req("R6")
def test_returned_book_is_free_again(service):
    add(service)
    assert service.delete("/books/1/loan").status == 409
    service.post("/books/1/loan", json={"reader": "ann"})
    assert service.delete("/books/1/loan").status == 204
    assert service.get("/books/1").json()["lent_to"] is None
    assert service.post("/books/1/loan", json={"reader": "bob"}).status == 200


@pytest.mark.req("R7")
def test_books_and_loans_survive_a_restart(service):
    add(service)
    service.post("/books/1/loan", json={"reader": "ann"})
    service.restart()
    assert service.get("/books/1").json()["lent_to"] == "ann"


@pytest.mark.req("R8")
def test_reader_sees_their_books(service):
    add(service)
    service.post("/books/1/loan", json={"reader": "ann lee"})
    assert service.get("/readers/ann%20lee").json() == {"reader": "ann lee", "books": [1]}
    assert service.get("/readers/bob").json() == {"reader": "bob", "books": []}
