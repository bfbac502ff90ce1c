"""Evidence on one tree: its own tests, the examples of the specification, the quick scanners."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from sixfold.domain.code import Refusal
from sixfold.domain.data import Data, Tree
from sixfold.domain.evidence import Finding, TestReport
from sixfold.domain.flow import Job
from sixfold.domain.language import npm_packages
from sixfold.domain.plan import Task
from sixfold.domain.ports import Environment, Ports
from sixfold.domain.run import Options
from sixfold.layers.testing import languages, runner, scanning, system
from sixfold.layers.testing.examples import FOLDER as EXAMPLES
from sixfold.layers.testing.harness.listing import is_test_file
from sixfold.layers.testing.known import forgive
from sixfold.phases.development.stand_ins import laid_over, without_unserved
from sixfold.workflow.run import Run


class Evidence(Data, frozen=True, kw_only=True):
    """What the tests and the quick scanners say about one tree."""

    report: TestReport
    findings: tuple[Finding, ...] = ()
    own: tuple[str, ...] = ()
    """Failing tests that came with the code under test: neither examples nor older than the run."""

    @property
    def doubtful(self) -> bool:
        """Whether nothing but tests that came with the code accuse it, while examples of the specification pass.

        Such a test shares its author's misreading as easily as it finds a fault (CodeT, arXiv 2207.10397).
        """
        failed = [case for case in self.report.cases if case.outcome in ("failed", "error")]
        spoken = any(case.id.startswith(f"{EXAMPLES}/") for case in self.report.cases)
        shrunk = any(case.counterexample and case.requirements for case in failed)
        plain = spoken and bool(failed) and not self.report.problem and not shrunk
        return plain and all(case.id in self.own for case in failed)

    @property
    def failures(self) -> int:
        return self.report.count("failed") + self.report.count("error") + bool(self.report.problem) + self.blocking

    @property
    def blocking(self) -> int:
        """Findings that stand against a release."""
        return sum(1 for finding in self.findings if finding.blocks)


async def check_tree(run: Run, ports: Ports, job: Job, tree: Tree, *, name: str) -> Evidence:
    """Run the tests and the quick scanners on a tree."""

    async def shown() -> Evidence:
        if not job.stubs:
            return await _evidence_of(ports, job, tree)
        # Over the origin too, so that no scanner takes them for the task's work.
        origin = await asyncio.to_thread(laid_over, ports.repository, job.origin, job.stubs)
        whole = await asyncio.to_thread(laid_over, ports.repository, tree, job.stubs)
        seen = await _evidence_of(ports, msgspec.structs.replace(job, origin=origin), whole)
        return msgspec.structs.replace(seen, report=without_unserved(seen.report))

    evidence = await run.step(name, shown, Evidence)
    if not evidence.report.cases and not evidence.report.problem and job.assigned.files and len(job.plan.tasks) > 1:
        problem = "the task brought no test that runs"
        return msgspec.structs.replace(evidence, report=msgspec.structs.replace(evidence.report, problem=problem))
    return evidence


async def _evidence_of(ports: Ports, job: Job, tree: Tree) -> Evidence:
    """Every suite and scanner side by side, each suite on a copy of its own."""
    report, other, executed, findings, broken = await asyncio.gather(
        _own_tests(ports, job, tree),
        other_languages(ports, tree, job.origin, job.environment, job.options, only=job.assigned.check),
        _examples(ports, job, tree),
        scanning.new_findings(ports.scanners, ports.repository, job.origin, tree),
        languages.refused_files(ports.sandbox, ports.repository, job.origin, tree, job.environment),
    )
    for more in (*other, *([executed] if executed is not None else [])):
        report = together(report, more)
    report = forgive(report, job.known_failures)
    own = await asyncio.to_thread(_own_failures, ports, job.origin, report)
    return Evidence(report=report, findings=(*findings, *broken), own=own)


async def _own_tests(ports: Ports, job: Job, tree: Tree) -> TestReport:
    check = job.assigned.check
    has_tests, older = await asyncio.to_thread(_tests_in, ports, job.origin, tree)
    if not has_tests and not check:
        return TestReport(suite="unit")
    python = [path for path in check if path.endswith(".py")]
    if check and not python:
        return TestReport(suite="unit")
    async with ports.sandbox.open(tree, environment=job.environment) as workspace:
        return await runner.run_tests(workspace, suite="existing" if older else "unit", paths=python)


async def _examples(ports: Ports, job: Job, tree: Tree) -> TestReport | None:
    """The specification's examples, which apply once a single task is the whole product; None before."""
    if len(job.plan.tasks) > 1 or not any(requirement.examples for requirement in job.specification.requirements):
        return None
    async with ports.sandbox.open(tree, environment=job.environment) as workspace:
        return await system.run_examples(workspace, job.specification)


async def other_languages(
    ports: Ports, tree: Tree, origin: Tree, environment: Environment, options: Options, *, only: Sequence[str] = ()
) -> tuple[TestReport, ...]:
    """The tests of a tree that are not Python's, one report a suite; nothing where there are none.

    Args:
        origin: the tree the run began with; npm packages it names may be installed.
        only: test files that matter; empty = all.
    """
    allowed = languages.Allowed(origin=origin, packages=npm_packages(options.packages))
    return await languages.run_suites(
        ports.sandbox, ports.repository, ports.npm, tree, environment, options.languages, allowed, only=only
    )


def _tests_in(ports: Ports, origin: Tree, tree: Tree) -> tuple[bool, bool]:
    """Whether a tree holds tests, and whether some of them are older than the run."""
    has, older = (any(is_test_file(file.path) for file in ports.repository.files(each)) for each in (tree, origin))
    return has, older


def _own_failures(ports: Ports, origin: Tree, report: TestReport) -> tuple[str, ...]:
    failed = [case.id for case in report.cases if case.outcome in ("failed", "error")]
    if not failed:
        return ()
    older = {file.path for file in ports.repository.files(origin)}
    return tuple(id for id in failed if not id.startswith(f"{EXAMPLES}/") and id.split("::", 1)[0] not in older)


def together(unit: TestReport, executed: TestReport) -> TestReport:
    """Two runs as one report."""
    return msgspec.structs.replace(
        unit,
        cases=unit.cases + executed.cases,
        exit_code=unit.exit_code or executed.exit_code,
        problem=unit.problem or executed.problem,
        output=(unit.output + "\n" + executed.output).strip(),
        wall_s=unit.wall_s + executed.wall_s,
    )


def refused(refusals: Sequence[Refusal]) -> Evidence:
    """A patch that could not be applied, also not after one correction, as evidence."""
    text = "; ".join(f"{refusal.path}: {refusal.reason}" for refusal in refusals)
    return Evidence(report=TestReport(suite="unit", problem=f"the patch was refused: {text}", exit_code=1))


def log_evidence(run: Run, task: Task, number: int, tree: Tree, evidence: Evidence, *, label: str = "") -> None:
    """Write what was seen into the log; `label` tells candidates of one attempt apart."""
    key = f"{run.workflow}:{number}{label}"
    place = {"scope": task.id, "attempt": number, "tree": tree}
    run.emit("tests.ran", f"tests:{key}", {**place, "report": evidence.report})
    run.emit("scan.done", f"scan:{key}", {**place, "findings": evidence.findings})
