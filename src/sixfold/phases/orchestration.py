"""Phase 2 of 4: orchestration. From a specification to a validated task graph (paper, section 2.2).

A small request stays one task and costs no call here.
"""

from __future__ import annotations

import asyncio

from sixfold.domain.code import Snapshot
from sixfold.domain.errors import ConfigurationError, Halted
from sixfold.domain.flow import ACCEPTANCE, Intent
from sixfold.domain.language import python_packages
from sixfold.domain.plan import Plan
from sixfold.domain.ports import Environment, Ports
from sixfold.domain.requirements import Request, Specification
from sixfold.domain.run import Options
from sixfold.layers.planning import decompose, extent, lookup
from sixfold.layers.testing import dependencies
from sixfold.workflow.run import Run

_MOST_CONTEXT_CHARS = 16_000


async def organise(
    run: Run, ports: Ports, request: Request, intent: Intent, options: Options, snapshot: Snapshot
) -> Plan:
    """Decide how the work is divided, and let the acceptance tests be written beside it.

    Raises:
        Halted: the person wants to see the plan before anything is built.
    """
    run.emit("phase.started", "phase:orchestration", {"phase": "orchestration"})
    await run.start(ACCEPTANCE, ACCEPTANCE, {"specification": intent.specification})
    specification = intent.specification
    if options.plan == "direct" or (options.plan == "auto" and _fits(run, request, intent)):
        plan = decompose.direct_plan(specification)
    elif options.plan == "static":
        plan = decompose.static_plan(specification)
    else:

        async def divide() -> Plan:
            found, paths = await asyncio.to_thread(_around, ports, specification, snapshot)
            return await decompose.decompose(
                ports.model,
                specification,
                found.overview,
                "\n\n".join(found.passages),
                existing_paths=paths,
                packages=options.packages,
            )

        plan = await run.step("orchestration.decompose", divide, Plan)
    run.emit("plan.made", f"plan:{plan.revision}", {"plan": plan})
    run.emit("phase.ended", "phase-ended:orchestration", {"phase": "orchestration"})
    if options.until == "plan":
        raise Halted("the plan is made, and the run was asked to stop after it", next=f"sixfold resume {run.id}")
    return plan


def _fits(run: Run, request: Request, intent: Intent) -> bool:
    """Whether one direct task is worth the attempt; what was attempted already counts as tried."""
    if intent.specification.size == "large":
        return False
    if intent.candidate is not None or intent.candidates:
        return True
    reason = extent.reason_to_divide(request.text, intent.specification)
    if reason:
        run.emit("note", "note:divided", {"text": f"planned before it is built: {reason}"})
    return not reason


def _around(ports: Ports, specification: Specification, snapshot: Snapshot) -> tuple[lookup.Found, tuple[str, ...]]:
    """What stands in the repository already: places that bear on the specification, and all paths."""
    if snapshot.kind == "empty":
        return lookup.Found(), ()
    query = "\n".join([specification.title, *(requirement.text for requirement in specification.requirements)])
    found = lookup.look_up(ports.retriever, ports.repository, snapshot.tree, query, most_chars=_MOST_CONTEXT_CHARS)
    return found, tuple(file.path for file in ports.repository.files(snapshot.tree))


async def prepare(run: Run, ports: Ports, options: Options, snapshot: Snapshot) -> Environment:
    """The toolchain for this product: the test runner, what its repository declares, what the person allowed."""

    async def build() -> Environment:
        declared = await asyncio.to_thread(dependencies.declared_names, ports.repository, snapshot.tree)
        wanted = tuple(sorted({*declared, *python_packages(options.packages)}))
        try:
            return await ports.environments.prepare(wanted)
        except ConfigurationError as error:
            if not wanted:
                raise
            run.emit(
                "note",
                "note:environment",
                {"text": f"the repository's dependencies could not be installed ({error}); tests that need them fail"},
            )
            return await ports.environments.prepare(python_packages(options.packages))

    environment = await run.step("orchestration.prepare_environment", build, Environment)
    if environment.findings:
        run.emit(
            "scan.done",
            "scan:environment",
            {"scope": "environment", "tree": snapshot.tree, "findings": environment.findings},
        )
    for number, finding in enumerate(environment.findings):
        run.emit("note", f"note:package:{number}", {"text": finding.message})
    return environment
