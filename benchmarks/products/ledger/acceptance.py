"""Blind acceptance tests."""

import pytest


@pytest.mark.req("R1", "R7")
def test_added_entry_is_listed_with_its_note(cli):
    assert cli("add", "2026-03-01", "12.3", "rent", "--note", "March, late").stdout == "added 1\n"
    assert cli("list").stdout == "1\t2026-03-01\t12.30\trent\tMarch, late\n"


@pytest.mark.req("R1")
def test_ids_count_up(cli):
    cli("add", "2026-03-01", "1", "a")
    assert cli("add", "2026-03-01", "2", "a").stdout == "added 2\n"


@pytest.mark.req("R2")
@pytest.mark.parametrize("words", [("2026-02-30", "1"), ("1.3.2026", "1"), ("2026-03-01", "1.234"), ("2026-03-01", "")])
def test_malformed_input_is_refused_and_nothing_is_stored(cli, words):
    refused = cli("add", *words, "food")
    assert refused.exit == 2
    assert refused.stderr.strip()
    assert cli("list").stdout == ""


@pytest.mark.req("R3")
def test_list_is_sorted_and_bounds_are_inclusive(cli):
    for day in ("2026-01-03", "2026-01-01", "2026-01-02", "2026-01-04"):
        cli("add", day, "1", "x")
    listed = cli("list", "--from", "2026-01-02", "--to", "2026-01-03").stdout.splitlines()
    assert [line.split("\t")[1] for line in listed] == ["2026-01-02", "2026-01-03"]
    assert [line.split("\t")[0] for line in cli("list").stdout.splitlines()] == ["2", "3", "1", "4"]


@pytest.mark.req("R4")
def test_removed_entry_is_gone_and_a_missing_one_is_an_error(cli):
    cli("add", "2026-01-01", "5", "x")
    done = cli("remove", "1")
    assert (done.exit, done.stdout) == (0, "removed 1\n")
    assert cli("list").stdout == ""
    missing = cli("remove", "1")
    assert missing.exit == 1
    assert "no entry 1" in missing.stderr


@pytest.mark.req("R5")
def test_totals_are_exact_and_by_category(cli):
    for amount, category in (("0.1", "a"), ("0.2", "a"), ("-1.05", "b")):
        cli("add", "2026-01-01", amount, category)
    assert cli("total").stdout == "-0.75\n"
    assert cli("total", "a").stdout == "0.30\n"
    assert cli("total", "none").stdout == "0.00\n"


@pytest.mark.req("R6")
def test_report_orders_by_total_then_name(cli):
    assert cli("report").stdout == "no entries\n"
    for amount, category in (("1", "b"), ("1", "a"), ("3", "c"), ("0.50", "a"), ("0.50", "b")):
        cli("add", "2026-01-01", amount, category)
    assert cli("report").stdout == "c\t3.00\na\t1.50\nb\t1.50\n"
