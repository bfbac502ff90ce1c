"""Driving a run: its adapters, its engine, its handlers."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sixfold import forking, recording
from sixfold.config import Settings
from sixfold.domain.code import Snapshot
from sixfold.domain.data import Json, Tree, from_json, to_json
from sixfold.domain.errors import (
    SixfoldError,
)
from sixfold.domain.events import Event
from sixfold.domain.fold import fold
from sixfold.domain.requirements import Request
from sixfold.domain.run import Options, Outcome
from sixfold.domain.words import words_of
from sixfold.wiring.doors import PICKED, Door, Listener, Parts, options_of, state_of, who
from sixfold.wiring.inspecting import scanners_for, with_semgrep
from sixfold.wiring.sandboxes import open_environments, open_sandbox
from sixfold.wiring.steering import write_decision
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.log import EventLog, note_pause

if TYPE_CHECKING:
    from sixfold.domain.ports import Ports
    from sixfold.layers.models.cloud import CallRecord
    from sixfold.workflow.control import Control
    from sixfold.workflow.drive import Stop
    from sixfold.workflow.engine import Engine, Handler


def drive(
    settings: Settings,
    run: str,
    *,
    options: Options | None = None,
    listener: Listener | None = None,
    door: Door | None = None,
    debug: bool = False,
    parts: Parts = PICKED,
) -> int:
    """Drive a run until it ends, waits for a person, or pauses; returns the exit code.

    Args:
        options: changed options of a resumed run; recorded in its log.
        listener: told every new event.
        door: somebody who can decide at once.
        debug: raise what parked the run, with its traceback, once the pause is recorded.
        parts: adapters to use instead of the usual ones.

    Raises:
        SixfoldError: what stopped the run before it could begin; it is recorded as a pause.
    """
    state = state_of(settings, parts.clock)
    log = state.log(run)
    created = log.sound()[0]
    ended = next((event for event in log.read() if event.kind == "run.ended"), None)
    if ended is not None:
        return from_json(ended.data["outcome"], Outcome).exit_code
    with state.drive(run):
        if options is not None:
            if options.edit_format == "auto":  # settled when the run began; its coder has answered in that form
                options = msgspec.structs.replace(options, edit_format=options_of(log).edit_format)
            log.append("run.resumed", f"resumed:{log.next('run.resumed')}", {"by": who(), "options": options})
        if parts.durable is None:
            threading.Thread(target=_preload, args=(options_of(log),), name="preload", daemon=True).start()
        try:
            stop = asyncio.run(_drive(settings, state.folder(run), run, log, created, listener, door, parts))
        except SixfoldError as error:
            note_pause(log, error)
            raise
    if debug and stop.reason is not None:
        raise stop.reason
    if stop.status == "ended" and (record := options_of(log).record):
        recording.write(recording.recording_of(log.read()), Path(record))
    return stop.exit_code


def _preload(options: Options) -> None:
    """Load what driving needs, in a thread beside the git, sandbox and database work that waits for others."""
    from sixfold.layers.models import catalog, providers

    gc.disable()  # thousands of classes are made and none is garbage: looking for it costs a tenth of the time
    try:
        import sixfold.workflow.dbos_engine  # noqa: F401  (whoever needs it first waits for this import)

        if not options.replay:
            providers.preload(catalog.parse_model(name) for _, name in options.models)
    finally:
        gc.freeze()  # nor look through it later: at the end of the process alone that takes a second
        gc.enable()


async def _drive(
    settings: Settings,
    folder: Path,
    run: str,
    log: EventLog,
    created: Event,
    listener: Listener | None,
    door: Door | None,
    parts: Parts,
) -> Stop:
    # Late: the durable engine takes about two seconds to load, and only driving needs it.
    from sixfold.workflow.control import Control
    from sixfold.workflow.drive import drive as drive_engine
    from sixfold.workflow.ordered import OrderedEngine

    options = options_of(log)
    request = from_json(created.data["request"], Request)
    snapshot = from_json(created.data["snapshot"], Snapshot)
    fork = from_json(created.data["fork"], forking.Inheritance) if created.data.get("fork") else None
    ports = await open_ports(settings, folder, run, log, options, snapshot.tree, parts=parts, fork=fork)
    control = Control()
    holder: list[Engine] = []
    handlers = _handlers(run, ports, request, options, snapshot, log, control, holder)

    async def ask(subject: str) -> None:
        # Beside the answer a person may correct assumptions: everything they say comes before the subject is settled.
        while door is not None and (decision := await door.ask(subject, fold(log.read()))) is not None:
            write_decision(log, decision)
            if decision.subject == subject:
                break

    opened = parts.durable
    if opened is None:
        from sixfold.workflow.dbos_engine import durable  # whoever brings an engine need not wait for DBOS

        opened = durable
    async with opened(run, settings.database_url or folder / "engine.sqlite", handlers) as engine:
        order = [f"task:{task}" for task in created.data.get("order", ())]
        holder.append(OrderedEngine(engine, order, workers=parts.workers) if order or parts.workers else engine)
        stop = await drive_engine(
            run,
            engine,
            log,
            control,
            listener=listener,
            door=ask if door is not None else None,
            timeout_s=options.timeout_s,
        )
    return stop


async def open_ports(
    settings: Settings,
    folder: Path,
    run: str,
    log: EventLog,
    options: Options,
    base: Tree,
    *,
    parts: Parts = PICKED,
    fork: forking.Inheritance | None = None,
) -> Ports:
    """The adapters of one run.

    Args:
        base: the tree the run began with; what it declares may be used.
        parts: sandbox and clock in place of the best sandbox that works here and the machine's clock.
        fork: what the run took over from another.

    Raises:
        SandboxUnavailable: nothing here gives real isolation.
        ModelMisconfigured: no model, an unknown one, or no key for it.
    """
    from sixfold.domain.ports import Ports
    from sixfold.layers.models.routing import open_cloud
    from sixfold.layers.planning.retrieval.index import RepositoryIndex
    from sixfold.layers.refinement.git import GitRepository
    from sixfold.layers.testing.moved import Locating
    from sixfold.layers.testing.npm import Npm

    repository = GitRepository(folder / "repository", folder / "blobs")
    clock = parts.clock or SystemClock()
    cage = parts.sandbox or await open_sandbox(settings, repository)

    def called(record: CallRecord) -> None:
        reply = repository.put_blob(record.reply.encode())
        data = {**to_json(record), "reply": reply, "task": record.scope}
        log.append("model.called", _call_key(record.request, record.scope), data, who=f"model:{record.model}")

    cloud = open_cloud(
        options.models,
        folder=folder,
        environ=os.environ,
        clock=clock,
        run=run,
        replay=options.replay,
        record=options.record,
        budget=options.budget,
        scope_budget=options.task_budget,
        phase_budget=options.phase_budget,
        prompts=options.prompts,
        blob=repository.blob,
        on_call=called,
        inherited=fork.answers if fork is not None else None,
    )
    cloud.catch_up(lambda request, scope: log.find(_call_key(request, scope)) is not None)
    scanners = with_semgrep(
        scanners_for(repository, lambda: words_of(log.read()), allowed=options.packages, base=base),
        repository,
        cage,
        settings.scan_semgrep,
    )
    return Ports(
        model=cloud,
        costs=cloud,
        repository=repository,
        retriever=RepositoryIndex(repository),
        sandbox=Locating(cage, settings.environments),
        environments=open_environments(settings),
        scanners=scanners.coder,
        held_out=scanners.held_out,
        not_run=scanners.not_run,
        clock=clock,
        npm=Npm(settings.environments, os.environ, min_age_days=settings.min_package_age_days),
    )


def _call_key(request: str, scope: str) -> str:
    """The key of the event that tells of a call."""
    return f"model:{request}:{scope}"


def _handlers(
    run: str,
    ports: Ports,
    request: Request,
    options: Options,
    snapshot: Snapshot,
    log: EventLog,
    control: Control,
    engine: Sequence[Engine],
) -> dict[str, Handler]:
    """What each kind of workflow does. `engine` holds the engine once it is launched: it needs the handlers first."""
    from sixfold import pipeline
    from sixfold.domain.flow import ACCEPTANCE, Job
    from sixfold.domain.requirements import Specification
    from sixfold.phases import development, validation
    from sixfold.workflow.drive import ROOT
    from sixfold.workflow.run import Run

    def handler(body: Callable[[Run, Json], Awaitable[object]]) -> Handler:
        async def handle(id: str, payload: Json) -> Json:
            with control.working(id):
                try:
                    return to_json(await body(Run(run, engine[0], log, control, workflow=id), payload))
                except Exception as error:
                    # A failed workflow is final for the engine; a parked one can go on.
                    await control.park(id, error)
                    raise AssertionError("a parked workflow does not come back") from error

        return handle

    async def root(workflow: Run, _: Json) -> Outcome:
        outcome = await pipeline.generate(workflow, ports, request, options, snapshot)
        workflow.emit("run.ended", "ended", {"outcome": outcome})
        return outcome

    async def task(workflow: Run, payload: Json) -> object:
        return await development.work(workflow, ports, from_json(payload, Job))

    async def acceptance(workflow: Run, payload: Json) -> object:
        specification = from_json(payload["specification"], Specification)
        return await validation.write_acceptance(workflow, ports, specification)

    return {
        ROOT: handler(root),
        development.TASK: handler(task),
        ACCEPTANCE: handler(acceptance),
    }
