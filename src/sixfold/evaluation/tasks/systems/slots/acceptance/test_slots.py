"""Acceptance of the reservation service."""

import contextlib
import threading

import pytest

req, core = pytest.mark.req, pytest.mark.core
DAY = "2030-05-07"


def at(clock, day=DAY):
    return f"{day}T{clock}"


@core
@req("R1")
def test_a_reservation_survives_a_restart(service):
    made = service.booked(at("10:00"), at("11:00"), note="acrylic")
    assert (made["machine"], made["user"], made["from"], made["to"]) == ("laser", "ana", at("10:00"), at("11:00"))
    service.restart()
    assert [item["id"] for item in service.bookings()] == [made["id"]]
    assert [item["name"] for item in service.call("GET", "/machines")[1]] == ["laser"]


@core
@req("R2")
@pytest.mark.parametrize(
    ("begin", "end"), [("10:00", "11:00"), ("10:30", "10:45"), ("09:45", "10:15"), ("09:00", "12:00")]
)
def test_a_machine_is_not_reserved_twice(service, begin, end):
    service.booked(at("10:00"), at("11:00"))
    assert service.book(at(begin), at(end), user="bob")[0] == 409
    assert len(service.bookings()) == 1


@req("R3")
def test_reservations_may_touch(service):
    service.booked(at("10:00"), at("11:00"))
    service.booked(at("11:00"), at("12:00"), user="bob")
    service.booked(at("09:00"), at("10:00"), user="cyd")


@core
@req("R4")
def test_opening_hours_are_kept(service):
    assert service.book(at("07:45"), at("08:30"))[0] == 422
    assert service.book(at("19:30"), at("20:15"))[0] == 422
    service.booked(at("08:00"), at("09:00"))
    service.booked(at("19:00"), at("20:00"))


@req("R5")
def test_times_are_on_the_quarter_hour(service):
    assert service.book(at("10:10"), at("11:00"))[0] == 422
    assert service.book(at("10:00"), at("10:50"))[0] == 422
    service.booked(at("10:15"), at("10:30"))


@req("R6")
def test_a_reservation_lasts_at_most_four_hours(service):
    assert service.book(at("10:00"), at("14:15"))[0] == 422
    service.booked(at("10:00"), at("14:00"))


@req("R7")
def test_a_reservation_begins_in_the_future_and_ends_after_it_begins(service):
    assert service.book(at("10:00"), at("10:00"))[0] == 422
    assert service.book(at("11:00"), at("10:00"))[0] == 422
    assert service.book("2030-05-06T08:30", "2030-05-06T09:30")[0] == 422
    assert service.book("2030-05-05T10:00", "2030-05-05T11:00")[0] == 422


@req("R8")
def test_one_can_reserve_fourteen_days_ahead(service):
    assert service.book("2030-05-21T10:00", "2030-05-21T11:00")[0] == 422
    service.booked("2030-05-20T19:00", "2030-05-20T20:00")


@core
@req("R9")
def test_a_person_has_at_most_two_coming_reservations(service):
    service.machine("lathe")
    service.booked(at("10:00"), at("11:00"))
    service.booked(at("10:00"), at("11:00"), machine="lathe")
    assert service.book(at("15:00"), at("16:00"))[0] == 409
    service.booked(at("15:00"), at("16:00"), user="bob")
    service.booked("2030-05-08T15:00", "2030-05-08T16:00", now="2030-05-07T12:00")


@req("R10")
def test_a_person_is_the_same_whatever_the_capitals(service):
    made = service.booked(at("10:00"), at("11:00"), user="Ana")
    service.booked(at("11:00"), at("12:00"), user="ANA")
    assert service.book(at("12:00"), at("13:00"), user="ana")[0] == 409
    assert service.call("DELETE", f"/bookings/{made['id']}", user="aNa")[0] == 204


@core
@req("R11")
@pytest.mark.security("CWE-639")
def test_only_its_maker_cancels_a_reservation(service):
    made = service.booked(at("10:00"), at("11:00"))
    assert service.call("DELETE", f"/bookings/{made['id']}", user="bob")[0] == 403
    assert len(service.bookings()) == 1
    assert service.call("DELETE", f"/bookings/{made['id']}", user="ana")[0] == 204


@req("R12")
def test_what_has_begun_cannot_be_cancelled(service):
    made = service.booked(at("10:00"), at("11:00"))
    assert service.call("DELETE", f"/bookings/{made['id']}", user="ana", now=at("10:15"))[0] == 409
    assert service.call("DELETE", f"/bookings/{made['id']}", user="ana", now=at("09:45"))[0] == 204


@req("R13")
def test_a_cancelled_reservation_is_gone(service):
    first = service.booked(at("10:00"), at("11:00"))
    service.booked(at("12:00"), at("13:00"))
    assert service.call("DELETE", f"/bookings/{first['id']}", user="ana")[0] == 204
    assert len(service.bookings()) == 1
    service.booked(at("10:00"), at("11:00"))
    assert service.call("DELETE", f"/bookings/{first['id']}", user="ana")[0] == 404


@req("R14")
def test_reservations_are_listed_by_beginning_then_machine(service):
    service.machine("axe grinder")
    service.booked(at("14:00"), at("15:00"))
    service.booked(at("10:00"), at("11:00"), user="bob")
    service.booked(at("10:00"), at("12:00"), machine="axe grinder")
    shown = [(item["from"][11:], item["machine"]) for item in service.bookings()]
    assert shown == [("10:00", "axe grinder"), ("10:00", "laser"), ("14:00", "laser")]
    assert [item["machine"] for item in service.bookings(machine="laser", day=DAY)] == ["laser", "laser"]
    assert service.bookings(day="2030-05-08") == []


@req("R15")
@pytest.mark.security("CWE-200")
def test_a_note_is_private(service):
    service.booked(at("10:00"), at("11:00"), note="a present for Bob")
    assert service.bookings(user="ana")[0]["note"] == "a present for Bob"
    assert service.bookings(user="bob")[0]["note"] is None
    assert service.bookings(user="")[0]["note"] is None


@req("R16")
def test_a_note_has_at_most_two_hundred_characters(service):
    assert service.book(at("10:00"), at("11:00"), note="ä" * 201)[0] == 422
    made = service.booked(at("10:00"), at("11:00"), note="  " + "ä" * 200 + " ")
    assert made["note"] == "ä" * 200


@core
@req("R17")
def test_free_time_is_what_lies_between_reservations(service):
    service.booked(at("10:00"), at("11:00"))
    service.booked(at("11:00"), at("11:30"), user="bob")
    service.booked(at("19:00"), at("20:00"))
    assert service.free(DAY) == [("08:00", "10:00"), ("11:30", "19:00")]
    assert service.free("2030-05-08") == [("08:00", "20:00")]


@req("R18")
def test_the_past_part_of_today_is_not_free(service):
    assert service.free(DAY, now=at("10:07")) == [("10:15", "20:00")]
    assert service.free(DAY, now=at("10:30")) == [("10:30", "20:00")]
    assert service.free(DAY, now=at("20:30")) == []


@req("R19")
def test_a_machine_is_the_same_whatever_the_capitals(service):
    assert service.call("POST", "/machines", {"name": "LASER"}, user="ana")[0] == 409
    assert service.booked(at("10:00"), at("11:00"), machine="Laser")["machine"] == "laser"
    assert len(service.bookings(machine="LaSeR")) == 1


@req("R20")
def test_machines_are_listed_alphabetically(service):
    for name in ("Zange", "axe", "Bohrer"):
        service.machine(name)
    assert [item["name"] for item in service.call("GET", "/machines")[1]] == ["axe", "Bohrer", "laser", "Zange"]


@req("R21")
def test_reserving_needs_a_name_and_looking_does_not(service):
    made = service.booked(at("10:00"), at("11:00"))
    assert service.book(at("12:00"), at("13:00"), user="")[0] == 401
    assert service.call("DELETE", f"/bookings/{made['id']}")[0] == 401
    assert len(service.bookings(user="")) == 1
    assert service.free(DAY)


@req("R22")
def test_an_unknown_machine_is_not_found(service):
    assert service.book(at("10:00"), at("11:00"), machine="nosuch")[0] == 404
    assert service.call("GET", "/bookings?machine=nosuch")[0] == 404
    assert service.call("GET", f"/free?machine=nosuch&day={DAY}")[0] == 404


@req("R23")
def test_of_simultaneous_requests_exactly_one_wins(service):
    statuses = []

    def ask(number):
        statuses.append(service.book(at("10:00"), at("11:00"), user=f"user{number}")[0])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [201] + [409] * 11
    assert len(service.bookings()) == 1


@req("R24")
def test_numbers_are_not_used_again(service):
    first = service.booked(at("10:00"), at("11:00"))
    assert service.call("DELETE", f"/bookings/{first['id']}", user="ana")[0] == 204
    service.restart()
    assert service.booked(at("10:00"), at("11:00"))["id"] != first["id"]


@req("R25")
@pytest.mark.security("CWE-400")
def test_a_large_body_is_refused(service):
    raw = b'{"name": "' + b"x" * 70_000 + b'"}'
    with contextlib.suppress(OSError):  # hung up while we were still sending: refused as well
        assert service.call("POST", "/machines", raw=raw, user="ana")[0] == 413
    assert len(service.call("GET", "/machines")[1]) == 1


@req("R26")
def test_broken_bodies_are_refused_and_surplus_fields_ignored(service):
    for raw in (b"{", b"[1]", b'"laser"', b"\xff\xfe"):
        assert service.call("POST", "/machines", raw=raw, user="ana")[0] == 400
    service.booked(at("10:00"), at("11:00"), colour="red")


@req("R27")
def test_seconds_are_understood_and_not_shown(service):
    made = service.booked(at("10:00") + ":00", at("11:00") + ":00")
    assert (made["from"], made["to"]) == (at("10:00"), at("11:00"))


@pytest.mark.security("CWE-89")
def test_quotes_in_names_are_only_letters(service):
    name = "x'; DROP TABLE bookings; --"
    service.machine(name)
    service.booked(at("10:00"), at("11:00"), machine=name, user="o'brien")
    assert [item["machine"] for item in service.bookings()] == [name]
