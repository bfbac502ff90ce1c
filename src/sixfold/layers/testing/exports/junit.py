"""Test reports as JUnit XML, the dialect of Jenkins, GitLab and GitHub's reporters."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from sixfold.domain.evidence import TestCase, TestReport

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def to_junit(reports: Sequence[TestReport]) -> str:
    """One `testsuite` a report; requirement ids are properties; a report without verdict has an error of its own."""
    root = ElementTree.Element("testsuites", name="sixfold")
    for report in reports:
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=report.suite,
            tests=str(len(report.cases) + bool(report.problem)),
            failures=str(report.count("failed")),
            errors=str(report.count("error") + bool(report.problem)),
            skipped=str(report.count("skipped")),
            time=f"{report.wall_s:.3f}",
        )
        for case in report.cases:
            suite.append(_case(case))
        if report.problem:
            broken = ElementTree.SubElement(suite, "testcase", classname="sixfold", name="verdict")
            ElementTree.SubElement(broken, "error", message=_clean(report.problem))
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _case(case: TestCase) -> ElementTree.Element:
    path, _, name = case.id.partition("::")
    module = path.removesuffix(".py").replace("/", ".")
    element = ElementTree.Element("testcase", classname=_clean(module), name=_clean(name or path), file=_clean(path))
    if case.requirements:
        properties = ElementTree.SubElement(element, "properties")
        for id in case.requirements:
            ElementTree.SubElement(properties, "property", name="requirement", value=_clean(id))
    kind = {"failed": "failure", "error": "error", "skipped": "skipped"}.get(case.outcome)
    if kind:
        first = case.message.splitlines()[0] if case.message else case.outcome
        ElementTree.SubElement(element, kind, message=_clean(first)).text = _clean(case.message)
    return element


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
