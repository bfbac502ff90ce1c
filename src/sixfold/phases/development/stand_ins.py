"""Stand-ins laid over a tree while tests run, and what a test that reached one is worth: nothing yet."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from sixfold.domain.data import Tree
from sixfold.domain.evidence import TestReport
from sixfold.domain.plan import Stub
from sixfold.domain.ports import Repository
from sixfold.layers.planning import stubs


def order_of(served: Collection[Stub]) -> str:
    """What a coder is told who begins on stand-ins."""
    parts = ", ".join(f"`{stub.path}` ({', '.join(stub.contracts)})" for stub in served)
    return (
        f"Not written yet: {parts}. Stand-ins with the contract's names and signatures lie there while your tests run; "
        "their functions raise NotImplementedError. Import them as if they were real, do not write them; test your own "
        "logic with small fakes where you can. Everything is tested again on the real parts."
    )


def laid_over(repository: Repository, tree: Tree, served: Collection[Stub]) -> Tree:
    """The tree as tests see it: with the stand-ins in their places. Never handed on."""
    return repository.write(tree, {stub.path: stub.text.encode() for stub in served}) if served else tree


def without_unserved(report: TestReport) -> TestReport:
    """A test that failed because it reached a stand-in says nothing yet: it counts as skipped."""
    cases = tuple(
        msgspec.structs.replace(case, outcome="skipped", message="met a stand-in; decided on the real part")
        if case.outcome in ("failed", "error") and stubs.SERVED in case.message
        else case
        for case in report.cases
    )
    failing = any(case.outcome in ("failed", "error") for case in cases)
    problem = "" if stubs.SERVED in report.problem else report.problem
    return msgspec.structs.replace(
        report, cases=cases, problem=problem, exit_code=report.exit_code if failing or problem else 0
    )
