"""What is planned before it is built: three named tiers, or a size nobody reviews in one sitting."""

from __future__ import annotations

from sixfold.domain.requirements import Entry, Requirement, Specification
from sixfold.evaluation.components import of_size, tiers
from sixfold.layers.planning.extent import expected_lines, reason_to_divide


def specification(words: int, *, kind: str = "library") -> Specification:
    entry = Entry(name="x", kind="cli", start=("python", "x.py")) if kind == "cli" else Entry(name="x", kind="library")
    return Specification(title="Build it", requirements=(Requirement(id="R1", text="word " * words),), entries=(entry,))


def test_three_named_tiers_are_a_reason_also_when_only_the_person_names_them() -> None:
    assert "front end, back end, database" in reason_to_divide(tiers().request, specification(100))
    assert not reason_to_divide("a page with a database behind it", specification(100))


def test_a_module_list_of_a_few_small_parts_is_worth_a_direct_attempt() -> None:
    assert not reason_to_divide(of_size(4).request, specification(700))


def test_more_than_two_increments_are_a_reason() -> None:
    assert "two increments" in reason_to_divide("a big tool", specification(1600, kind="cli"))
    assert not reason_to_divide("a tool", specification(1000, kind="cli"))


def test_a_program_around_the_rules_takes_more_lines_than_the_rules_alone() -> None:
    assert expected_lines(specification(500, kind="cli")) > 2 * expected_lines(specification(500))
