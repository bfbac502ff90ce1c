"""Every rule of ours finds its defects and leaves their repairs alone, run by the real Semgrep in the real sandbox."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from plain_folders import Folders

from semgrep_here import installed
from sixfold.domain.evidence import Finding
from sixfold.layers.testing.sandbox import Backend
from sixfold.layers.testing.scanners.semgrep import RULES, Semgrep

CASES: list[dict[str, Any]] = tomllib.loads(Path(__file__).with_name("semgrep_cases.toml").read_text())["case"]
RULE = re.compile(r"^  - id: ([a-z-]+)$", re.MULTILINE)
CWE = re.compile(r"^    metadata: \{cwe: (CWE-\d+)\}$", re.MULTILINE)


def rule_files() -> list[str]:
    return [file.read_text(encoding="utf-8") for file in sorted(RULES.glob("*.yaml"))]


def test_every_rule_has_defects_and_repairs_and_a_weakness() -> None:
    named = [name for text in rule_files() for name in RULE.findall(text)]
    assert sorted(named) == sorted(case["rule"] for case in CASES)
    assert sum(len(CWE.findall(text)) for text in rule_files()) == len(named)
    assert [case["rule"] for case in CASES if not (case["insecure"] and case["secure"])] == []


@pytest.mark.slow
async def test_every_rule_finds_its_defects_and_no_rule_blocks_a_repair(folders: Folders, sandbox: Backend) -> None:
    files = {
        f"{case['rule']}_{kind}_{number}.{case['ending']}": case["before"] + text
        for case in CASES
        for kind in ("insecure", "secure")
        for number, text in enumerate(case[kind])
    }
    found: dict[str, list[Finding]] = {path: [] for path in files}
    for finding in await Semgrep(folders, sandbox, installed()).scan(folders.add(files)):  # type: ignore[arg-type]
        found[finding.path].append(finding)
    missed, wrong = [], []
    for path, findings in found.items():
        rule = path.split("_")[0]
        rules = {one.rule for one in findings}
        if "_insecure_" in path and rule not in rules:
            missed.append(path)
        if "_secure_" in path and (rule in rules or any(one.severity == "error" for one in findings)):
            wrong.append((path, sorted(rules)))
    assert missed == []
    assert wrong == []
