"""Starts the service and talks to it over HTTP."""

import json
import urllib.parse

import pytest
from accept_service import Service

NOW = "2030-05-06T09:00"


class Slots(Service):
    """The service with a data folder of its own."""

    def __init__(self, data):
        super().__init__("slots", ["--data", data])

    def call(self, method, path, body=None, *, user="", now=NOW, raw=None):
        """Status and JSON of one request by a person, at a moment of the service's clock."""
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        people = {**({"X-User": user} if user else {}), **({"X-Now": now} if now else {})}
        answer = self.send(method, path, data, {"Content-Type": "application/json", **people})
        readable = answer.status < 400 or answer.body[:1] in (b"{", b"[")
        return answer.status, answer.json if answer.body and readable else None

    def machine(self, name):
        status, body = self.call("POST", "/machines", {"name": name}, user="ana")
        assert status == 201, body

    def book(self, begin, end, *, machine="laser", user="ana", now=NOW, **more):
        return self.call(
            "POST", "/bookings", {"machine": machine, "from": begin, "to": end, **more}, user=user, now=now
        )

    def booked(self, begin, end, **more):
        status, body = self.book(begin, end, **more)
        assert status == 201, body
        return body

    def bookings(self, user="ana", **query):
        status, body = self.call("GET", "/bookings" + _query(query), user=user)
        assert status == 200, body
        return body

    def free(self, day, machine="laser", now=NOW):
        status, body = self.call("GET", "/free" + _query({"machine": machine, "day": day}), now=now)
        assert status == 200, body
        return [(gap["from"][11:], gap["to"][11:]) for gap in body]


def _query(query):
    return "?" + urllib.parse.urlencode(query) if query else ""


@pytest.fixture
def service(tmp_path):
    service = Slots(tmp_path / "data")
    (tmp_path / "data").mkdir()
    service.start()
    try:
        service.machine("laser")
        yield service
    finally:
        service.stop()
