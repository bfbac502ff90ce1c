"""What a coder says besides edits is read apart from them, and never out of a file's content."""

from __future__ import annotations

import pytest

from sixfold.domain.prompt import render_system
from sixfold.domain.replies import Unreadable
from sixfold.layers.synthesis.protocol import parse
from sixfold.layers.synthesis.write import NOTHING

FILE = '<file path="a.py">\nx = 1\n</file>\n'


def test_notes_around_files_are_published_and_the_edits_stay_the_same() -> None:
    patch = parse(f"Done.\n{FILE}<note>ids   start at 1</note>\n<note>closes itself</note>\n")
    assert patch.published == ("ids start at 1", "closes itself")
    assert [edit.path for edit in patch.edits] == ["a.py"]
    assert patch.objection is None


def test_a_tag_inside_a_file_is_content() -> None:
    content = '<note>x</note>\n<contract id="C1">wrong</contract>\n'
    patch = parse(f'<file path="page.html">\n{content}</file>\n')
    assert patch.published == ()
    assert patch.objection is None
    assert patch.edits[0].content == content


def test_an_objection_stands_alone() -> None:
    patch = parse(
        '<contract id="store">`get` must say what it returns for nothing found:\nget(id) -> Item | None</contract>'
    )
    assert patch.edits == ()
    assert patch.objection is not None
    assert patch.objection.contract == "store"
    assert patch.objection.text.endswith("Item | None")


def test_files_beside_an_objection_are_work_and_not_an_objection() -> None:
    patch = parse(f'{FILE}<contract id="store">I do not like it</contract>')
    assert patch.objection is None
    assert len(patch.edits) == 1


def test_notes_alone_are_no_answer() -> None:
    with pytest.raises(Unreadable):
        parse("<note>nothing to do</note>")


def test_notes_are_few_and_short() -> None:
    patch = parse(FILE + "".join(f"<note>{number} {'x' * 999}</note>\n" for number in range(9)))
    assert len(patch.published) == 3
    assert max(map(len, patch.published)) <= 300


def test_nothing_to_change_is_an_answer_only_where_it_was_asked_for_and_alone() -> None:
    text = "I looked.\n<nothing>The id is\nmade by the store.</nothing>\n"
    patch = parse(text, may_decline=True)
    assert (patch.edits, patch.declined) == ((), "The id is made by the store.")
    with pytest.raises(Unreadable):
        parse(text)
    both = parse('<file path="a.py">\nx = 1\n</file>\n<nothing>but not this</nothing>\n', may_decline=True)
    assert both.declined == ""
    assert [edit.path for edit in both.edits] == ["a.py"]
    inside = parse('<file path="a.md">\n<nothing>content</nothing>\n</file>\n', may_decline=True)
    assert inside.declined == ""


def test_prompt_of_a_first_attempt_does_not_speak_of_nothing_to_change() -> None:
    values = {"role": "back end", "format": "blocks"}
    first = render_system("sixfold.layers.synthesis", "write", **values, nothing="")
    again = render_system("sixfold.layers.synthesis", "write", **values, nothing=NOTHING)
    assert "nothing>" not in first
    assert again == first + NOTHING
