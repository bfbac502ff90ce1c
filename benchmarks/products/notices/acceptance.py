"""Blind acceptance tests."""

import pytest


@pytest.mark.req("R1")
def test_posted_notice_is_answered_and_listed(services):
    board = services["board"]
    made = board.post("/notices", json={"text": "Tea", "urgent": True})
    assert (made.status, made.json()) == (201, {"id": 1, "text": "Tea", "urgent": True})
    assert board.get("/notices").json() == [{"id": 1, "text": "Tea", "urgent": True}]


@pytest.mark.req("R2")
@pytest.mark.parametrize("body", [{}, {"text": " "}, {"text": "x" * 201}, {"text": 1}, []])
def test_bad_text_is_refused(services, body):
    assert services["board"].post("/notices", json=body).status == 400
    assert services["board"].get("/notices").json() == []


@pytest.mark.req("R3")
def test_urgent_notices_come_first(services):
    board = services["board"]
    for text, urgent in (("a", False), ("b", True), ("c", False), ("d", True)):
        board.post("/notices", json={"text": text, "urgent": urgent})
    assert [one["text"] for one in board.get("/notices").json()] == ["b", "d", "a", "c"]


@pytest.mark.req("R4")
def test_page_shows_the_boards_notices_in_order_and_escaped(services):
    board, web = services["board"], services["web"]
    board.post("/notices", json={"text": "a <b>", "urgent": False})
    board.post("/notices", json={"text": "fire", "urgent": True})
    page = web.get("/")
    assert page.status == 200
    assert '<li class="urgent">fire</li><li>a &lt;b&gt;</li>' in page.text
    assert page.headers["content-type"].startswith("text/html")


@pytest.mark.req("R5")
def test_form_adds_a_notice(services):
    board, web = services["board"], services["web"]
    sent = web.post("/", data={"text": "from the form", "urgent": "on"})
    assert (sent.status, sent.headers["location"]) == (303, "/")
    assert web.post("/", data={"text": "calm & kind"}).status == 303
    assert [(one["text"], one["urgent"]) for one in board.get("/notices").json()] == [
        ("from the form", True),
        ("calm & kind", False),
    ]


@pytest.mark.req("R5")
def test_refusal_of_the_board_is_shown(services):
    refused = services["web"].post("/", data={"text": ""})
    assert refused.status == 400
    assert "characters" in refused.text
    assert services["board"].get("/notices").json() == []


@pytest.mark.req("R6")
def test_silent_board_is_a_bad_gateway(services):
    web = services["web"]
    services["board"].stop()
    assert web.get("/").status == 502
    assert web.get("/health").status == 200


@pytest.mark.req("R7")
def test_notices_survive_a_restart(services):
    services["board"].post("/notices", json={"text": "stay", "urgent": False})
    services["board"].restart()
    assert "stay" in services["web"].get("/").text


@pytest.mark.req("R8")
def test_deleted_notice_is_gone_from_both(services):
    board, web = services["board"], services["web"]
    board.post("/notices", json={"text": "old", "urgent": False})
    assert board.delete("/notices/1").status == 204
    assert board.delete("/notices/1").status == 404
    assert "No notices." in web.get("/").text


@pytest.mark.req("R1")
@pytest.mark.parametrize("name", ["board", "web"])
def test_any_other_path_is_not_found(services, name):
    assert services[name].get("/elsewhere").status == 404
