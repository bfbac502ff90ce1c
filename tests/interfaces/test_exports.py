"""Exports other tools read: valid, complete, and honest about what is missing."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest
import sample_run

from sixfold.domain.errors import UsageError
from sixfold.domain.events import Event
from sixfold.domain.evidence import TestCase, TestReport
from sixfold.domain.fold import fold
from sixfold.domain.view import Evidence, RunView
from sixfold.interfaces.export import audit, junit, sarif, spec_kit
from sixfold.workflow.log import EventLog


def events_at(tmp_path: Path, until: str = "validated") -> list[Event]:
    path = sample_run.write_run(tmp_path, until=until)
    return EventLog(path / "events.jsonl", sample_run.TickingClock()).read()


def test_junit_counts_every_case(tmp_path: Path) -> None:
    root = ElementTree.fromstring(junit.document(fold(events_at(tmp_path))))
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("12", "0", "0")
    assert len(root.findall("testsuite/testcase")) == 12


def test_junit_shows_a_missing_verdict_as_an_error_and_survives_control_characters() -> None:
    case = TestCase(id="a.py::b", outcome="failed", message="\x1b[31m\x00 bad \ufffe")
    report = TestReport(suite="unit", cases=(case,), problem="killed", output="\x08")
    view = RunView(evidence=(Evidence(scope="T1", tree=sample_run.tree("x"), report=report),))
    root = ElementTree.fromstring(junit.document(view))
    assert (root.get("failures"), root.get("errors")) == ("1", "1")


def test_junit_names_the_requirements_a_case_stands_for() -> None:
    cases = (
        TestCase(id="a.py::b", outcome="passed", requirements=("R1", "R2")),
        TestCase(id="a.py::c", outcome="passed"),
    )
    report = TestReport(suite="acceptance", cases=cases)
    root = ElementTree.fromstring(
        junit.document(RunView(evidence=(Evidence(scope="T1", tree=sample_run.tree("x"), report=report),)))
    )
    named = [[each.get("value") for each in case.iter("property")] for case in root.iter("testcase")]
    assert named == [["R1", "R2"], []]


def test_sarif_places_every_finding(tmp_path: Path) -> None:
    content = json.loads(sarif.document(fold(events_at(tmp_path, "increment"))))
    assert content["version"] == "2.1.0"
    results = content["runs"][0]["results"]
    assert {result["baselineState"] for result in results} == {"new", "unchanged"}
    assert results[1]["locations"][0]["physicalLocation"]["region"]["startLine"] == 7


def test_sarif_without_a_scan_does_not_look_clean() -> None:
    content = json.loads(sarif.document(RunView()))
    assert content["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_audit_names_every_decision_and_the_chain(tmp_path: Path) -> None:
    events = events_at(tmp_path)
    content = json.loads(audit.document(fold(events), events))
    assert content["chain"] == {"whole": True, "broken_at": None, "events": len(events), "head": events[-1].hash}
    assert {decision["who"] for decision in content["decisions"]} == {"human:ann", "policy:no-risk"}
    forged = [*events[:3], msgspec.structs.replace(events[3], who="human:eve"), *events[4:]]
    assert json.loads(audit.document(fold(forged), forged))["chain"]["broken_at"] == 3


def test_spec_kit_files_hold_requirements_answers_and_tasks(tmp_path: Path) -> None:
    files = spec_kit.files(fold(events_at(tmp_path)))
    assert sorted(files) == [f"specs/001-build-a-bookmark-service/{name}.md" for name in ("plan", "spec", "tasks")]
    text = "\n".join(files.values())
    assert "**FR-002**" in text
    assert "A: keep one (answered)" in text
    assert "- [x] T3" in text
    assert "\u202e" not in text


def test_spec_kit_without_specification_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        spec_kit.files(fold(events_at(tmp_path, "question")))
