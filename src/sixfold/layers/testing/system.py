"""System-level validation: the whole product from outside, in fresh sandboxes (paper, section 2.2)."""

from __future__ import annotations

import asyncio
import json
import secrets
import tomllib
from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from sixfold.domain.data import Data, Tree, to_json
from sixfold.domain.evidence import Check, Finding, Limits, TestReport
from sixfold.domain.plan import Plan
from sixfold.domain.ports import Environment, Sandbox, Workspace
from sixfold.domain.requirements import Specification
from sixfold.layers.testing.boundaries import steps_of, try_boundaries
from sixfold.layers.testing.contracts.edges import unused_contracts
from sixfold.layers.testing.doubt import doubt
from sixfold.layers.testing.examples import to_tests
from sixfold.layers.testing.exploits.attacks import WALL_S, attack_product
from sixfold.layers.testing.harness import PRODUCT, boot, modules
from sixfold.layers.testing.harness.channel import read_result
from sixfold.layers.testing.harness.listing import is_test_file
from sixfold.layers.testing.hollow import hollow_findings
from sixfold.layers.testing.normalise import normalise
from sixfold.layers.testing.outside import MOST_SUITE_S, summary, try_suite
from sixfold.layers.testing.places import FROM_SOURCE, SITE
from sixfold.layers.testing.runner import Product, list_tests, run_tests

_LIST = """\
import json, os
found = []
for folder, folders, names in os.walk("."):
    folders[:] = [name for name in folders if name not in (".git", ".sixfold", "__pycache__", "node_modules", ".venv")]
    found += [os.path.join(folder, name)[2:] for name in names if os.path.isfile(os.path.join(folder, name))]
print(json.dumps(sorted(found)))
"""

PLANTED = 8
"""Faults planted in a product to see whether its tests can fail."""
SECONDS_A_FILE = 60.0
"""More time for the product's own tests, by file of tests."""


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
    plan: Plan | None = None,
    suite: Literal["unit", "existing"] = "existing",
    planted_faults: int = PLANTED,
    limits: Limits = Limits(),
) -> Validation:
    """Install, start, exercise and doubt the product.

    Checks, in order: `install`, `start:ENTRY` for each entry, `examples`, `acceptance`, `contract:ID` for each contract
    of the plan, `restart:`, `crowd:`, `bad-input:` and `page:` for services, `exploits`, the tree's own tests
    (`tests`), `mutation`. What could not be done here is a skipped check with its reason, never ok.

    Args:
        sandbox: where everything runs.
        tree: the assembled product.
        specification: names the entries, the examples and the requirements to verify.
        environment: toolchain with the product's declared packages; None = the sandbox's own.
        acceptance: blind test files by path, put beside the product and over anything it has there.
        plan: its contracts are tried on the product; None = there are none.
        suite: how the tree's own tests are held: `unit` for tests written in this run, `existing` for older ones.
        planted_faults: most mutants tried; 0 turns the check off.
        limits: of each suite.

    Raises:
        SandboxUnavailable: nothing more could be run.
    """
    entries = tuple(to_json(entry) for entry in specification.entries)
    examples = to_tests(specification)

    async def outside() -> tuple[list[Check], list[TestReport], tuple[Finding, ...]]:
        checks: list[Check] = []
        async with sandbox.open(tree, environment=environment) as workspace:
            installed = await _install(workspace, checks)
            product = Product(entries=entries, path=(SITE,) if installed else FROM_SOURCE)
            checks += await _start(workspace, product, installed)
            # Side by side: every test talks to a product of its own, on a port and a folder of its own.
            sources = await _sources(workspace)
            steps = steps_of(specification)
            one, other, boundary, attacked = await asyncio.gather(
                try_suite(workspace, "examples", examples, product, limits, specification),
                try_suite(workspace, "acceptance", acceptance, product, limits, specification),
                try_boundaries(workspace, product, specification, plan),
                attack_product(workspace, product, specification, sources, steps),
            )
            checks += [one[0], other[0], *boundary.checks, attacked.check]
            reports = [report for _, report in (one, other) if report is not None]
            edges = unused_contracts(plan, sources) if plan is not None else ()
            found = (*boundary.findings, *edges, *attacked.findings, *hollow_findings(reports))
        return checks, reports, found

    async def inside(workspace: Workspace) -> tuple[list[Check], list[TestReport], list[str]]:
        checks: list[Check] = []
        names = await _files(workspace)
        return checks, await _own_tests(workspace, names, suite, limits, checks), names

    async with sandbox.open(tree, environment=environment) as workspace:
        # Side by side, in sandboxes of their own, so that neither can disturb the other.
        (checks, reports, proven), (own_checks, own_reports, names) = await asyncio.gather(outside(), inside(workspace))
        checks, reports = [*checks, *own_checks], [*reports, *own_reports]
        blind = {"examples": examples, "acceptance": acceptance}
        doubted = await doubt(workspace, names, blind, reports, entries, suite, planted_faults)
    return Validation(
        checks=(*checks, doubted.check),
        reports=tuple(reports),
        findings=(*proven, *doubted.findings),
        unverified=unverified(specification, reports),
        mutation_score=doubted.score,
    )


def tries(specification: Specification, acceptance_tests: int, plan: Plan | None) -> tuple[str, ...]:
    """What `validate_product` will put a product through, for who waits for it."""
    counts = (
        ("example", sum(len(one.examples) for one in specification.requirements)),
        ("acceptance test", acceptance_tests),
        ("contract", len(plan.contracts) if plan is not None else 0),
        ("planted fault", PLANTED),
    )
    told = [f"{number} {what}{'' if number == 1 else 's'}" for what, number in counts if number]
    return (*told, f"attacks (up to {WALL_S:.0f} s of a free processor)")


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
        pinned=list_tests({path: files[path] for path in tests}),
        product=Product(entries=entries, path=FROM_SOURCE),
    )


def unverified(specification: Specification, reports: Sequence[TestReport]) -> tuple[str, ...]:
    """Requirement ids without a passing test from outside marked with them, or with a failing one.

    Reports without a verdict count for nothing, and the product's own tests prove nothing: who wrote the code could
    write any mark on them.
    """
    sound = [report for report in reports if not report.problem]
    outside = [case for report in sound if report.from_outside for case in report.cases]
    passed = {id for case in outside if case.outcome == "passed" for id in case.requirements}
    cases = [case for report in sound for case in report.cases]
    failed = {id for case in cases if case.outcome in ("failed", "error") for id in case.requirements}
    return tuple(one.id for one in specification.requirements if one.id not in passed or one.id in failed)


async def _files(workspace: Workspace) -> list[str]:
    result = await workspace.exec(("python", "-I", "-c", _LIST), limits=Limits(output_bytes=8 << 20))
    try:
        names: list[str] = json.loads(result.stdout)
    except ValueError:
        return []
    return names


async def _sources(workspace: Workspace) -> dict[str, bytes]:
    names = [name for name in await _files(workspace) if name.endswith(".py")]
    contents = {name: await workspace.get(name) for name in names}
    return {name: content for name, content in contents.items() if content is not None}


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
        "modules": modules("probe", *PRODUCT, "channel", "supervisor", "listing"),
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


async def _own_tests(
    workspace: Workspace,
    names: Sequence[str],
    suite: Literal["unit", "existing"],
    limits: Limits,
    checks: list[Check],
) -> list[TestReport]:
    files = [name for name in names if is_test_file(name)]
    if not files:
        checks.append(Check(name="tests", ok=False, skipped=True, detail="the tree holds no tests"))
        return []
    # Every task had the limit for its own tests; here the tests of all run, beside the suites from outside.
    timed = msgspec.structs.replace(limits, wall_s=min(MOST_SUITE_S, limits.wall_s + SECONDS_A_FILE * len(files)))
    report = await run_tests(workspace, suite=suite, limits=timed, coverage=True)
    checks.append(Check(name="tests", ok=report.green, detail=summary(report)))
    return [report]
