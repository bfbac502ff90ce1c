"""Acceptance of the lending program."""

import pytest

req, core = pytest.mark.req, pytest.mark.core


@core
@req("R1")
def test_a_loan_is_noted_and_listed(lend):
    lend.ok("lend", "The Hobbit", "Ana", "--due", "2030-06-01")
    row = lend.rows("list")[0]
    assert (row["thing"], row["friend"], row["lent"]) == ("The Hobbit", "Ana", "2030-05-01")
    assert (row["due"], row["back"]) == ("2030-06-01", None)


@core
@req("R2")
def test_without_a_date_it_is_lent_for_three_weeks(lend):
    lend.ok("lend", "drill", "Ana")
    assert lend.rows("list")[0]["due"] == "2030-05-22"


@req("R3")
def test_it_is_overdue_from_the_day_after_the_due_date(lend):
    lend.ok("lend", "drill", "Ana", "--due", "2030-05-10")
    assert lend.rows("overdue", today="2030-05-10") == []
    assert lend.things("overdue", today="2030-05-11") == ["drill"]


@core
@req("R4")
def test_what_is_out_cannot_be_lent_again(lend):
    lend.ok("lend", "drill", "Ana")
    lend.refused("lend", "drill", "Bob")
    assert [row["friend"] for row in lend.rows("list", "--all")] == ["Ana"]
    lend.ok("back", "drill")
    lend.ok("lend", "drill", "Bob")
    assert [row["friend"] for row in lend.rows("list")] == ["Bob"]


@req("R5")
def test_a_thing_is_the_same_whatever_its_capitals_and_spaces(lend):
    lend.ok("lend", "The Hobbit", "Ana")
    lend.refused("lend", "  the   HOBBIT ", "Bob")
    lend.ok("back", "THE hobbit")
    lend.ok("lend", "the hobbit", "Bob")
    assert lend.things("list") == ["The Hobbit"]


@req("R6")
def test_a_friend_is_the_same_whatever_the_capitals_and_spaces(lend):
    lend.ok("lend", "drill", "Ana Maria")
    lend.ok("lend", "saw", " ana  MARIA ")
    rows = lend.rows("friend", "ANA maria")
    assert sorted(row["thing"] for row in rows) == ["drill", "saw"]
    assert {row["friend"] for row in rows} == {"Ana Maria"}


@req("R7")
def test_the_list_begins_with_what_is_due_first(lend):
    lend.ok("lend", "a", "Ana", "--due", "2030-07-01")
    lend.ok("lend", "b", "Ana", "--due", "2030-06-01")
    lend.ok("lend", "c", "Ana", "--due", "2030-06-15")
    assert lend.things("list") == ["b", "c", "a"]


@req("R8")
def test_loans_due_on_one_day_are_in_alphabetical_order(lend):
    for thing in ("saw", "Drill", "axe", "Rope"):
        lend.ok("lend", thing, "Ana", "--due", "2030-06-01")
    assert lend.things("list") == ["axe", "Drill", "Rope", "saw"]


@req("R9")
def test_a_loan_without_due_date_stands_last_and_is_never_overdue(lend):
    lend.ok("lend", "axe", "Ana", "--due", "never")
    lend.ok("lend", "saw", "Ana", "--due", "2030-12-31")
    rows = lend.rows("list")
    assert [(row["thing"], row["due"]) for row in rows] == [("saw", "2030-12-31"), ("axe", None)]
    assert lend.things("overdue", today="2039-01-01") == ["saw"]


@req("R10")
def test_a_date_may_be_written_with_dots(lend):
    lend.ok("lend", "axe", "Ana", "--due", "24.12.2030")
    assert lend.rows("list")[0]["due"] == "2030-12-24"


@req("R11")
def test_a_due_date_in_the_past_is_refused(lend):
    lend.refused("lend", "axe", "Ana", "--due", "2030-04-30")
    lend.ok("lend", "axe", "Ana", "--due", "2030-05-01")
    assert lend.things("list") == ["axe"]


@core
@req("R12")
def test_what_came_back_stays_in_the_history_only(lend):
    lend.ok("lend", "axe", "Ana")
    lend.ok("back", "axe", today="2030-05-03")
    assert lend.rows("list", today="2030-05-03") == []
    assert [(row["thing"], row["back"]) for row in lend.rows("list", "--all")] == [("axe", "2030-05-03")]


@req("R13")
def test_the_history_follows_what_is_out_latest_return_first(lend):
    for thing, day in (("axe", "2030-05-03"), ("saw", "2030-05-09"), ("rope", "2030-05-06")):
        lend.ok("lend", thing, "Ana")
        lend.ok("back", thing, today=day)
    lend.ok("lend", "drill", "Bob", today="2030-05-10")
    assert lend.things("list", "--all", today="2030-05-10") == ["drill", "saw", "rope", "axe"]


@req("R14")
def test_a_thing_that_is_not_out_cannot_come_back(lend):
    lend.refused("back", "axe")
    lend.ok("lend", "axe", "Ana")
    lend.ok("back", "axe")
    lend.refused("back", "axe")


@req("R15")
def test_a_friend_shows_only_what_is_out_now(lend):
    lend.ok("lend", "axe", "Ana")
    lend.ok("lend", "saw", "Ana")
    lend.ok("back", "axe")
    assert lend.things("friend", "Ana") == ["saw"]


@req("R16")
def test_an_unknown_friend_has_nothing(lend):
    lend.ok("lend", "axe", "Ana")
    assert lend.rows("friend", "Zoe") == []


@req("R17")
def test_a_friend_may_have_five_things_at_a_time(lend):
    for number in range(5):
        lend.ok("lend", f"book {number}", "Ana")
    lend.refused("lend", "book 5", "ana")
    lend.ok("lend", "book 5", "Bob")
    lend.ok("back", "book 0")
    lend.ok("lend", "book 6", "Ana")


@req("R18")
def test_overdue_begins_with_the_longest_and_counts_days(lend):
    lend.ok("lend", "axe", "Ana", "--due", "2030-05-20")
    lend.ok("lend", "saw", "Ana", "--due", "2030-05-10")
    rows = lend.rows("overdue", today="2030-05-25")
    assert [(row["thing"], row["days"]) for row in rows] == [("saw", 15), ("axe", 5)]


@req("R19")
def test_the_export_has_semicolons_a_header_and_a_byte_order_mark(lend):
    lend.ok("lend", "Süßholz", "Ana", "--due", "2030-06-01")
    place = lend.folder / "out.csv"
    lend.ok("export", str(place))
    raw = place.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    lines = raw.decode("utf-8-sig").splitlines()
    assert lines == ["thing;friend;lent;due;back", "Süßholz;Ana;2030-05-01;2030-06-01;"]


@req("R20")
def test_the_export_holds_the_whole_history_oldest_first(lend):
    lend.ok("lend", "saw", "Bob", "--due", "never", today="2030-05-02")
    lend.ok("lend", "axe", "Ana", today="2030-05-01")
    lend.ok("back", "axe", today="2030-05-04")
    place = lend.folder / "out.csv"
    lend.ok("export", str(place))
    rows = [line.split(";") for line in place.read_text(encoding="utf-8-sig").splitlines()[1:]]
    assert rows == [["axe", "Ana", "2030-05-01", "2030-05-22", "2030-05-04"], ["saw", "Bob", "2030-05-02", "", ""]]


@req("R21")
@pytest.mark.security("CWE-1236")
def test_a_formula_is_not_exported_as_one(lend):
    lend.ok("lend", "=1+1", "@Ana")
    place = lend.folder / "out.csv"
    lend.ok("export", str(place))
    row = place.read_text(encoding="utf-8-sig").splitlines()[1].split(";")
    assert row[:2] == ["'=1+1", "'@Ana"]


@req("R22")
def test_an_existing_file_is_not_overwritten(lend):
    lend.ok("lend", "axe", "Ana")
    place = lend.folder / "out.csv"
    place.write_text("mine")
    lend.refused("export", str(place))
    assert place.read_text() == "mine"


@req("R23")
def test_removing_forgets_the_history_but_not_what_is_out(lend):
    lend.ok("lend", "axe", "Ana")
    lend.refused("remove", "axe")
    lend.ok("back", "axe")
    lend.ok("remove", "AXE")
    assert lend.rows("list", "--all") == []


@req("R24")
def test_commands_at_the_same_moment_are_all_kept(lend):
    lend.ok("lend", "first", "Ana")
    started = [lend.start("lend", f"thing {number}", f"friend {number}") for number in range(8)]
    for process in started:
        process.communicate(timeout=60)
    assert [process.returncode for process in started] == [0] * 8
    assert len(lend.rows("list")) == 9


@req("R25")
@pytest.mark.parametrize(("thing", "friend"), [("  ", "Ana"), ("axe", ""), ("x" * 81, "Ana"), ("axe", "y" * 81)])
def test_names_that_are_blank_or_too_long_are_refused(lend, thing, friend):
    lend.refused("lend", thing, friend)
    lend.ok("lend", "x" * 80, "y" * 80)
    assert len(lend.rows("list")) == 1


@req("R26")
def test_a_foreign_file_is_refused_and_left_alone(lend):
    content = b"this is my diary\n\x00\xff"
    lend.db.write_bytes(content)
    lend.refused("lend", "axe", "Ana")
    lend.refused("list")
    assert lend.db.read_bytes() == content


@pytest.mark.security("CWE-89")
def test_quotes_in_names_are_only_letters(lend):
    name = "x'; DROP TABLE loans; --"
    lend.ok("lend", name, "A\"n'a")
    assert lend.things("list") == [name]
    assert lend.things("friend", "A\"n'a") == [name]
