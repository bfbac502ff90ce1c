"""Test reports as JUnit XML (the dialect of https://github.com/testmoapp/junitxml)."""

from __future__ import annotations

from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sixfold.domain.evidence import TestReport
from sixfold.domain.view import RunView
from sixfold.interfaces.escape import visible


def document(view: RunView) -> str:
    """One `testsuite` for each report that counts; a run without a verdict is an error, never an empty success.

    A case names the requirements it stands for as properties.
    """
    reports = view.reports()
    root = Element("testsuites", name=visible(view.run))
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for report in reports:
        for name, number in _suite(root, report).items():
            totals[name] += number
    for name, number in totals.items():
        root.set(name, str(number))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _suite(root: Element, report: TestReport) -> dict[str, int]:
    counts = {
        "tests": len(report.cases) + bool(report.problem),
        "failures": report.count("failed"),
        "errors": report.count("error") + bool(report.problem),
        "skipped": report.count("skipped"),
    }
    suite = SubElement(root, "testsuite", name=report.suite, time=f"{report.wall_s:.3f}")
    for name, number in counts.items():
        suite.set(name, str(number))
    for case in report.cases:
        file, _, name = case.id.partition("::")
        element = SubElement(suite, "testcase", classname=visible(file), name=visible(name or file))
        if case.requirements:
            properties = SubElement(element, "properties")
            for id in case.requirements:
                SubElement(properties, "property", name="requirement", value=visible(id))
        if case.outcome != "passed":
            tag = {"failed": "failure", "error": "error", "skipped": "skipped"}[case.outcome]
            SubElement(element, tag, message=visible(case.message.partition("\n")[0])).text = visible(case.message)
    if report.problem:
        element = SubElement(suite, "testcase", classname=report.suite, name="runner")
        SubElement(element, "error", message=visible(report.problem)).text = visible(report.output)
    return counts
