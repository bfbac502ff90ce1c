"""Findings as SARIF 2.1.0 (OASIS), for code scanning pages and editors."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import quote

from sixfold.domain.data import Json, digest
from sixfold.domain.evidence import Finding

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def to_sarif(findings: Sequence[Finding], *, version: str = "") -> str:
    """One run a tool; findings of the baseline are `unchanged`, others `new`. Same findings, same text."""
    tools = sorted({finding.tool for finding in findings}) or ["sixfold"]
    runs = [_run(tool, [one for one in findings if one.tool == tool], version) for tool in tools]
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": runs}, indent=2, ensure_ascii=False) + "\n"


def _run(tool: str, findings: Sequence[Finding], version: str) -> Json:
    rules: dict[str, Json] = {}
    for finding in findings:
        rule = rules.setdefault(finding.rule, {"id": finding.rule, "shortDescription": {"text": finding.message}})
        if finding.cwe:
            rule["properties"] = {"tags": ["security", f"external/cwe/{finding.cwe.lower()}"]}
    order = list(rules)
    driver: Json = {"name": tool, "informationUri": "https://arxiv.org/abs/2501.11354", "rules": list(rules.values())}
    if version:
        driver["version"] = version
    return {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, order.index(finding.rule)) for finding in findings],
    }


def _result(finding: Finding, rule: int) -> Json:
    result: Json = {
        "ruleId": finding.rule,
        "ruleIndex": rule,
        "level": finding.severity,
        "message": {"text": finding.message},
        "baselineState": "unchanged" if finding.baseline else "new",
        "partialFingerprints": {"sixfold/v1": digest(f"{finding.rule}\0{finding.path}\0{finding.evidence}")},
    }
    if finding.path:
        place: Json = {"artifactLocation": {"uri": quote(finding.path), "uriBaseId": "SRCROOT"}}
        if finding.line > 0:
            place["region"] = {"startLine": finding.line}
        result["locations"] = [{"physicalLocation": place}]
    return result
