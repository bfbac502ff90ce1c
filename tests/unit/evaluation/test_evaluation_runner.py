"""Which attempt comes next: one that takes over answers waits for them."""

from __future__ import annotations

from pathlib import Path

from sixfold import wiring
from sixfold.config import Settings
from sixfold.evaluation.runner import Place, ready
from sixfold.evaluation.sample import Row, Sample
from sixfold.evaluation.solvers import SOLVERS


def place(name: str, solver: str, epoch: int = 1) -> Place:
    return Sample(id=name, request="x", rows=(Row(id="R1", text="a"),)), SOLVERS[solver], epoch


def test_attempts_are_made_in_order() -> None:
    left = [place("a", "plain"), place("a", "full")]
    assert ready(left, []) == left[0]
    assert ready([], [place("a", "full")]) is None


def test_an_attempt_waits_for_the_answers_it_takes_over_while_others_go_on() -> None:
    waiting, other = place("a", "reviewed"), place("b", "plain")
    assert ready([waiting, other], [place("a", "full")]) == other
    assert ready([waiting, place("a", "full")], []) == place("a", "full")
    assert ready([waiting], [place("a", "full")]) is None
    assert ready([waiting], [place("b", "full"), place("a", "full", epoch=2)]) == waiting


def test_answers_are_lent_without_the_lenders_roles(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    state = wiring.state_of(settings)
    lender, run = state.create(), state.create()
    cassette = state.folder(lender) / "cassette"
    cassette.mkdir()
    (cassette / "cassette.json").write_text("{}")
    (cassette / "abc.json").write_text("an answer")
    wiring.share_answers(settings, lender, run)
    assert [path.name for path in (state.folder(run) / "cassette").iterdir()] == ["abc.json"]
