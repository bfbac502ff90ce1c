"""Acceptance of the recipe library and its command."""

import importlib
import os
import subprocess
import sys

import pytest

req, core = pytest.mark.req, pytest.mark.core


@pytest.fixture
def portions():
    sys.path.insert(0, os.environ["SUT_DIR"])
    return importlib.import_module("portions")


def recipe(*ingredients, serves="Serves 4", title="Soup", method="Cook it."):
    return "\n".join((title, serves, "", *(f"- {item}" for item in ingredients), "", method, ""))


def scaled(portions, *ingredients, people=8, **more):
    text = portions.scale(recipe(*ingredients, **more), people)
    return [line[2:] for line in text.splitlines() if line.startswith("- ")]


def bought(portions, *recipes):
    items = portions.shopping([(text, people) for text, people in recipes])
    return [" ".join(item[key] for key in ("amount", "unit", "name") if item[key]) for item in items]


@core
@req("R1")
def test_amounts_are_scaled(portions):
    assert scaled(portions, "200 g flour", "2 eggs") == ["400 g flour", "4 eggs"]
    assert scaled(portions, "200 g flour", people=2) == ["100 g flour"]


@core
@req("R1")
def test_a_recipe_is_parsed(portions):
    found = portions.parse(recipe("200 g flour", "2 eggs", "butter"))
    assert (found["title"], found["serves"]) == ("Soup", 4)
    assert [tuple(item[key] for key in ("amount", "unit", "name")) for item in found["ingredients"]] == [
        ("200", "g", "flour"),
        ("2", None, "eggs"),
        (None, None, "butter"),
    ]


@req("R2")
@pytest.mark.parametrize("amount", ["1 1/2", "1½", "1.5", "1,5"])
def test_amounts_may_be_written_in_many_ways(portions, amount):
    assert scaled(portions, f"{amount} tbsp oil") == ["3 tbsp oil"]


@req("R2")
@pytest.mark.parametrize("amount", ["1/2", "½", "0.5", "0,5"])
def test_halves_may_be_written_in_many_ways(portions, amount):
    assert scaled(portions, f"{amount} tsp salt") == ["1 tsp salt"]


@core
@req("R3")
def test_counted_things_are_rounded_up(portions):
    assert scaled(portions, "2 eggs", "1 onion", people=3) == ["2 eggs", "1 onion"]
    assert scaled(portions, "1 onion", people=5) == ["2 onion"]


@core
@req("R4")
def test_grams_are_rounded_to_what_one_can_measure(portions):
    assert scaled(portions, "100 g rice", people=3) == ["75 g rice"]
    assert scaled(portions, "50 g rice", people=3) == ["40 g rice"]
    assert scaled(portions, "25 g rice", people=3) == ["19 g rice"]
    assert scaled(portions, "90 ml milk", people=5) == ["115 ml milk"]
    assert scaled(portions, "10 g yeast", people=3) == ["8 g yeast"]


@req("R5")
def test_large_amounts_take_the_larger_unit(portions):
    assert scaled(portions, "500 g flour", "625 ml milk") == ["1 kg flour", "1.25 l milk"]


@req("R6")
def test_small_amounts_take_the_smaller_unit(portions):
    assert scaled(portions, "1 kg flour", "1 l milk", people=2) == ["500 g flour", "500 ml milk"]


@core
@req("R7")
def test_spoons_are_quarters_and_never_nothing(portions):
    assert scaled(portions, "1 tsp salt", people=3) == ["3/4 tsp salt"]
    assert scaled(portions, "1 tbsp oil", people=6) == ["1 1/2 tbsp oil"]
    assert scaled(portions, "1/4 tsp salt", people=1) == ["1/4 tsp salt"]


@req("R8")
def test_a_pinch_stays_a_pinch(portions):
    assert scaled(portions, "1 pinch salt", people=40) == ["1 pinch salt"]


@req("R9")
def test_what_has_no_amount_stays(portions):
    assert scaled(portions, "butter for the pan") == ["butter for the pan"]


@req("R10")
def test_ranges_are_scaled_at_both_ends(portions):
    assert scaled(portions, "2-3 carrots") == ["4-6 carrots"]
    assert scaled(portions, "100-150 g peas") == ["200-300 g peas"]


@req("R11")
def test_only_amounts_and_the_number_of_people_change(portions):
    text = "My  Soup\nServes 4\n\n- 2 eggs\n\nTake 4 plates.\n\n  And wait.\n"
    assert portions.scale(text, 8) == "My  Soup\nServes 8\n\n- 4 eggs\n\nTake 4 plates.\n\n  And wait.\n"


@req("R12")
@pytest.mark.parametrize("line", ["Serves: 6", "serves 6", "SERVES 6-8", "Serves: 6-8"])
def test_the_number_of_people_may_be_written_in_many_ways(portions, line):
    assert scaled(portions, "2 eggs", serves=line, people=12) == ["4 eggs"]
    assert portions.parse(recipe("2 eggs", serves=line))["serves"] == 6


@req("R13")
def test_a_recipe_that_does_not_say_is_for_four(portions):
    text = "Soup\n\n- 2 eggs\n\nCook.\n"
    assert portions.parse(text)["serves"] == 4
    assert "- 4 eggs" in portions.scale(text, 8)


@req("R14")
@pytest.mark.parametrize("people", [0, -1, 101, 2.5, "4"])
def test_a_number_of_people_that_makes_no_sense_is_refused(portions, people):
    with pytest.raises(ValueError):
        portions.scale(recipe("2 eggs"), people)
    assert "- 50 eggs" in portions.scale(recipe("2 eggs"), 100)


@core
@req("R15")
def test_the_same_ingredient_is_added_up_before_rounding(portions):
    first, second = recipe("0.8 kg flour", "1 egg"), recipe("300 g flour", "1 egg", title="Cake")
    assert bought(portions, (first, 4), (second, 4)) == ["2 egg", "1.1 kg flour"]
    half = recipe("1 egg")
    assert bought(portions, (half, 2), (half, 2)) == ["1 egg"]


@req("R16")
def test_capitals_and_plural_do_not_matter(portions):
    assert bought(portions, (recipe("1 Egg"), 4), (recipe("2 eggs"), 4)) == ["3 Egg"]


@req("R17")
def test_what_cannot_be_added_stays_apart(portions):
    assert bought(portions, (recipe("300 g sugar"), 4), (recipe("2 tbsp sugar"), 4)) == ["300 g sugar", "2 tbsp sugar"]


@req("R18")
def test_the_list_is_alphabetical(portions):
    first = recipe("2 Zucchini", "1 apple", "3 tbsp Cream")
    second = recipe("200 ml cream", "100 g cream", "Basil")
    assert bought(portions, (first, 4), (second, 4)) == [
        "1 apple",
        "Basil",
        "100 g Cream",
        "200 ml Cream",
        "3 tbsp Cream",
        "2 Zucchini",
    ]


@req("R19")
def test_water_is_not_bought(portions):
    assert bought(portions, (recipe("1 l water", "2 eggs", "200 ml Water"), 4)) == ["2 eggs"]


@req("R20")
def test_an_amount_beats_none(portions):
    assert bought(portions, (recipe("butter"), 4), (recipe("100 g butter"), 4)) == ["100 g butter"]


@req("R21")
def test_the_larger_end_of_a_range_is_bought(portions):
    assert bought(portions, (recipe("2-3 carrots"), 8)) == ["6 carrots"]


@req("R22")
def test_line_ends_of_windows_stay(portions):
    text = recipe("2 eggs").replace("\n", "\r\n")
    assert portions.scale(text, 8) == recipe("4 eggs", serves="Serves 8").replace("\n", "\r\n")


def command(*words):
    return subprocess.run(
        [sys.executable, "-m", "portions", *words],
        cwd=os.environ["SUT_DIR"],
        capture_output=True,
        text=True,
        timeout=30,
    )


@core
@req("R23")
def test_the_command_does_the_same_and_refuses_cleanly(tmp_path):
    place = tmp_path / "soup.txt"
    place.write_text(recipe("2 eggs", "200 g flour"))
    done = command("scale", str(place), "8")
    assert done.returncode == 0
    assert "- 4 eggs" in done.stdout.splitlines()
    done = command("shop", f"{place}=8", f"{place}=4")
    assert done.stdout.splitlines() == ["6 eggs", "600 g flour"]
    for words in (("scale", str(place), "many"), ("scale", str(tmp_path / "no.txt"), "4"), ("shop", f"{place}=0")):
        done = command(*words)
        assert done.returncode != 0
        assert done.stdout == ""
        assert "Traceback" not in done.stderr
        assert done.stderr.strip()
