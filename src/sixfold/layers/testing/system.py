"""System-level validation: the whole product from outside, in fresh sandboxes (paper, section 2.2)."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec

from sixfold.domain.data import Data, Tree, to_json
from sixfold.domain.evidence import Check, Finding, Limits, TestReport
from sixfold.domain.ports import Environment, Sandbox, Workspace
from sixfold.domain.requirements import Specification
from sixfold.layers.testing.examples import to_tests, unusable_examples
from sixfold.layers.testing.harness import boot, modules
from sixfold.layers.testing.harness.channel import read_result
from sixfold.layers.testing.harness.listing import is_test_file
from sixfold.layers.testing.mutation import Mutant, mutants
from sixfold.layers.testing.normalise import normalise
from sixfold.layers.testing.planting import Sown, plant
from sixfold.layers.testing.runner import Product, list_tests, run_tests

SITE = ".sixfold/site"
FROM_SOURCE = (".", "src")
_LIST = """\
import json, os
found = []
for folder, folders, names in os.walk("."):
    folders[:] = [name for name in folders if name not in (".git", ".sixfold", "__pycache__", "node_modules", ".venv")]
    found += [os.path.join(folder, name)[2:] for name in names if os.path.isfile(os.path.join(folder, name))]
print(json.dumps(sorted(found)))
"""

WORKERS = min(8, 2 * (os.cpu_count() or 1))
"""Processes that share a suite from outside; twice the processors, since tests mostly wait for the product."""
PORTION = 10
"""Tests from outside that planted faults are shown to at a time."""
SECONDS_A_TEST = 6.0
MOST_SUITE_S = 1_200.0


class Validation(Data, frozen=True, kw_only=True):
    """What was proven about a product, and what was not."""

    checks: tuple[Check, ...]
    reports: tuple[TestReport, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Of the tests: a suite that cannot fail, faults it did not notice."""
    unverified: tuple[str, ...] = ()
    """Requirement ids without executed passing evidence."""
    mutation_score: float | None = None
    """Share of planted faults that some suite noticed; None when none were planted."""


async def validate_product(
    sandbox: Sandbox,
    tree: Tree,
    specification: Specification,
    acceptance: Mapping[str, bytes],
    environment: Environment | None = None,
    *,
    suite: Literal["unit", "existing"] = "existing",
    planted_faults: int = 8,
    limits: Limits = Limits(),
) -> Validation:
    """Install, start, exercise and doubt the product.

    Checks, in order: `install`, `start:ENTRY` for each entry, `examples`, `acceptance`, the tree's own tests (`tests`),
    `mutation`. What could not be done here is a skipped check with its reason, never ok.

    Args:
        sandbox: where everything runs.
        tree: the assembled product.
        specification: names the entries, the examples and the requirements to verify.
        environment: toolchain with the product's declared packages; None = the sandbox's own.
        acceptance: blind test files by path, put beside the product and over anything it has there.
        suite: how the tree's own tests are held: `unit` for tests written in this run, `existing` for older ones.
        planted_faults: most mutants tried; 0 turns the check off.
        limits: of each suite.

    Raises:
        SandboxUnavailable: nothing more could be run.
    """
    entries = tuple(to_json(entry) for entry in specification.entries)
    examples = to_tests(specification)

    async def outside() -> tuple[list[Check], list[TestReport]]:
        checks: list[Check] = []
        async with sandbox.open(tree, environment=environment) as workspace:
            installed = await _install(workspace, checks)
            product = Product(entries=entries, path=(SITE,) if installed else FROM_SOURCE)
            checks += await _start(workspace, product, installed)
            # Side by side: every test talks to a product of its own, on a port and a folder of its own.
            told = await asyncio.gather(
                _talk(workspace, "examples", examples, product, limits, specification),
                _talk(workspace, "acceptance", acceptance, product, limits, specification),
            )
            checks += [check for check, _ in told]
            reports = [report for _, report in told if report is not None]
        return checks, reports

    async def inside(workspace: Workspace) -> tuple[list[Check], list[TestReport], list[str]]:
        checks: list[Check] = []
        names = await _files(workspace)
        return checks, await _own_tests(workspace, names, suite, limits, checks), names

    async with sandbox.open(tree, environment=environment) as workspace:
        # Side by side, in sandboxes of their own, so that neither can disturb the other.
        (checks, reports), (own_checks, own_reports, names) = await asyncio.gather(outside(), inside(workspace))
        checks, reports = [*checks, *own_checks], [*reports, *own_reports]
        blind = {"examples": examples, "acceptance": acceptance}
        findings, score = await _doubt(workspace, names, blind, reports, entries, suite, planted_faults, checks)
    return Validation(
        checks=tuple(checks),
        reports=tuple(reports),
        findings=findings,
        unverified=unverified(specification, reports),
        mutation_score=score,
    )


async def run_examples(workspace: Workspace, specification: Specification, limits: Limits = Limits()) -> TestReport:
    """The specification's executable examples against the source tree, before anything is installed."""
    files = to_tests(specification)
    tests = [path for path in files if is_test_file(path)]
    if not tests:
        return TestReport(suite="examples")
    await workspace.put(files)
    entries = tuple(to_json(entry) for entry in specification.entries)
    return await run_tests(
        workspace,
        suite="examples",
        paths=tests,
        limits=limits,
        pinned=list_tests(_only(files, tests)),
        product=Product(entries=entries, path=FROM_SOURCE),
    )


def unverified(specification: Specification, reports: Sequence[TestReport]) -> tuple[str, ...]:
    """Requirement ids without a passing test marked with them, or with a failing one.

    Reports without a verdict count for nothing.
    """
    cases = [case for report in reports if not report.problem for case in report.cases]
    passed = {id for case in cases if case.outcome == "passed" for id in case.requirements}
    failed = {id for case in cases if case.outcome in ("failed", "error") for id in case.requirements}
    return tuple(one.id for one in specification.requirements if one.id not in passed or one.id in failed)


async def _files(workspace: Workspace) -> list[str]:
    result = await workspace.exec(("python", "-I", "-c", _LIST), limits=Limits(output_bytes=8 << 20))
    try:
        names: list[str] = json.loads(result.stdout)
    except ValueError:
        return []
    return names


async def _install(workspace: Workspace, checks: list[Check]) -> bool:
    if not await _is_installable(workspace):
        checks.append(Check(name="install", ok=True, detail="nothing to install: the product runs from its folder"))
        return False
    if (await workspace.exec(("python", "-c", "import pip"), limits=Limits(wall_s=30))).exit_code != 0:
        checks.append(Check(name="install", ok=False, skipped=True, detail="there is no pip in the environment"))
        return False
    options = ("--no-index", "--no-build-isolation", "--no-deps", "--no-compile", "--disable-pip-version-check")
    result = await workspace.exec(
        ("python", "-m", "pip", "install", *options, "--target", SITE, "."), limits=Limits(wall_s=180)
    )
    said = normalise(result.stderr[-3000:] or result.stdout[-3000:], folder=workspace.folder)
    ok = result.exit_code == 0
    backend = "BackendUnavailable" in said or "Cannot import 'setuptools" in said
    detail = "installed from nothing, without network" if ok else said
    if backend:
        detail = f"its build backend is not in the environment: {said[-300:]}"
    checks.append(Check(name="install", ok=ok, skipped=backend, detail=detail))
    return ok


async def _is_installable(workspace: Workspace) -> bool:
    if await workspace.get("setup.py") is not None:
        return True
    try:
        settings = tomllib.loads((await workspace.get("pyproject.toml") or b"").decode(errors="replace"))
    except tomllib.TOMLDecodeError:
        return True  # pip says what is wrong with it
    return "project" in settings or "poetry" in settings.get("tool", {})


async def _start(workspace: Workspace, product: Product, installed: bool) -> list[Check]:
    if not product.entries:
        return [Check(name="start", ok=False, skipped=True, detail="the specification names no entry")]
    nonce = secrets.token_hex(32)
    job = {
        "main": "sixfold_probe",
        "modules": modules("probe", "product", "channel", "supervisor", "listing"),
        "nonce": nonce,
        "folder": workspace.folder,
        "entries": [dict(entry) for entry in product.entries],
        "path": [f"{workspace.folder}/{place}" for place in product.path],
        "installed": installed,
    }
    limits = Limits(wall_s=60 + 60 * len(product.entries))
    result = await workspace.exec(boot(), limits=limits, stdin=json.dumps(job).encode())
    found = read_result(result.stdout, nonce)
    if found is None:
        said = normalise(result.stderr[-2000:], folder=workspace.folder) or f"exit code {result.exit_code}"
        return [Check(name="start", ok=False, detail=f"the entries could not be probed: {said}")]
    return [
        Check(
            name=f"start:{one['name']}",
            ok=one["ok"],
            detail=normalise(one["detail"], folder=workspace.folder),
        )
        for one in found
    ]


async def _talk(
    workspace: Workspace,
    suite: Literal["examples", "acceptance"],
    files: Mapping[str, bytes],
    product: Product,
    limits: Limits,
    specification: Specification,
) -> tuple[Check, TestReport | None]:
    """One suite from outside: its check, and its report when there was anything to run."""
    unusable = unusable_examples(specification) if suite == "examples" else ()
    noted = "; ".join(f"{one.id} is unusable: {one.reason}" for one in unusable[:5])
    tests = [path for path in files if is_test_file(path)]
    if not tests:
        return Check(name=suite, ok=False, skipped=True, detail=noted or f"there are no {suite} tests"), None
    await workspace.put(files)
    pinned = list_tests(_only(files, tests))
    # Each test starts the product anew, so the time a suite may take grows with its size.
    wall_s = min(MOST_SUITE_S, limits.wall_s + SECONDS_A_TEST * len(pinned))
    timed = msgspec.structs.replace(limits, wall_s=wall_s)
    report = await _in_parts(workspace, suite, pinned, timed, product)
    detail = "; ".join(part for part in (_summary(report), noted) if part)
    return Check(name=suite, ok=report.green, detail=detail), report


async def _in_parts(
    workspace: Workspace,
    suite: Literal["examples", "acceptance"],
    pinned: Sequence[str],
    limits: Limits,
    product: Product,
) -> TestReport:
    """One suite in as many processes as there are processors; the report does not tell how many those were.

    Tests from outside spend most of their time waiting for the product to start.
    """
    parts = [part for part in (pinned[start::WORKERS] for start in range(WORKERS)) if part]
    reports = await asyncio.gather(
        *(run_tests(workspace, suite=suite, paths=part, limits=limits, pinned=part, product=product) for part in parts)
    )
    place = {name: number for number, name in enumerate(pinned)}
    cases = [case for report in reports for case in report.cases]
    cases.sort(key=lambda case: place.get(case.id.partition("[")[0], len(pinned)))
    return TestReport(
        suite=suite,
        cases=tuple(cases),
        exit_code=max(report.exit_code for report in reports),
        problem="; ".join(dict.fromkeys(report.problem for report in reports if report.problem)),
        output="\n".join(report.output for report in reports if report.output),
        wall_s=max(report.wall_s for report in reports),
    )


async def _own_tests(
    workspace: Workspace,
    names: Sequence[str],
    suite: Literal["unit", "existing"],
    limits: Limits,
    checks: list[Check],
) -> list[TestReport]:
    if not any(is_test_file(name) for name in names):
        checks.append(Check(name="tests", ok=False, skipped=True, detail="the tree holds no tests"))
        return []
    report = await run_tests(workspace, suite=suite, limits=limits)
    checks.append(Check(name="tests", ok=report.green, detail=_summary(report)))
    return [report]


async def _doubt(
    workspace: Workspace,
    names: Sequence[str],
    outside: Mapping[str, Mapping[str, bytes]],
    reports: Sequence[TestReport],
    entries: tuple[Mapping[str, Any], ...],
    suite: Literal["unit", "existing"],
    planted: int,
    checks: list[Check],
) -> tuple[tuple[Finding, ...], float | None]:
    """Plant faults and see whether any suite notices."""
    reason = ""
    if planted == 0:
        reason = "turned off"
    elif not any(report.green for report in reports):
        reason = "no suite passes, so its failing would say nothing"
    contents = {name: await workspace.get(name) for name in names if name.endswith(".py")} if not reason else {}
    faults = mutants({name: content for name, content in contents.items() if content is not None}, most=planted)
    if not reason and not faults:
        reason = "the product has no place to plant a fault in"
    if reason:
        checks.append(Check(name="mutation", ok=False, skipped=True, detail=reason))
        return (), None
    for files in outside.values():
        await workspace.put(files)
    product = Product(entries=entries, path=(*FROM_SOURCE, SITE))
    came = await plant(workspace, faults, _sown(names, outside, reports, suite, product))
    noticed, tried = len(came.noticed), len(came.noticed) + len(came.missed)
    detail = f"{noticed} of {tried} planted faults were noticed by tests"
    if came.untried:
        detail += f"; {len(came.untried)} more could not be tried"
    if tried == 0:
        checks.append(Check(name="mutation", ok=False, skipped=True, detail=detail))
        return (), None
    checks.append(Check(name="mutation", ok=noticed > 0, detail=detail))
    return _mutation_findings(tried, came.missed), noticed / tried


def _sown(
    names: Sequence[str],
    outside: Mapping[str, Mapping[str, bytes]],
    reports: Sequence[TestReport],
    suite: Literal["unit", "existing"],
    product: Product,
) -> list[Sown]:
    """The suites that pass on the whole product; its own first, which are quicker than those from outside."""
    green: set[str] = {report.suite for report in reports if report.green}
    sown = []
    foreign = {path for files in outside.values() for path in files}
    standing = tuple(name for name in names if is_test_file(name) and name not in foreign)
    if suite in green and standing:
        sown.append(Sown(suite=suite, tests=standing, product=product))
    passing = {path: content for name, files in outside.items() if name in green for path, content in files.items()}
    blind = list_tests(_only(passing, [path for path in passing if is_test_file(path)]))
    # In portions: the control run that follows repeats only those portions that noticed something.
    for first in range(0, len(blind), PORTION):
        sown.append(Sown(suite="acceptance", tests=tuple(blind[first : first + PORTION]), product=product))
    return sown


def _mutation_findings(tried: int, missed: Sequence[Mutant]) -> tuple[Finding, ...]:
    blind = len(missed) == tried >= 3
    found = [
        Finding(
            tool="mutation",
            rule="suite-cannot-fail",
            severity="error",
            message=f"none of {tried} faults planted in the product made a test fail",
        )
    ]
    notes = [
        Finding(
            tool="mutation",
            rule="unnoticed-fault",
            severity="note",
            message=f"no test noticed that a fault was planted: {fault.change}",
            path=fault.path,
            line=fault.line,
        )
        for fault in missed[:5]
    ]
    return tuple([*found, *notes] if blind else notes)


def _summary(report: TestReport) -> str:
    counts = {outcome: report.count(outcome) for outcome in ("passed", "failed", "error", "skipped")}
    shown = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count) or "nothing ran"
    return f"{shown}; {report.problem}" if report.problem else shown


def _only(files: Mapping[str, bytes], paths: Sequence[str]) -> dict[str, bytes]:
    return {path: files[path] for path in paths}
