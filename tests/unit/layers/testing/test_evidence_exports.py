"""Exports keep their formats' structure with whatever a product printed."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from sixfold.domain.evidence import Finding, TestCase, TestReport
from sixfold.layers.testing.exports.junit import to_junit
from sixfold.layers.testing.exports.sarif import to_sarif


def test_junit_counts_agree_with_its_cases() -> None:
    report = TestReport(
        suite="acceptance",
        cases=(
            TestCase(id="a/test_x.py::test_ok", outcome="passed", requirements=("R1",)),
            TestCase(id="a/test_x.py::C::test_bad", outcome="failed", message="boom <&> \x00\x1b[31m]]>\nmore"),
            TestCase(id="a/test_x.py::test_skip", outcome="skipped", message="later"),
            TestCase(id="a/test_y.py", outcome="error", message="SyntaxError"),
        ),
        exit_code=1,
        problem="the test process ended early",
        wall_s=1.5,
    )
    (suite,) = ElementTree.fromstring(to_junit([report]))
    assert {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")} == {
        "tests": "5",
        "failures": "1",
        "errors": "2",
        "skipped": "1",
    }
    assert len(suite.findall("testcase")) == 5
    assert len(suite.findall("testcase/error")) == 2
    assert [one.get("value") for one in suite.iter("property")] == ["R1"]


def test_sarif_has_the_structure_code_scanning_needs() -> None:
    findings = [
        Finding(tool="audit", rule="sql", severity="error", message="m", path="a b/ü.py", line=3, cwe="CWE-89"),
        Finding(tool="audit", rule="sql", severity="note", message="m", path="c.py", baseline=True),
        Finding(tool="ruff", rule="S101", severity="warning", message="m"),
    ]
    log = json.loads(to_sarif(findings, version="1.0"))
    assert log["version"] == "2.1.0"
    assert [run["tool"]["driver"]["name"] for run in log["runs"]] == ["audit", "ruff"]
    for run in log["runs"]:
        rules = run["tool"]["driver"]["rules"]
        assert len({rule["id"] for rule in rules}) == len(rules)
        for result in run["results"]:
            assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
            assert result["level"] in ("error", "warning", "note")
            assert result["message"]["text"]
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "a%20b/%C3%BC.py", "uriBaseId": "SRCROOT"},
        "region": {"startLine": 3},
    }
    assert log["runs"][0]["results"][1]["baselineState"] == "unchanged"


def test_nothing_found_is_still_a_valid_log() -> None:
    assert json.loads(to_sarif([]))["runs"][0]["results"] == []
