"""Resolves asked packages to a lock with hashes: what does not exist, or is too new, is told and left out.

`uv pip compile` asks the index; its `--exclude-newer` (upload times: PEP 700) holds for everything the asked packages
need in turn. An invented name that somebody registered this week is refused by its age, whoever asked for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sixfold.domain.data import Data
from sixfold.domain.errors import ConfigurationError
from sixfold.domain.evidence import Finding
from sixfold.layers.testing.dependencies import nearest

UNKNOWN = re.compile(r"Because ([A-Za-z0-9._-]+) was not found in the (?:package registry|provided package locations)")
FILTERED = re.compile(
    r"`([A-Za-z0-9._-]+)` was filtered by `exclude-newer`.*?latest version satisfying the requirement is (\S+?)"
    r"(?:, published at (\d{4}-\d\d-\d\d)\S*)?\. Consider"
)
UNSATISFIABLE = "No solution found"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

ROUNDS = 60
"""More refusals than this in one environment are not sorted out one by one."""


class Said(Data, frozen=True, kw_only=True):
    """What the resolver said."""

    ok: bool
    lock: str = ""
    why: str = ""
    """Its words on one line; empty when it found a solution."""


class Locked(Data, frozen=True, kw_only=True):
    """What can be installed of what was asked for."""

    packages: tuple[str, ...]
    """The asked ones that are in the lock."""
    lock: str
    """A requirements file with versions and hashes of everything."""
    findings: tuple[Finding, ...]


def lock(
    asked: Sequence[str], resolve: Callable[[Sequence[str], Sequence[str]], Said], *, cutoff: datetime | None
) -> Locked:
    """Find versions for the asked packages; leave out, and tell, those the index does not have or has only just got.

    Args:
        asked: requirements.
        resolve: asks the resolver for a lock of requirements; packages named second are taken whatever their age.
        cutoff: only what was uploaded before; None = anything.

    Raises:
        ConfigurationError: the index cannot be asked, or the packages exclude each other.
    """
    kept, ageless = list(asked), set[str]()
    findings: list[Finding] = []
    for _ in range(ROUNDS):
        said = resolve(kept, sorted(ageless)) if kept else Said(ok=True)
        if said.ok:
            inside = {_canonical(line.split("==")[0]) for line in said.lock.splitlines() if "==" in line}
            findings += [_ageless(name) for name in sorted(ageless) if _canonical(name) in inside]
            return Locked(packages=tuple(kept), lock=said.lock, findings=tuple(findings))
        if UNSATISFIABLE not in said.why:
            raise _unreachable(said, kept)
        filtered = FILTERED.search(said.why)
        if filtered and not filtered[3] and filtered[1] not in ageless:
            ageless.add(filtered[1])
            continue
        culprit = _culprit(kept, said, resolve, sorted(ageless))
        if not culprit:
            raise ConfigurationError(f"the packages exclude each other: {', '.join(kept)}", why=said.why[:400])
        kept.remove(culprit[0])
        findings.append(_refusal(culprit[0], culprit[1], asked, cutoff))
    raise ConfigurationError(f"more than {ROUNDS} of the asked packages cannot be installed: {', '.join(kept[:5])}, …")


def _culprit(
    kept: Sequence[str], said: Said, resolve: Callable[[Sequence[str], Sequence[str]], Said], ageless: Sequence[str]
) -> tuple[str, Said] | None:
    """The first asked package that cannot be had even alone, and what the resolver says about it."""
    named = next((m[1] for m in (UNKNOWN.search(said.why), FILTERED.search(said.why)) if m), "")
    for one in sorted(kept, key=lambda each: _canonical(_name(each)) != _canonical(named)):
        alone = resolve([one], ageless)
        if not alone.ok and UNSATISFIABLE in alone.why:
            return one, alone
    return None


def _refusal(asked: str, said: Said, known: Sequence[str], cutoff: datetime | None) -> Finding:
    name = _name(asked)
    unknown, filtered = UNKNOWN.search(said.why), FILTERED.search(said.why)
    if unknown:
        missing = unknown[1]
        near = nearest(missing, (_canonical(_name(other)) for other in known if other != asked))
        through = "" if _canonical(missing) == _canonical(name) else f", which {name} needs"
        text = f"there is no package {missing} in the configured index{through}"
        return _finding("unknown-package", f"{text}; did you mean {near}?" if near else text, asked)
    if filtered and cutoff is not None:
        text = (
            f"{filtered[1]} {filtered[2]} was uploaded on {filtered[3]}, after {cutoff:%Y-%m-%d}; too new to be trusted"
        )
        return _finding("too-new-package", text, asked)
    return _finding("no-such-version", f"no version fits {asked}: {said.why[-200:]}", asked)


def _finding(rule: str, message: str, asked: str) -> Finding:
    return Finding(
        tool="dependencies",
        rule=rule,
        severity="warning",
        message=f"{message}; not installed",
        cwe="CWE-1357",
        evidence=asked,
    )


def _ageless(name: str) -> Finding:
    text = f"the index does not say when {name} was uploaded; it was taken without a look at its age"
    return Finding(tool="dependencies", rule="unknown-age", severity="note", message=text, evidence=name)


def _unreachable(said: Said, kept: Sequence[str]) -> ConfigurationError:
    return ConfigurationError(
        f"the environment could not be built: {', '.join(kept)}",
        why=said.why[:400],
        next="check that the package index is reachable (UV_DEFAULT_INDEX, PIP_INDEX_URL, proxy, certificates)",
    )


def _name(requirement: str) -> str:
    found = NAME.match(requirement.strip())
    return found[0] if found else requirement


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def oldest_allowed(now: datetime, min_age_days: float) -> datetime | None:
    """The moment before which a file must have been uploaded; None when any age will do."""
    return now - timedelta(days=min_age_days) if min_age_days > 0 else None
