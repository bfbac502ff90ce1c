"""The difference of two prompts is readable, however long their lines are."""

from __future__ import annotations

from sixfold.layers.models.difference import readable

NAMES = ("recorded", "asked now")


def test_a_long_line_is_cut_to_the_place_where_it_parts() -> None:
    one, other = "a" * 5000 + "RED" + "b" * 5000, "a" * 5000 + "BLUE" + "b" * 5000
    lines = readable(["same", one], ["same", other], NAMES).splitlines()
    assert lines[:2] == ["--- recorded", "+++ asked now"]
    (removed,) = [line for line in lines[2:] if line.startswith("-")]
    (added,) = [line for line in lines[2:] if line.startswith("+")]
    assert removed.startswith("-…aaa")
    assert "aaaRED" in removed
    assert "aaaBLUE" in added
    assert max(map(len, lines)) < 160


def test_short_lines_stand_as_they_are() -> None:
    shown = readable(["x", "old", "y"], ["x", "new", "y"], NAMES)
    assert shown.splitlines()[2:] == ["@@ -1,3 +1,3 @@", " x", "-old", "+new", " y"]


def test_a_difference_at_the_start_of_a_long_line_is_shown_from_its_start() -> None:
    lines = readable(["R" + "c" * 900], ["B" + "c" * 900], NAMES).splitlines()
    assert [line[:3] for line in lines[3:]] == ["-Rc", "+Bc"]
    assert all(line.endswith("c…") for line in lines[3:])


def test_of_many_differing_lines_the_first_are_shown_and_the_rest_counted() -> None:
    old, new = [f"old {n}" for n in range(100)], [f"new {n}" for n in range(100)]
    lines = readable(old, new, NAMES).splitlines()
    assert len(lines) == 61
    assert lines[-1] == "… 143 more lines differ"


def test_lines_that_stand_on_one_side_only_are_cut_at_their_end() -> None:
    lines = readable(["x"], ["x", "n" * 1000], NAMES).splitlines()
    assert lines[-1] == "+" + "n" * 140 + "…"
