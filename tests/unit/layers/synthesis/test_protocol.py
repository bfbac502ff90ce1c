"""What a coder says besides edits is read apart from them, and never out of a file's content."""

from __future__ import annotations

import pytest

from sixfold.domain.replies import Unreadable
from sixfold.layers.synthesis.protocol import parse

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
