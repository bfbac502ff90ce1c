"""What the fold of an event log promises."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Literal

import msgspec
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "interfaces"))

import sample_run

from sixfold.domain.data import Tree, from_json, to_json
from sixfold.domain.events import GENESIS, Event, seal
from sixfold.domain.evidence import Finding, TestCase, TestReport, matters
from sixfold.domain.fold import advance, fold
from sixfold.domain.narrate import narrate
from sixfold.domain.result import exit_code, next_step, result
from sixfold.domain.run import Approval, Decision
from sixfold.domain.view import RunView, outcomes
from sixfold.workflow.log import EventLog


def events_of(path: Path) -> list[Event]:
    return EventLog(path / "events.jsonl", sample_run.TickingClock()).read()


def view_at(tmp_path: Path, until: str) -> RunView:
    return fold(events_of(sample_run.write_run(tmp_path, until=until)))


def after(view: RunView, kind: str, **data: object) -> RunView:
    """The view after one more event."""
    event = Event(
        seq=view.seq + 1,
        at="2025-03-14T10:00:00.000Z",
        kind=kind,
        key=f"{kind}:{view.seq}",
        data=to_json(data),
        previous=GENESIS,
        hash="",
    )
    return advance(view, seal(event))


def decide(view: RunView, subject: str, verdict: str, **more: str) -> RunView:
    return after(view, "decision.given", decision=Decision(subject=subject, verdict=verdict, who="human:ann", **more))


def test_every_documented_kind_of_event_is_folded_and_told(tmp_path: Path) -> None:
    from sixfold.domain import events
    from sixfold.domain import fold as fold_module
    from sixfold.domain import narrate as narrate_module

    table = (events.__doc__ or "").split("optional):")[1]
    kinds = {line.split()[0] for line in table.splitlines() if line[4:5].strip()}  # deeper lines go on with data
    assert kinds == set(fold_module._HANDLERS)
    assert kinds == set(narrate_module._TELLERS)


def test_folding_in_two_parts_equals_folding_at_once(tmp_path: Path) -> None:
    events = events_of(sample_run.write_run(tmp_path))
    for cut in (1, 20, len(events) - 1):
        assert fold(events[cut:], fold(events[:cut])) == fold(events)


def test_an_event_seen_twice_counts_once(tmp_path: Path) -> None:
    events = events_of(sample_run.write_run(tmp_path))
    assert fold([*events, *events]) == fold(events)


def test_a_view_survives_its_own_json(tmp_path: Path) -> None:
    view = view_at(tmp_path, "validated")
    assert from_json(msgspec.json.decode(msgspec.json.encode(view)), RunView) == view


def test_open_question_waits_and_says_how_to_answer(tmp_path: Path) -> None:
    view = msgspec.structs.replace(view_at(tmp_path, "question"), run="r-1")
    assert (view.status, view.waiting, exit_code(view)) == ("waiting", ("question:Q1",), 3)
    assert next_step(view) == "answer it: sixfold answer r-1 Q1 VALUE"


def test_answered_question_leaves_nothing_waiting_but_needs_resume(tmp_path: Path) -> None:
    view = decide(view_at(tmp_path, "question"), "question:Q1", "answer", value="keep both")
    question = view.question("Q1")
    assert question is not None
    assert (question.status, question.answer, view.waiting) == ("answered", "keep both", ())
    assert (view.status, next_step(view)) == ("waiting", "go on: sixfold resume RUN")


def test_taken_default_is_never_shown_as_an_answer(tmp_path: Path) -> None:
    view = decide(view_at(tmp_path, "question"), "question:Q1", "default")
    question = view.question("Q1")
    assert question is not None
    assert (question.status, question.answer) == ("defaulted", "keep one")


def test_rework_replaces_the_increment_and_stales_its_decision(tmp_path: Path) -> None:
    view = view_at(tmp_path, "release")
    first = view.increment("I1")
    assert first is not None
    assert first.replaced
    assert [item.increment.id for item in view.live_increments] == ["I1.2", "I2", "I4", "I3"]
    rejected = view.decision_on("increment:I1")
    assert rejected is not None
    assert (rejected.verdict, rejected.stale) == ("reject", True)


def test_evidence_belongs_to_exactly_its_tree(tmp_path: Path) -> None:
    view = view_at(tmp_path, "increment")
    item = view.increment("I1")
    assert item is not None
    assert outcomes(item.reports, ("unit",)) == {"passed": 2, "failed": 0, "skipped": 0}
    other = msgspec.structs.replace(item.increment, id="I9", task="T9", tree=Tree("f" * 40))
    fresh = after(view, "increment.proposed", increment=other).increment("I9")
    assert fresh is not None
    assert (fresh.reports, fresh.scanned) == ((), False)


def test_release_approval_goes_stale_when_the_tree_changes(tmp_path: Path) -> None:
    view = view_at(tmp_path, "release")
    assert view.offer is not None
    signed = decide(view, f"release:{view.offer.tree}", "approve")
    assert signed.approvals[-1].stale is False
    moved = after(signed, "release.proposed", offer=msgspec.structs.replace(view.offer, tree=Tree("e" * 40)))
    stale = [item for item in moved.approvals if item.subject.startswith("release:")]
    assert [item.stale for item in stale] == [True]
    assert moved.open_subjects == (f"release:{'e' * 40}",)


def test_approval_of_a_tree_that_was_not_offered_is_stale_from_the_start(tmp_path: Path) -> None:
    view = decide(view_at(tmp_path, "release"), "release:" + "9" * 40, "approve")
    assert isinstance(view.approvals[-1], Approval)
    assert view.approvals[-1].stale


def test_revision_drops_tasks_that_are_no_longer_planned(tmp_path: Path) -> None:
    view = view_at(tmp_path, "work")
    assert view.plan is not None
    smaller = msgspec.structs.replace(view.plan, tasks=view.plan.tasks[:1], revision=2, reason="fewer")
    later = after(view, "plan.made", plan=smaller)
    assert {item.task.id: item.status for item in later.tasks} == {"T1": "running", "T2": "dropped", "T3": "dropped"}
    assert [plan.reason for plan in later.plans] == ["first plan: three components", "fewer"]


def test_validated_tests_are_not_counted_again_for_each_task(tmp_path: Path) -> None:
    told = result(view_at(tmp_path, "validated"))
    assert (told["tests"]["passed"], told["tests"]["acceptance"]["passed"]) == (9, 3)


def test_a_run_without_verdict_is_named_in_the_result(tmp_path: Path) -> None:
    view = view_at(tmp_path, "work")
    crashed = TestReport(suite="unit", problem="the runner was killed", exit_code=137)
    told = result(after(view, "tests.ran", scope="T1", attempt=1, tree="a" * 40, report=crashed))
    assert told["tests"]["without_verdict"] == ["unit: the runner was killed"]


def test_findings_are_counted_by_what_they_do(tmp_path: Path) -> None:
    assert result(view_at(tmp_path, "increment"))["findings"] == {
        "blocking": 0,
        "warning": 1,
        "note": 0,
        "baseline": 1,
    }


def test_two_scanners_that_name_one_matter_count_once_and_the_graver_word_counts() -> None:
    def found(tool: str, rule: str, severity: Literal["error", "warning", "note"], line: int = 3) -> Finding:
        return Finding(tool=tool, rule=rule, severity=severity, message=tool, path="a.py", line=line)

    ruff, bandit = found("ruff", "S602", "warning"), found("bandit", "B602", "error")
    elsewhere, other = found("bandit", "B602", "error", line=9), found("audit", "S602", "error")
    told = matters((ruff, bandit, elsewhere, other))
    assert told == ((bandit, ruff), (elsewhere,), (other,))


def test_result_has_the_contract_keys_at_every_stop(tmp_path: Path) -> None:
    keys = {
        "schema_version", "run", "status", "exit_code", "phase", "specification", "questions", "plan", "branch",
        "base_commit", "tree", "files", "tests", "findings", "approvals", "usage", "report", "next",
    }  # fmt: skip
    for stop in sample_run.STOPS:
        told = result(view_at(tmp_path / stop, stop))
        assert keys <= set(told)
        assert set(msgspec.json.decode(msgspec.json.encode(told))) == set(told)


def test_unknown_price_is_never_counted_as_zero(tmp_path: Path) -> None:
    view = view_at(tmp_path, "work")
    usage = {"calls": 1, "input_tokens": 1, "output_tokens": 1, "cost_usd": None}
    later = after(view, "model.called", purpose="development.x", role="coder", model="x:y", usage=usage)
    assert result(later)["usage"]["cost_usd"] is None


def test_calls_of_validation_cost_money_and_make_no_task(tmp_path: Path) -> None:
    view = view_at(tmp_path, "work")
    usage = {"calls": 1, "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.5}
    call = {"purpose": "validation.write_acceptance", "role": "tester", "model": "x:y", "task": "acceptance"}
    later = after(view, "model.called", **call, usage=usage)
    assert later.tasks == view.tasks
    assert later.usage.calls == view.usage.calls + 1
    assert [item.usage.calls for item in later.by_task if item.name == "acceptance"] == [1]


def test_recorded_answers_are_told_apart_from_paid_ones(tmp_path: Path) -> None:
    usage = {"calls": 1, "input_tokens": 1, "output_tokens": 1, "cost_usd": 0.5}
    view = after(RunView(), "model.called", purpose="a.b", role="coder", model="x:y", usage=usage, replayed=True)
    assert (view.usage.calls, view.replayed_calls) == (1, 1)


def test_waiting_time_is_not_work(tmp_path: Path) -> None:
    view = view_at(tmp_path, "question")
    later = decide(view, "question:Q1", "answer", value="x")  # half an hour later
    assert later.wall_s == view.wall_s
    resumed = after(later, "run.resumed", by="human:ann")
    assert resumed.wall_s == view.wall_s


@pytest.mark.parametrize(
    ("code", "expected"),
    [("budget", 4), ("sandbox-unavailable", 7), ("model-unavailable", 8), ("interrupt", 130), ("replay-drift", 6)],
)
def test_pause_gives_the_exit_code_of_its_cause(code: str, expected: int) -> None:
    view = after(RunView(), "run.paused", code=code, what="w", why="", next="n")
    assert exit_code(view) == expected


def test_work_after_a_pause_means_running_again() -> None:
    paused = after(RunView(), "run.paused", code="budget", what="w", why="", next="n")
    assert after(paused, "run.resumed", by="x").status == "running"
    assert after(paused, "task.started", task="T1", attempt=1, title="t", role="coder").status == "running"


def test_unknown_kinds_are_counted_not_hidden() -> None:
    view = after(RunView(), "future.thing", x=1)
    assert (view.unknown_events, view.timeline[-1].text) == (1, "future.thing")


def test_every_told_line_is_one_line(tmp_path: Path) -> None:
    for event in events_of(sample_run.write_run(tmp_path)):
        assert "\n" not in narrate(event)


def test_a_case_that_ran_twice_counts_as_it_ended() -> None:
    case = TestCase(id="a::b", outcome="failed")
    passed = msgspec.structs.replace(case, outcome="passed")
    reports = (TestReport(suite="unit", cases=(case,)), TestReport(suite="unit", cases=(passed,)))
    assert outcomes(reports, ("unit",)) == {"passed": 1, "failed": 0, "skipped": 0}


def test_tests_of_an_earlier_tree_are_no_evidence_for_the_one_validated_last(tmp_path: Path) -> None:
    view = view_at(tmp_path, "validated")
    [acceptance] = [report for report in view.reports() if report.suite == "acceptance"]
    assert acceptance.count("passed") == 3
    place = {"scope": "validation", "attempt": 3, "tree": "e" * 40}
    own = TestReport(suite="unit", cases=(TestCase(id="a", outcome="passed"),))
    moved = after(view, "tests.ran", **place, report=own)
    assert [report.suite for report in moved.reports("validation")] == ["unit"]
    assert not [report for report in moved.reports() if report.from_outside]
