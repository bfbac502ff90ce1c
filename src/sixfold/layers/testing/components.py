"""What a product is tested and delivered with: packages, versions, licences. Metadata is read, nothing is imported."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from sixfold.domain.evidence import Component, Finding
from sixfold.domain.ports import Environment
from sixfold.layers.testing.environments import TOOLCHAIN

RECIPROCAL = re.compile(r"(?i)\b(A?GPL|GNU (Affero )?General Public|SSPL|CC-BY-NC|CC-BY-SA|EUPL|OSL)")
"""Licences that ask something of whoever delivers a product; a person decides about those."""


def components(environment: Environment) -> tuple[Component, ...]:
    """Every package of an environment by name; those of the toolchain alone are marked as tools."""
    tools = {_plain(name) for name in re.findall(r"(?m)^([A-Za-z0-9._-]+)==", TOOLCHAIN.read_text(encoding="utf-8"))}
    folder = Path(environment.python).parent.parent
    sites = sorted(str(path) for path in folder.glob("lib/python*/site-packages"))
    licences = {_plain(one.name or ""): _licence(one) for one in distributions(path=sites)} if sites else {}
    found = []
    for package in environment.packages:
        name, _, version = package.partition("==")
        plain = _plain(name)
        found.append(Component(name=name, version=version, licence=licences.get(plain, ""), tool=plain in tools))
    return tuple(found)


def licence_findings(found: Sequence[Component]) -> tuple[Finding, ...]:
    """Packages of the product itself whose licence a person should know about."""
    findings = []
    for one in found:
        if one.tool or (one.licence and not RECIPROCAL.search(one.licence)):
            continue
        what = f"is under {one.licence}" if one.licence else "names no licence"
        findings.append(
            Finding(tool="licences", rule="licence", severity="warning", message=f"{one.name} {one.version} {what}")
        )
    return tuple(findings)


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _licence(one: Distribution) -> str:
    for name in ("License-Expression", "Classifier", "License"):
        told = [str(line).strip() for line in one.metadata.get_all(name) or ()]
        if name == "Classifier":
            told = [line.rpartition(" :: ")[2] for line in told if line.startswith("License :: ")]
        if told and told[0]:
            # The older field may hold the whole text of a licence.
            return " AND ".join(dict.fromkeys(line.splitlines()[0][:80] for line in told))
    return ""
