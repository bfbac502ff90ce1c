"""Acceptance of the statement program."""

import pytest

req, core = pytest.mark.req, pytest.mark.core


@core
@req("R1")
def test_both_banks_end_up_in_one_file(desk):
    desk.rules("rent,home\n")
    desk.bank_a("a.csv", "2030-01-05,Rent January,-1200.00")
    desk.bank_b("b.csv", "07.01.2030;Gehalt GmbH;2.500,00")
    desk.run()
    shown = {tuple(row[field] for field in ("date", "text", "amount", "category", "source")) for row in desk.table()}
    assert ("2030-01-05", "Rent January", "-1200.00", "home", "a.csv") in shown
    assert ("2030-01-07", "Gehalt GmbH", "2500.00") in {row[:3] for row in shown}
    assert desk.months()["2030-01"]["home"] == "-1200.00"


@core
@req("R2")
def test_overlapping_downloads_count_once(desk):
    desk.bank_a("jan.csv", "2030-01-05,Shop,-10.00", "2030-01-31,Bakery,-3.00")
    desk.bank_a("feb.csv", "2030-01-31,Bakery,-3.00", "2030-02-01,Shop,-11.00")
    assert sorted(desk.run().column("amount")) == ["-10.00", "-11.00", "-3.00"]


@core
@req("R3")
def test_equal_movements_within_one_file_are_both_real(desk):
    desk.bank_a("jan.csv", "2030-01-05,Coffee,-2.50", "2030-01-05,Coffee,-2.50")
    desk.bank_a("more.csv", "2030-01-05,Coffee,-2.50")
    assert desk.run().column("amount") == ["-2.50", "-2.50"]


@req("R4")
@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_both_encodings_of_bank_b_are_read(desk, encoding):
    desk.bank_b("b.csv", "07.01.2030;Bäckerei Groß – 5 €;-3,00", encoding=encoding)
    assert desk.run().column("text") == ["Bäckerei Groß – 5 €"]


@req("R5")
def test_a_byte_order_mark_does_not_hurt(desk):
    desk.bank_a("a.csv", "2030-01-05,Shop,-1.00", encoding="utf-8-sig")
    desk.bank_b("b.csv", "06.01.2030;Shop;-2,00", encoding="utf-8-sig")
    assert sorted(desk.run().column("amount")) == ["-1.00", "-2.00"]


@req("R6")
def test_the_newest_come_first(desk):
    desk.bank_a("a.csv", "2030-01-05,a,-1.00", "2030-03-01,b,-1.00", "2029-12-31,c,-1.00")
    assert desk.run().column("date") == ["2030-03-01", "2030-01-05", "2029-12-31"]


@req("R7")
def test_movements_of_a_day_are_ordered_by_text_then_amount(desk):
    desk.bank_a("a.csv", *(f"2030-01-05,{text}" for text in ("Zoo,-1.00", "bar,5.00", "bar,-7.00", "Apple,2.00")))
    desk.run()
    assert [(row["text"], row["amount"]) for row in desk.table()] == [
        ("Apple", "2.00"),
        ("bar", "-7.00"),
        ("bar", "5.00"),
        ("Zoo", "-1.00"),
    ]


@req("R8")
def test_a_keyword_is_found_anywhere_in_any_capitals(desk):
    desk.rules("SHOP,food\n")
    desk.bank_a("a.csv", "2030-01-05,The Workshop 12,-1.00")
    assert desk.run().column("category") == ["food"]


@core
@req("R9")
def test_the_longest_keyword_wins_then_the_first(desk):
    desk.rules("super,food\nsupermarket fuel,car\nabcde,first\nbcdef,second\n")
    desk.bank_a(
        "a.csv", "2030-01-06,Supermarket Fuel 7,-40.00", "2030-01-05,Supermarket,-4.00", "2030-01-04,abcdef,-1.00"
    )
    assert desk.run().column("category") == ["car", "food", "first"]


@req("R10")
def test_what_fits_no_rule_is_unsorted(desk):
    desk.bank_a("a.csv", "2030-01-05,Mystery,-1.00")
    assert desk.run().column("category") == ["unsorted"]
    assert desk.months() == {"2030-01": {"unsorted": "-1.00"}}


@core
@req("R11")
def test_transfers_are_listed_but_not_summed(desk):
    desk.rules("savings,transfer\n")
    desk.bank_a("a.csv", "2030-01-05,To savings,-500.00", "2030-01-06,Shop,-1.00")
    desk.run()
    assert sorted(desk.column("category")) == ["transfer", "unsorted"]
    assert desk.months() == {"2030-01": {"unsorted": "-1.00"}}


@core
@req("R12")
def test_a_line_that_cannot_be_read_is_noted_and_the_others_are_done(desk):
    desk.bank_a(
        "a.csv", "2030-01-05,Shop,-1.00", "2030-02-30,Never,-1.00", "2030-01-06,Odd,many", "2030-01-07,Bar,-2.00"
    )
    desk.run(expect=3)
    assert sorted(desk.column("text")) == ["Bar", "Shop"]
    problems = desk.table("problems.csv")
    assert [(row["file"], row["line"]) for row in problems] == [("a.csv", "3"), ("a.csv", "4")]
    assert all(row["reason"].strip() for row in problems)


@req("R13")
def test_the_exit_code_tells_that_something_was_left_out(desk):
    desk.bank_a("a.csv", "2030-01-05,Shop")
    desk.run(expect=3)


@req("R14")
def test_a_file_of_another_form_is_left_out_and_noted(desk):
    desk.put("c.csv", "name,age\nana,7\n")
    desk.bank_a("a.csv", "2030-01-05,Shop,-1.00")
    desk.run(expect=3)
    assert desk.column("source") == ["a.csv"]
    assert [(row["file"], row["line"]) for row in desk.table("problems.csv")] == [("c.csv", "1")]


@req("R15")
def test_without_problems_an_old_problem_file_goes_away(desk):
    desk.put("c.csv", "name,age\n")
    desk.bank_a("a.csv", "2030-01-05,Shop,-1.00")
    desk.run(expect=3)
    (desk.inbox / "c.csv").unlink()
    desk.run()
    assert not (desk.out / "problems.csv").exists()


@req("R16")
def test_sums_are_exact_to_the_cent(desk):
    desk.bank_a(
        "a.csv", *(f"2030-01-05,Shop {number},-0.10" for number in range(30)), "2030-01-05,Big,-90071992547409.93"
    )
    assert desk.run().months() == {"2030-01": {"unsorted": "-90071992547412.93"}}


@req("R17")
def test_months_between_appear_empty(desk):
    desk.bank_a("a.csv", "2029-11-05,Shop,-1.00", "2030-02-05,Shop,-1.00")
    months = desk.run().months()
    assert set(months) == {"2029-11", "2029-12", "2030-01", "2030-02"}
    assert months["2029-12"] == months["2030-01"] == {}


@req("R18")
def test_the_largest_category_stands_first(desk):
    desk.rules("rent,home\npay,income\nshop,food\nbar,drinks\n")
    desk.bank_a(
        "a.csv", *(f"2030-01-05,{line}" for line in ("shop,-20.00", "pay,900.00", "rent,-1000.00", "bar,-20.00"))
    )
    assert list(desk.run().months()["2030-01"]) == ["home", "income", "drinks", "food"]


@req("R19")
def test_spaces_in_texts_are_cleaned_up(desk):
    desk.bank_a("a.csv", "2030-01-05,  The    Shop ,-1.00")
    assert desk.run().column("text") == ["The Shop"]


@req("R20")
def test_the_source_is_the_first_file_alphabetically(desk):
    desk.bank_a("m.csv", "2030-01-05,Shop,-1.00")
    desk.bank_a("b.csv", "2030-01-05,Shop,-1.00")
    desk.bank_a("x.csv", "2030-01-05,Shop,-1.00")
    assert desk.run().column("source") == ["b.csv"]


@req("R21")
def test_subfolders_are_read(desk):
    desk.bank_a("2030/jan/a.csv", "2030-01-05,Shop,-1.00")
    assert desk.run().column("source") == ["a.csv"]


@req("R22")
def test_capital_endings_are_read_and_other_files_ignored(desk):
    desk.bank_a("a.CSV", "2030-01-05,Shop,-1.00")
    desk.put("notes.txt", "hello")
    desk.put("picture.pdf", "%PDF")
    assert desk.run().column("source") == ["a.CSV"]


@req("R23")
def test_signs_may_stand_behind_or_be_a_plus(desk):
    desk.bank_b("b.csv", "07.01.2030;a;1.012,00-", "07.01.2030;b;+12,50", "07.01.2030;c;-3,00")
    assert desk.run().column("amount") == ["-1012.00", "12.50", "-3.00"]


@req("R24")
def test_movements_of_zero_are_dropped(desk):
    desk.bank_a("a.csv", "2030-01-05,Info,0.00", "2030-01-06,Shop,-1.00")
    desk.bank_b("b.csv", "05.01.2030;Info;0,00")
    assert desk.run().column("text") == ["Shop"]


@req("R25")
@pytest.mark.parametrize("place", [".", "out"])
def test_the_output_does_not_go_into_the_input(desk, place):
    desk.bank_a("a.csv", "2030-01-05,Shop,-1.00")
    desk.run(expect=2, out=desk.inbox / place)
    assert [path.name for path in desk.inbox.iterdir()] == ["a.csv"]


@req("R26")
def test_without_rules_nothing_is_written(desk):
    desk.bank_a("a.csv", "2030-01-05,Shop,-1.00")
    desk.rules_file.unlink()
    desk.run(expect=2)
    assert not desk.out.exists() or list(desk.out.iterdir()) == []


@req("R27")
def test_foreign_files_in_the_output_folder_stay(desk):
    desk.out.mkdir()
    (desk.out / "mine.txt").write_text("mine")
    (desk.out / "movements.csv").write_text("old")
    desk.bank_a("a.csv", "2030-01-05,Shop,-1.00")
    desk.run()
    assert (desk.out / "mine.txt").read_text() == "mine"
    assert desk.column("text") == ["Shop"]
