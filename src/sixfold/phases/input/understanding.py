"""The way through the phase: look around, take the short road where it is enough, otherwise the ledger."""

from __future__ import annotations

from functools import partial

from sixfold.domain.code import Snapshot
from sixfold.domain.flow import Intent
from sixfold.domain.ports import Ports
from sixfold.domain.requirements import Request
from sixfold.domain.run import Options
from sixfold.layers.planning import lookup
from sixfold.layers.requirements import triage
from sixfold.phases.input import deciding, reading
from sixfold.workflow.run import Run

_MOST_CONTEXT_CHARS = 20_000


async def understand(run: Run, ports: Ports, request: Request, options: Options, snapshot: Snapshot) -> Intent:
    """Turn a request into an intent: look around, check clarity, ask, write the specification."""
    run.emit("phase.started", "phase:input", {"phase": "input"})
    found = await _look_up(run, ports, request, snapshot)
    route = await run.step("input.triage", partial(_triage, request, options, found.overview), triage.Triage)
    run.emit("clarity.checked", "clarity", {"route": route.route, "signals": route.signals})
    intent = None
    if route.route == "direct":
        intent = await reading.read(run, ports, request, options, found.text)
    if intent is None:
        intent = Intent(specification=await deciding.clarify(run, ports, request, options, found.text))
    run.emit("specification.written", "specification", {"specification": intent.specification, "by": "model"})
    run.emit("phase.ended", "phase-ended:input", {"phase": "input"})
    return intent


async def _triage(request: Request, options: Options, overview: str) -> triage.Triage:
    """A step although it is pure: the words it looks for change with versions, and a resumed run must not."""
    return triage.route(request.text, options.clarify, bool(request.attachments), overview)


async def _look_up(run: Run, ports: Ports, request: Request, snapshot: Snapshot) -> lookup.Found:
    """Search the repository for what the request talks about; nothing to do in an empty folder."""
    if snapshot.kind == "empty":
        return lookup.Found()

    def search() -> lookup.Found:
        return lookup.look_up(
            ports.retriever, ports.repository, snapshot.tree, request.text, most_chars=_MOST_CONTEXT_CHARS
        )

    found = await run.blocking("input.look_up", search, lookup.Found)
    run.emit("context.found", "context:request", {"paths": found.paths, "chars": len(found.text)})
    return found
