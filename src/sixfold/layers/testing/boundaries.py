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
from sixfold.layers.testing.harness import boot, modules
from sixfold.layers.testing.harness.channel import read_result
from sixfold.layers.testing.normalise import normalise
from sixfold.layers.testing.runner import Product

GUEST = ("exercise", "contract", "product", "channel", "supervisor", "listing")
KEEPS = re.compile(r"(?i)\b(restart\w*|persist\w*|surviv\w*|between (commands|runs|starts)|durabl\w*|kept? .* over)\b")
"""Words of a requirement that make a lost answer a broken promise."""
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
    """Contract checks (`contract:ID`), and for each service `restart:`, `crowd:`, `bad-input:` and `page:` checks.

    Raises:
        SandboxUnavailable: nothing could be run.
    """
    wanted = promises(plan, _programs(specification)) if plan is not None else ()
    services = [entry for entry in specification.entries if entry.kind == "service"]
    if not wanted and not services:
        return Boundary()
    seen = await _exercise(workspace, product, specification, wanted)
    if seen is None:
        lost = Check(name="boundaries", ok=False, skipped=True, detail="the product could not be exercised")
        return Boundary(checks=(lost,))
    checks = [verdicts.check(promise, _seen_for(promise, seen)) for promise in wanted]
    findings: list[Finding] = []
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


def _service_checks(
    entry: Entry, specification: Specification, seen: Mapping[str, Any], folder: str
) -> tuple[Check, ...]:
    checks = []
    restart = seen["restart"]
    if any("{data}" in word for word in entry.start):
        lost, stable = restart["changed"], restart["stable"]
        asked = any(KEEPS.search(requirement.text) for requirement in specification.requirements)
        name = f"restart:{entry.name}"
        if not stable:
            checks.append(
                Check(name=name, ok=False, skipped=True, detail="no answer of the examples can be read again")
            )
        elif lost:
            shown = normalise(json.dumps(restart.get("shown", {}))[:600], folder=folder)
            detail = f"other answers after a restart: {', '.join(lost[:4])} {shown}"
            checks.append(Check(name=name, ok=False, skipped=not asked, detail=detail))
        else:
            checks.append(Check(name=name, ok=True, detail=f"{len(stable)} answers were the same after a restart"))
    crowd = seen["crowd"]
    if crowd["requests"]:
        broken = "; ".join(crowd["broken"][:4])
        detail = f"{crowd['requests']} requests at once: {broken or 'every one was answered as alone'}"
        checks.append(Check(name=f"crowd:{entry.name}", ok=not crowd["broken"], detail=normalise(detail)))
    alive = 0 < seen["alive"] < 500
    told = f"{len(seen['bad'])} malformed requests were answered with an error of the server" if seen["bad"] else ""
    detail = told or "malformed requests were refused" if alive else "it no longer answers after malformed requests"
    checks.append(Check(name=f"bad-input:{entry.name}", ok=alive, detail=detail))
    return tuple(checks)


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
