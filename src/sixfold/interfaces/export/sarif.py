"""Findings as SARIF 2.1.0 (OASIS standard), one SARIF run for each tool."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from sixfold.domain.evidence import Dispute, Finding
from sixfold.domain.run import Approval
from sixfold.domain.view import RunView

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def document(view: RunView) -> str:
    """The findings that count. A run without any recorded scan says so instead of looking clean."""
    tools = sorted({finding.tool for finding in view.findings})
    signed = {dispute.finding: _suppression(dispute, approval) for dispute, approval in view.disputes_signed}
    runs = [_run(tool, [finding for finding in view.findings if finding.tool == tool], signed) for tool in tools]
    if not runs:
        runs = [_run("sixfold", [], {})]
    if not view.scanned:
        runs[0]["invocations"] = [
            {
                "executionSuccessful": False,
                "toolExecutionNotifications": [{"level": "error", "message": {"text": "no scan is recorded"}}],
            }
        ]
    content = {"$schema": _SCHEMA, "version": "2.1.0", "runs": runs}
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"


def _suppression(dispute: Dispute, approval: Approval) -> dict[str, Any]:
    """A finding signed away: who did, why, and what its coder said."""
    why = f": {approval.comment}" if approval.comment else ""
    justification = f"signed away by {approval.who} for tree {approval.tree}{why}; {dispute.task} said: {dispute.text}"
    return {"kind": "external", "status": "accepted", "justification": justification}


def _run(tool: str, findings: list[Finding], signed: Mapping[Finding, dict[str, Any]]) -> dict[str, Any]:
    rules = sorted({finding.rule for finding in findings})
    return {
        "tool": {"driver": {"name": tool, "rules": [{"id": rule} for rule in rules]}},
        "results": [
            _result(finding, rules) | ({"suppressions": [signed[finding]]} if finding in signed else {})
            for finding in findings
        ],
    }


def _result(finding: Finding, rules: list[str]) -> dict[str, Any]:
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": finding.severity,
        "message": {"text": finding.message},
        "baselineState": "unchanged" if finding.baseline else "new",
    }
    if finding.path:
        place: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.path)}}
        if finding.line > 0:
            place["region"] = {"startLine": finding.line}
        result["locations"] = [{"physicalLocation": place}]
    if finding.cwe:
        result["properties"] = {"tags": [finding.cwe]}
    return result
