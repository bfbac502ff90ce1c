"""The product's boundaries beyond its examples: contracts of the plan, restart, many at once, bad input, the page."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from sixfold.domain.data import Data, to_json
from sixfold.domain.evidence import Check, Finding, Limits
from sixfold.domain.plan import Plan
from sixfold.domain.ports import Workspace
from sixfold.domain.requirements import Entry, Specification
from sixfold.layers.testing.contracts import verdicts
from sixfold.layers.testing.contracts.promises import Promise, promises
from sixfold.layers.testing.harness import PRODUCT, boot, modules
from sixfold.layers.testing.harness.channel import read_result
from sixfold.layers.testing.normalise import normalise
from sixfold.layers.testing.runner import Product

GUEST = ("exercise", "crowd", "commands", "contract", *PRODUCT, "channel", "supervisor", "listing")
KEEPS = re.compile(r"(?i)\b(restart\w*|persist\w*|surviv\w*|between (commands|runs|starts)|durabl\w*|kept? .* over)\b")
"""Words of a requirement that make a lost answer a broken promise."""
AT_ONCE = re.compile(
    r"(?i)\b(concurren\w*|simultaneous\w*|at once|at the same time|in parallel"
    r"|several (people|users|visitors|processes))\b"
)
"""Words of a requirement that make trouble among commands at once a broken promise; services are always asked so."""
EXERCISE_S = 180.0
"""Seconds after which nothing new is tried at the boundaries."""
BROWSERS = (
    "/usr/lib/chromium/chromium",  # behind a wrapper that wants settings from /etc
    "/usr/lib/chromium-browser/chromium-browser",
    "/opt/google/chrome/chrome",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
)
_FIND_BROWSER = "import shutil, sys; print(next((p for n in sys.argv[1:] if (p := shutil.which(n))), ''))"
BROWSER_BYTES = 256 << 30
"""Address space a browser reserves: its renderer cages 32 GiB for each of several heaps and dies below some 100 GiB.
What it really uses is a few hundred MiB; the product beside it gets the usual bound."""


class Boundary(Data, frozen=True, kw_only=True):
    """What was seen at the boundaries."""

    checks: tuple[Check, ...] = ()
    findings: tuple[Finding, ...] = ()


async def try_boundaries(
    workspace: Workspace, product: Product, specification: Specification, plan: Plan | None
) -> Boundary:
    """Contract checks (`contract:ID`), `together` for several services, and checks of each entry.

    A service gets `restart:`, `crowd:`, `bad-input:` and `page:` checks, a command line `crowd:` and `bad-input:`.

    Raises:
        SandboxUnavailable: nothing could be run.
    """
    wanted = promises(plan, _programs(specification)) if plan is not None else ()
    services = [entry for entry in specification.entries if entry.kind == "service"]
    commands = [entry for entry in specification.entries if entry.kind == "cli"]
    if not wanted and not services and not commands:
        return Boundary()
    seen = await _exercise(workspace, product, specification, wanted)
    if seen is None:
        lost = Check(name="boundaries", ok=False, skipped=True, detail="the product could not be exercised")
        return Boundary(checks=(lost,))
    checks = [verdicts.check(promise, _seen_for(promise, seen)) for promise in wanted]
    findings: list[Finding] = []
    if len(services) > 1:
        checks.append(_together(services, seen))
    for entry in commands:
        if entry.name in seen["commands"]:
            checks += _command_checks(entry, specification, seen["commands"][entry.name])
            findings += _bad_input_findings(entry, seen["commands"][entry.name]["bad"])
    for entry in services:
        if entry.name in seen["services"]:
            checks += _service_checks(entry, specification, seen["services"][entry.name], workspace.folder)
            findings += _bad_input_findings(entry, seen["services"][entry.name]["bad"])
            if "html" in seen["services"][entry.name]["media"]:
                checks.append(await _page(workspace, product, entry))
    return Boundary(checks=tuple(checks), findings=tuple(findings))


def _programs(specification: Specification) -> tuple[str, ...]:
    names = [entry.name for entry in specification.entries if entry.kind == "cli"]
    names += [word.rsplit("/", 1)[-1] for entry in specification.entries for word in entry.start[:3]]
    return tuple(dict.fromkeys(name for name in names if not name.startswith(("-", "python", "{"))))


async def _exercise(
    workspace: Workspace, product: Product, specification: Specification, wanted: Sequence[Promise]
) -> dict[str, Any] | None:
    nonce = secrets.token_hex(32)
    reads = [route.path for one in wanted for route in one.routes if route.method == "GET" and "{" not in route.path]
    job = {
        "main": "sixfold_exercise",
        "modules": modules(*GUEST),
        "nonce": nonce,
        "folder": workspace.folder,
        "entries": [dict(entry) for entry in product.entries],
        "path": [f"{workspace.folder}/{place}" for place in product.path],
        "steps": steps_of(specification),
        "reads": reads,
        "wall_s": EXERCISE_S,
        "promises": [to_json(one) for one in wanted if one.readable],
    }
    result = await workspace.exec(boot(), limits=Limits(wall_s=240), stdin=json.dumps(job).encode())
    seen: dict[str, Any] | None = read_result(result.stdout, nonce)
    return seen


def steps_of(specification: Specification) -> list[dict[str, Any]]:
    """The examples' steps through processes, each with the entry it talks to."""
    steps = []
    for requirement in specification.requirements:
        for example in requirement.examples:
            for step in example.steps:
                kind = "service" if step.path else "cli" if step.argv else ""
                named = example.entry or next((one.name for one in specification.entries if one.kind == kind), "")
                if kind:
                    steps.append(
                        {
                            "entry": named,
                            "argv": list(step.argv) if kind == "cli" else None,
                            "stdin": step.stdin,
                            "method": step.method.upper(),
                            "path": step.path,
                            "body": step.body,
                        }
                    )
    return steps


def _seen_for(promise: Promise, seen: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = seen["contracts"].get(promise.contract, {"unseen": "it was not reached"})
    return found


def _together(services: Sequence[Entry], seen: Mapping[str, Any]) -> Check:
    """Whether all services are up and well beside each other."""
    problems = [f"{name} does not come up beside the others: {why}" for name, why in seen["trouble"].items()]
    problems += [
        f"{name} {f'answers {status}' if status else 'does not answer'} once the others run"
        for name, status in seen["together"].items()
        if not 0 < status < 500
    ]
    detail = normalise("; ".join(problems)[:1000]) or f"{len(services)} services are up and well beside each other"
    return Check(name="together", ok=not problems, detail=detail)


def _command_checks(entry: Entry, specification: Specification, seen: Mapping[str, Any]) -> tuple[Check, ...]:
    checks = []
    if seen["together"]:
        asked = any(AT_ONCE.search(requirement.text) for requirement in specification.requirements)
        told = "; ".join(seen["crowd"][:3]) or "each ended as alone"
        ok = not seen["crowd"]
        unasked = "" if ok or asked else "; no requirement asks for it"
        detail = normalise(f"{seen['together']} processes at once: {told}{unasked}")
        checks.append(Check(name=f"crowd:{entry.name}", ok=ok, skipped=bool(unasked), detail=detail))
    broken = [*seen["fatal"], *(f"{one} after malformed calls and many at once" for one in seen["after"])]
    crashed = (
        f"{len(seen['bad'])} malformed calls ended in a traceback" if seen["bad"] else "malformed calls were refused"
    )
    detail = normalise("; ".join(broken[:4]) or crashed)
    checks.append(Check(name=f"bad-input:{entry.name}", ok=not broken, detail=detail))
    return tuple(checks)


def _service_checks(
    entry: Entry, specification: Specification, seen: Mapping[str, Any], folder: str
) -> tuple[Check, ...]:
    checks = list(_restart_check(entry, specification, seen["restart"], folder))
    crowd = seen["crowd"]
    if crowd["requests"]:
        broken = [*crowd["broken"], *crowd["lost"]]
        told = "; ".join(broken[:4]) or "every one was answered as alone, nothing was lost"
        detail = normalise(f"{crowd['requests']} requests at once: {told}")
        checks.append(Check(name=f"crowd:{entry.name}", ok=not broken, detail=detail))
    alive = 0 < seen["alive"] < 500
    told = f"{len(seen['bad'])} malformed requests were answered with an error of the server" if seen["bad"] else ""
    detail = told or "malformed requests were refused" if alive else "it no longer answers after malformed requests"
    checks.append(Check(name=f"bad-input:{entry.name}", ok=alive, detail=detail))
    return tuple(checks)


def _restart_check(
    entry: Entry, specification: Specification, restart: Mapping[str, Any], folder: str
) -> tuple[Check, ...]:
    name = f"restart:{entry.name}"
    if restart.get("trouble"):
        detail = normalise(f"it does not come up again once it was used: {restart['trouble']}", folder=folder)
        return (Check(name=name, ok=False, detail=detail),)
    if not any("{data}" in word for word in entry.start):
        return ()
    lost, stable = restart["changed"], restart["stable"]
    if not stable:
        return (Check(name=name, ok=False, skipped=True, detail="no answer of the examples can be read again"),)
    if lost:
        asked = any(KEEPS.search(requirement.text) for requirement in specification.requirements)
        shown = normalise(json.dumps(restart.get("shown", {}))[:600], folder=folder)
        detail = f"other answers after a restart: {', '.join(lost[:4])} {shown}"
        return (Check(name=name, ok=False, skipped=not asked, detail=detail),)
    return (Check(name=name, ok=True, detail=f"{len(stable)} answers were the same after a restart"),)


def _bad_input_findings(entry: Entry, bad: Sequence[str]) -> list[Finding]:
    return [
        Finding(
            tool="boundaries",
            rule="unhandled-bad-input",
            severity="warning",
            message=f"{entry.name} breaks instead of refusing: {one}",
            cwe="CWE-20",
            evidence=one,
        )
        for one in bad[:5]
    ]


async def _page(workspace: Workspace, product: Product, entry: Entry) -> Check:
    """The front page in a browser without a screen, where one is installed."""
    name = f"page:{entry.name}"
    found = await workspace.exec(("python", "-I", "-c", _FIND_BROWSER, *BROWSERS), limits=Limits(wall_s=20))
    browser = found.stdout.strip()
    if not browser:
        return Check(name=name, ok=False, skipped=True, detail="not verified: no browser is installed here")
    nonce = secrets.token_hex(32)
    job = {
        "main": "sixfold_page",
        "modules": modules("page", *GUEST),
        "nonce": nonce,
        "folder": workspace.folder,
        "entries": [dict(one) for one in product.entries],
        "path": [f"{workspace.folder}/{place}" for place in product.path],
        "entry": entry.name,
        "browser": browser,
    }
    limits = Limits(wall_s=90, memory_bytes=BROWSER_BYTES, processes=512)
    result = await workspace.exec(boot(), limits=limits, stdin=json.dumps(job).encode())
    seen = read_result(result.stdout, nonce)
    if seen is None or seen["trouble"]:
        why = seen["trouble"] if seen else f"exit code {result.exit_code}"
        return Check(name=name, ok=False, skipped=True, detail=f"not verified: the browser could not show it ({why})")
    if seen["errors"]:
        return Check(name=name, ok=False, detail=f"the page's own script fails: {'; '.join(seen['errors'][:3])}")
    if not seen["text"]:
        return Check(name=name, ok=False, detail="the page is empty in a browser")
    return Check(name=name, ok=True, detail=f"shown by a browser, {seen['elements']} elements, no script error")
