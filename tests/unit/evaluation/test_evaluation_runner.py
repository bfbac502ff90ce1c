"""Which attempt comes next: one that takes over answers waits for them."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from sixfold import wiring
from sixfold.config import Settings
from sixfold.domain.errors import SixfoldError
from sixfold.domain.run import Options
from sixfold.evaluation.runner import Place, ready
from sixfold.evaluation.sample import Row, Sample
from sixfold.evaluation.solvers import SOLVERS
from sixfold.workflow.engine import in_memory


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


@pytest.mark.slow
def test_a_resumed_run_keeps_the_edit_format_it_began_with(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    options = Options(models=(("*", "command:false"),))
    (tmp_path / "folder").mkdir()
    run = wiring.start(settings, "create fizz.py", (), tmp_path / "folder", options)
    with contextlib.suppress(SixfoldError):  # the model fails at once; by then the options are in force
        wiring.drive(settings, run, options=options, parts=wiring.Parts(durable=in_memory))
    begun, resumed = (
        event.data["options"]["edit_format"]
        for event in wiring.state_of(settings).log(run).read()
        if event.kind in ("run.created", "run.resumed")
    )
    assert begun == resumed != "auto"
