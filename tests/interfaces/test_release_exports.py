"""What goes out with a release: bill of materials, provenance, matrix, summary, and the walk before the signature."""

from __future__ import annotations

import csv
import io
import json
import re
import uuid
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

import msgspec
import pytest
import sample_run

from sixfold.domain.errors import UsageError
from sixfold.domain.evidence import Check, Component, FileCoverage, TestCase, TestReport
from sixfold.domain.fold import fold
from sixfold.domain.run import ReleaseOffer
from sixfold.domain.view import VALIDATION, Evidence, RunView
from sixfold.interfaces.export import coverage, junit, matrix, sarif, sbom, slsa, summary
from sixfold.interfaces.report import render
from sixfold.interfaces.walk import MOST, walk
from sixfold.workflow.log import EventLog


@pytest.fixture
def view(tmp_path: Path) -> RunView:
    path = sample_run.write_run(tmp_path, until="validated")
    seen = fold(EventLog(path / "events.jsonl", sample_run.TickingClock()).read())
    offer = seen.offer or ReleaseOffer(tree=sample_run.tree("x"))
    packages = (
        Component(name="Flask_Login", version="1.0", licence="MIT"),
        Component(name="odd", version="2", licence="The Odd License, v2"),
        Component(name="pytest", version="9", tool=True),
    )
    return msgspec.structs.replace(seen, run="r-1", offer=msgspec.structs.replace(offer, components=packages))


def test_bill_of_materials_has_the_fields_cyclonedx_requires(view: RunView) -> None:
    bom = json.loads(sbom.document(view))
    assert (bom["bomFormat"], bom["specVersion"], bom["version"]) == ("CycloneDX", "1.6", 1)
    assert re.fullmatch(r"urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", bom["serialNumber"])
    refs = [one["bom-ref"] for one in bom["components"]] + [bom["metadata"]["component"]["bom-ref"]]
    assert len(set(refs)) == len(refs)
    assert {ref for one in bom["dependencies"] for ref in (one["ref"], *one.get("dependsOn", ()))} <= set(refs)
    first, odd, tool = bom["components"]
    assert first["purl"] == "pkg:pypi/flask-login@1.0"
    assert first["licenses"] == [{"expression": "MIT"}]
    assert odd["licenses"] == [{"license": {"name": "The Odd License, v2"}}]
    assert (first["scope"], tool["scope"]) == ("required", "excluded")
    assert sbom.document(view) == sbom.document(view)


def test_provenance_binds_commit_and_tree_to_what_they_were_made_from(view: RunView) -> None:
    statement = json.loads(slsa.document(view))
    assert (statement["_type"], statement["predicateType"]) == (slsa.STATEMENT, slsa.PREDICATE)
    (subject,) = statement["subject"]
    assert subject["digest"] == {"gitCommit": view.commit, "gitTree": view.tree}
    definition, details = statement["predicate"]["buildDefinition"], statement["predicate"]["runDetails"]
    assert {"buildType", "externalParameters", "resolvedDependencies"} <= set(definition)
    assert details["builder"]["id"]
    assert details["metadata"]["invocationId"] == "r-1"
    assert details["byproducts"][0]["digest"]["sha256"] == view.head
    approvals = [one for one in details["byproducts"] if one["name"].startswith("approval of release")]
    assert approvals[0]["annotations"]["gitTree"] == view.tree


def test_matrix_has_a_row_for_every_requirement_and_says_what_is_not_verified(view: RunView) -> None:
    rows = list(csv.DictReader(io.StringIO(matrix.document(view))))
    written = view.specification.requirements if view.specification else ()
    assert [row["requirement"] for row in rows] == [one.id for one in written]
    assert all((row["evidence"] == "verified") == (int(row["passed"]) > 0 and row["failed"] == "0") for row in rows)
    assert not any(cell.startswith("=") for row in rows for cell in row.values())


def test_summary_escapes_foreign_markup(view: RunView) -> None:
    check = Check(name="tests", ok=False, detail="| <img src=x> [a](b) `x`\n# no")
    text = summary.document(msgspec.structs.replace(view, checks=(check,)))
    assert "<img" not in text
    assert "[a](b)" not in text
    (line,) = [line for line in text.splitlines() if "img" in line]
    assert line.count(" | ") == 2


def test_walk_leads_from_intent_to_trials_and_stays_short(view: RunView) -> None:
    parts = {part.title: part.lines for part in walk(view)}
    assert list(parts)[:2] == ["Intent", "Changes by concern"]
    assert 1 <= len(parts["Where being wrong costs most"]) <= MOST
    assert all(len(lines) <= MOST for title, lines in parts.items() if title != "Changes by concern")


def test_walk_names_requirements_without_evidence_first(view: RunView) -> None:
    offer = msgspec.structs.replace(view.offer, unverified=("FR-001",)) if view.offer else None
    parts = {part.title: part.lines for part in walk(msgspec.structs.replace(view, offer=offer))}
    assert "FR-001 has no executed evidence" in parts["Where being wrong costs most"][0]


def covered(view: RunView, *files: FileCoverage) -> RunView:
    report = TestReport(suite="unit", cases=(TestCase(id="t.py::a", outcome="passed"),), coverage=files)
    return msgspec.structs.replace(
        view, evidence=(*view.evidence, Evidence(scope=VALIDATION, tree=sample_run.tree("x"), report=report))
    )


def test_coverage_has_what_the_cobertura_dtd_requires_and_its_counts_agree(view: RunView) -> None:
    files = (
        FileCoverage(path="src/a<b/x.py", ran=(1, 3), missed=(2, 7)),
        FileCoverage(path="y.py", ran=(1,)),
    )
    root = ElementTree.fromstring(coverage.document(covered(view, *files)))
    rates = {"line-rate", "branch-rate", "complexity"}
    needed = rates | {"lines-covered", "lines-valid", "branches-covered", "branches-valid", "version", "timestamp"}
    assert (root.tag, needed - set(root.attrib)) == ("coverage", set())
    assert [child.tag for child in root] == ["sources", "packages"]
    for package in root.iter("package"):
        assert rates | {"name"} <= set(package.attrib)
        assert [child.tag for child in package] == ["classes"]
    for one in root.iter("class"):
        assert rates | {"name", "filename"} <= set(one.attrib)
        assert [child.tag for child in one] == ["methods", "lines"]
    lines = [
        (one.get("filename"), line.get("number"), line.get("hits")) for one in root.iter("class") for line in one[1]
    ]
    assert lines[0] == ("y.py", "1", "1")
    assert [line[1:] for line in lines[1:]] == [("1", "1"), ("2", "0"), ("3", "1"), ("7", "0")]
    assert (root.get("lines-covered"), root.get("lines-valid"), root.get("line-rate")) == ("3", "5", "0.6000")


def test_lines_no_test_runs_stand_in_the_report_and_on_the_walk(view: RunView) -> None:
    path = view.live_increments[0].increment.files[0].path
    seen = covered(view, FileCoverage(path=path, ran=(1,), missed=(3, 4, 5, 9)))
    page = render(seen, lambda digest: None)
    assert "3-5, 9" in page
    assert "1 of 5 lines were run" in page
    assert "1 of 5" in summary.document(seen)
    costly = next(part.lines for part in walk(seen) if part.title == "Where being wrong costs most")
    assert f"{path}:3 its own tests run 1 of 5 lines" in costly


def test_findings_have_the_fields_sarif_requires(view: RunView) -> None:
    """Required by the schema of SARIF 2.1.0 (OASIS), sections 3.13 to 3.49."""
    log = json.loads(sarif.document(view))
    assert log["version"] == "2.1.0"
    assert urlsplit(log["$schema"]).scheme == "https"
    assert log["runs"]
    for run in log["runs"]:
        assert run["tool"]["driver"]["name"]
        rules = run["tool"]["driver"]["rules"]
        assert len({json.dumps(rule) for rule in rules}) == len(rules)
        assert all(rule["id"] for rule in rules)
        assert all("executionSuccessful" in one for one in run.get("invocations", ()))
        for result in run["results"]:
            assert result["message"]["text"]
            assert result["level"] in ("none", "note", "warning", "error")
            assert result["baselineState"] in ("new", "unchanged", "updated", "absent")
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            for place in result.get("locations", ()):
                physical = place["physicalLocation"]
                assert not re.search(r"[\s\\<>]", physical["artifactLocation"]["uri"])
                assert physical.get("region", {"startLine": 1})["startLine"] >= 1


def test_test_reports_have_the_fields_junit_readers_require(view: RunView) -> None:
    root = ElementTree.fromstring(junit.document(view))
    assert root.tag == "testsuites"
    assert len(root) > 0
    for suite in root:
        assert suite.tag == "testsuite"
        assert {"name", "tests", "failures", "errors", "skipped", "time"} <= set(suite.attrib)
        cases = suite.findall("testcase")
        assert int(suite.attrib["tests"]) == len(cases)
        for tag, count in (("failure", "failures"), ("error", "errors"), ("skipped", "skipped")):
            assert int(suite.attrib[count]) == len(suite.findall(f"testcase/{tag}"))
        for case in cases:
            assert case.get("name")
            assert case.get("classname")
            assert {child.tag for child in case} <= {
                "properties",
                "failure",
                "error",
                "skipped",
                "system-out",
                "system-err",
            }
    for count in ("tests", "failures", "errors", "skipped"):
        assert int(root.attrib[count]) == sum(int(suite.attrib[count]) for suite in root)


def test_bill_of_materials_keeps_to_the_types_of_the_cyclonedx_schema(view: RunView) -> None:
    """Required fields and closed lists of `bom-1.6.schema.json` (ECMA-424)."""
    bom = json.loads(sbom.document(view))
    assert {"bomFormat", "specVersion"} <= set(bom)
    assert bom["version"] >= 1
    assert uuid.UUID(bom["serialNumber"].removeprefix("urn:uuid:"))
    assert datetime.fromisoformat(bom["metadata"]["timestamp"])
    parts = [*bom["components"], bom["metadata"]["component"], *bom["metadata"]["tools"]["components"]]
    for part in parts:
        assert part["type"] in ("application", "framework", "library", "container", "platform", "file")
        assert part["name"]
        assert part.get("scope", "required") in ("required", "optional", "excluded")
        for licence in part.get("licenses", ()):
            assert set(licence) == {"expression"} or {"name", "id"} & set(licence["license"])
        assert all(one["name"] for one in part.get("properties", ()))
    assert all(one["ref"] for one in bom["dependencies"])
    assert len({one["ref"] for one in bom["dependencies"]}) == len(bom["dependencies"])


def test_nothing_is_exported_before_there_is_something_to_say() -> None:
    for module in (sbom, slsa, matrix, coverage):
        with pytest.raises(UsageError):
            module.document(RunView(run="r-1"))
