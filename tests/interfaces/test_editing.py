"""A person changes the specification in an editor: what is sound counts, what is not is refused and not lost."""

from __future__ import annotations

import pytest

from sixfold.domain.errors import UsageError
from sixfold.domain.requirements import Assumption, Question, Requirement, Specification
from sixfold.interfaces.editing import decisions_of, editable_text

WRITTEN = Specification(
    title="Share bookmarks",
    requirements=(
        Requirement(id="R1", text="THE SYSTEM SHALL list."),
        Requirement(id="R2", text="WHEN R1 is empty, THE SYSTEM SHALL say so."),
    ),
    assumptions=(Assumption(id="A1", text="Order: newest first"), Assumption(id="A2", text="Delete: for good")),
    questions=(
        Question(id="Q1", text="Whose list?", default="shared", status="answered", answer="shared"),
        Question(id="Q2", text="How many?", default="10"),
    ),
)


def decided(text: str) -> list[tuple[str, str, str]]:
    return [(one.subject, one.verdict, one.value) for one in decisions_of(WRITTEN, text, who="human:ann")]


def test_text_that_was_not_changed_decides_nothing() -> None:
    text = editable_text(WRITTEN)
    assert "R1: THE SYSTEM SHALL list." in text
    assert "Q1: Whose list? → shared" in text
    assert "Q2" not in text  # open: it is answered where its options stand
    assert decided(text) == []


def test_every_changed_line_is_one_decision() -> None:
    text = editable_text(WRITTEN)
    text = text.replace("SHALL list.", "SHALL list all.").replace("→ shared", "→ own lists")
    text = text.replace("newest first", "oldest first") + "R3: THE SYSTEM SHALL count.\n"
    assert decided(text) == [
        ("question:Q1", "answer", "own lists"),
        ("assumption:A1", "answer", "Order: oldest first"),
        ("requirement:R1", "answer", "THE SYSTEM SHALL list all."),
        ("requirement:R3", "answer", "THE SYSTEM SHALL count."),
    ]


def test_deleted_requirement_is_dropped_and_deleted_assumption_stays() -> None:
    lines = [line for line in editable_text(WRITTEN).splitlines() if not line.startswith(("R2", "A2"))]
    assert decided("\n".join(lines)) == [("requirement:R2", "reject", "")]


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("R1: THE SYSTEM SHALL list.", "R1:  ", "line 8 leaves R1 without a sentence"),
        ("R2: WHEN", "R1: WHEN", "uses R1 a second time"),
        ("R1: THE SYSTEM", "THE SYSTEM", "line 8 is no line of a specification"),
        ("SHALL list.", "SHALL list as in R9.", "R1 refers to R9"),
        ("A2: Delete", "A7: Delete", "A7 is unknown"),
        ("→ shared", "→", "Q1 has no answer"),
    ],
)
def test_unsound_edit_is_refused_with_its_place(old: str, new: str, why: str) -> None:
    text = editable_text(WRITTEN)
    assert old in text
    with pytest.raises(UsageError, match=why):
        decisions_of(WRITTEN, text.replace(old, new), who="human:ann")


def test_specification_without_any_requirement_is_refused() -> None:
    lines = [line for line in editable_text(WRITTEN).splitlines() if not line.startswith("R")]
    with pytest.raises(UsageError, match="no requirement is left"):
        decisions_of(WRITTEN, "\n".join(lines), who="human:ann")
