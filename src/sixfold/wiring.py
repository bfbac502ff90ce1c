"""The only place that picks concrete adapters. Interfaces call these functions; nothing below knows which exist.

What is heavy to load (DBOS about two seconds, model clients two to three) is imported inside the function that needs
it, so that looking at runs stays as quick as starting Python.
"""

from __future__ import annotations

import asyncio
import gc
import os
import platform
import shutil
import subprocess
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import msgspec

from sixfold import __version__, forecast, forking, recording
from sixfold.config import Settings
from sixfold.domain.code import Snapshot
from sixfold.domain.data import Data, Digest, Json, Tree, digest, from_json, to_json
from sixfold.domain.errors import (
    ModelMisconfigured,
    RepositoryError,
    RequestError,
    SixfoldError,
    StorageError,
    UsageError,
)
from sixfold.domain.events import Event
from sixfold.domain.evidence import ExecResult, Limits
from sixfold.domain.fold import fold
from sixfold.domain.requirements import Attachment, Request
from sixfold.domain.run import Decision, Options, Outcome
from sixfold.domain.view import RunView
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.log import EventLog, note_pause
from sixfold.workflow.state import State

if TYPE_CHECKING:
    from sixfold.domain.ports import Ports, Sandbox
    from sixfold.layers.models.cloud import CallRecord
    from sixfold.workflow.control import Control
    from sixfold.workflow.drive import Stop
    from sixfold.workflow.engine import Engine, Handler


class Door(Protocol):
    """Somebody who is present: asked about each open subject as it comes up."""

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        """A decision, or None to leave the subject waiting."""
        ...


class _Recorded:
    """A door that gives the decisions of a recorded run."""

    def __init__(self, decisions: Sequence[Decision]) -> None:
        self._decisions = {decision.subject: decision for decision in decisions}

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        return self._decisions.get(subject)


Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Parts:
    """Adapters in place of those this module would pick, for embedding, benchmarks and tests."""

    durable: Callable[[str, str | Path, Mapping[str, Handler]], AbstractAsyncContextManager[Engine]] | None = None
    """Opens an engine: run id, database, handlers. None = DBOS."""
    sandbox: Sandbox | None = None
    workers: int = 0
    """Steps at once; 0 = no limit. Changes nothing but time."""


PICKED = Parts()

DEMO = "bookmarks"
"""The bundled recording, in `sixfold/recordings/`."""


def state_of(settings: Settings) -> State:
    """The state folder of these settings."""
    return State(settings.home, SystemClock())


# --- starting ---------------------------------------------------------------------------------------------------------


def start(settings: Settings, request_text: str, attachments: Sequence[Path], folder: Path, options: Options) -> str:
    """Create a run: everything that can be wrong with what was typed is found here, before anything is spent.

    Returns:
        The run's id. The user's folder has been read and not changed.

    Raises:
        RequestError: empty request or unreadable attachment.
        RepositoryError: the folder is neither a repository nor empty.
        ModelMisconfigured: no model, an unknown one, or no key for it.
    """
    from sixfold.layers.refinement.git import GitRepository  # late: only starting and driving need git

    if not request_text.strip():
        raise RequestError("the request is empty", next='say what to build: sixfold build "REQUEST"')
    check_models(options, os.environ)
    kept: dict[Digest, bytes] = {}
    read = tuple(_read_attachment(path, kept) for path in attachments)
    request = Request(text=request_text.strip(), attachments=read)
    state = state_of(settings)
    run = state.create()
    try:
        repository = GitRepository(state.folder(run) / "repository", state.folder(run) / "blobs")
        for content in kept.values():
            repository.put_blob(content)
        snapshot = repository.snapshot(folder)
        order = recording.read(Path(options.replay)).order if _holds_recording(options.replay) else ()
        _created(state.log(run), request, options, folder, snapshot, order=order)
        if not options.replay:
            _forecast(state, run, request, options, snapshot)
    except SixfoldError:
        shutil.rmtree(state.folder(run))
        raise
    return run


def _created(
    log: EventLog,
    request: Request,
    options: Options,
    folder: Path,
    snapshot: Snapshot,
    *,
    order: Sequence[str] = (),
    fork: forking.Inheritance | None = None,
) -> None:
    data: dict[str, object] = {
        "request": request,
        "options": options,
        "folder": str(folder.resolve()),
        "snapshot": snapshot,
        "version": __version__,
    }
    if order:
        data["order"] = order
    if fork is not None:
        data["fork"] = fork
    log.append("run.created", "created", data)
    for number, note in enumerate(snapshot.notes):
        log.append("note", f"note:snapshot:{number}", {"text": note})
    for attachment in request.attachments:
        log.append("attachment.read", f"attachment:{attachment.name}:{attachment.digest}", {"attachment": attachment})


def _forecast(state: State, run: str, request: Request, options: Options, snapshot: Snapshot) -> None:
    """Say what the run will probably use, before anything is spent; kept in the log beside what it really used."""
    from sixfold.layers.requirements import triage  # late, as all layers are here

    existing = snapshot.kind != "empty"
    overview = "present" if existing else ""
    route = triage.route(request.text, options.clarify, bool(request.attachments), overview).route
    earlier = [other for other in state.runs() if other != run][: forecast.MOST_RUNS]
    logs = (_readable(state.log(other)) for other in earlier)
    expected = forecast.forecast(forecast.kind_of(route, existing=existing), options, logs)
    state.log(run).append("run.forecast", "forecast", {"forecast": expected})


def _readable(log: EventLog) -> list[Event]:
    try:
        return log.read()
    except StorageError:
        return []  # a damaged run says nothing about the next one; `sixfold runs` names it


def _holds_recording(folder: str) -> bool:
    """True when a `--replay` folder says more than its answers: a cassette alone is enough to replay."""
    return bool(folder) and (Path(folder) / recording.FILE).exists()


def _read_attachment(path: Path, kept: dict[Digest, bytes]) -> Attachment:
    from sixfold.layers.requirements import documents  # late: few runs have attachments

    def keep(content: bytes) -> Digest:
        name = digest(content)
        kept[name] = content
        return name

    try:
        content = path.read_bytes()
    except OSError as error:
        raise RequestError(
            f"cannot read the attachment {path}", why=error.strerror or str(error), next="check the path"
        ) from error
    return documents.read(path.name, content, keep)


def check_models(options: Options, environ: Mapping[str, str]) -> None:
    """Look at names and keys of all configured models without sending anything.

    Raises:
        ModelMisconfigured: with a short page on how to get a model when there is none.
    """
    from sixfold.layers.models import catalog  # late: parsing names needs the provider table only

    if options.replay:
        return
    if not options.models:
        raise ModelMisconfigured("no model is configured", next=catalog.NO_MODEL)
    for _, name in options.models:
        model = catalog.parse_model(name)
        if model.kind == "provider":
            catalog.key_of(model, environ)


# --- driving ----------------------------------------------------------------------------------------------------------


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
    state = state_of(settings)
    log = state.log(run)
    created = log.read()[0]
    ended = next((event for event in log.read() if event.kind == "run.ended"), None)
    if ended is not None:
        return from_json(ended.data["outcome"], Outcome).exit_code
    with state.drive(run):
        if options is not None:
            log.append("run.resumed", f"resumed:{log.next('run.resumed')}", {"by": _who(), "options": options})
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


def options_of(log: EventLog) -> Options:
    """The options in force: those of the start, or of the last resume that changed them."""
    last = [event for event in log.read() if event.kind in ("run.created", "run.resumed")][-1]
    return from_json(last.data["options"], Options)


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
    from sixfold.workflow.dbos_engine import durable
    from sixfold.workflow.drive import drive as drive_engine
    from sixfold.workflow.ordered import OrderedEngine

    options = options_of(log)
    request = from_json(created.data["request"], Request)
    snapshot = from_json(created.data["snapshot"], Snapshot)
    fork = from_json(created.data["fork"], forking.Inheritance) if created.data.get("fork") else None
    ports = await open_ports(settings, folder, run, log, options, snapshot.tree, cage=parts.sandbox, fork=fork)
    control = Control()
    holder: list[Engine] = []
    handlers = _handlers(run, ports, request, options, snapshot, log, control, holder)

    async def ask(subject: str) -> None:
        decision = await door.ask(subject, fold(log.read())) if door is not None else None
        if decision is not None:
            decide(settings, run, decision)

    async with (parts.durable or durable)(run, settings.database_url or folder / "engine.sqlite", handlers) as engine:
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
    cage: Sandbox | None = None,
    fork: forking.Inheritance | None = None,
) -> Ports:
    """The adapters of one run.

    Args:
        base: the tree the run began with; what it declares may be used.
        cage: the sandbox; None = the best that works here.
        fork: what the run took over from another.

    Raises:
        SandboxUnavailable: nothing here gives real isolation.
        ModelMisconfigured: no model, an unknown one, or no key for it.
    """
    from sixfold.domain.ports import Ports
    from sixfold.layers.models.routing import open_cloud
    from sixfold.layers.planning.retrieval.index import RepositoryIndex
    from sixfold.layers.refinement.git import GitRepository
    from sixfold.layers.testing import sandbox
    from sixfold.layers.testing.dependencies import Dependencies
    from sixfold.layers.testing.environments import UvEnvironments
    from sixfold.layers.testing.scanners.audit import Audit
    from sixfold.layers.testing.scanners.bandit import Bandit
    from sixfold.layers.testing.scanners.ruff import Ruff
    from sixfold.layers.testing.scanners.secrets import Secrets
    from sixfold.layers.testing.scanners.suspicious import Suspicious
    from sixfold.phases.validation import ACCEPTANCE

    repository = GitRepository(folder / "repository", folder / "blobs")
    clock = SystemClock()
    if cage is None:
        only = "" if settings.sandbox == "auto" else settings.sandbox
        cage = await sandbox.choose(repository.checkout, repository.store, settings.home / "scratch", only=only)

    def called(record: CallRecord) -> None:
        reply = repository.put_blob(record.reply.encode())
        data = {**to_json(record), "reply": reply, "task": record.scope if record.scope != ACCEPTANCE else ""}
        log.append("model.called", f"model:{record.request}:{record.scope}", data, who=f"model:{record.model}")

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
        blob=repository.blob,
        on_call=called,
        inherited=fork.answers if fork is not None else None,
    )
    return Ports(
        model=cloud,
        costs=cloud,
        repository=repository,
        retriever=RepositoryIndex(repository),
        sandbox=cage,
        environments=UvEnvironments(settings.home / "environments", os.environ),
        scanners=(
            Ruff(repository),
            Audit(repository),
            Secrets(repository),
            Dependencies(repository, allowed=options.packages, base=base),
        ),
        held_out=(Bandit(repository), Suspicious(repository)),
        clock=clock,
    )


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
    from sixfold.domain.flow import Job
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
        validation.ACCEPTANCE: handler(acceptance),
    }


# --- steering ---------------------------------------------------------------------------------------------------------


def decide(settings: Settings, run: str, decision: Decision) -> Event:
    """Write a person's decision into the run's log; a process that drives the run sees it at once."""
    log = state_of(settings).log(run)
    return log.append("decision.given", f"decision:{decision.subject}", {"decision": decision}, who=decision.who)


def apply(settings: Settings, run: str) -> tuple[str, ...]:
    """Bring a validated branch into the user's folder; returns the changed paths.

    Raises:
        RepositoryError: nothing validated yet, or it cannot be applied cleanly; nothing was changed.
    """
    from sixfold.layers.refinement.git import GitCheckout

    folder, snapshot, outcome, log = _result(settings, run)
    files = GitCheckout(state_of(settings).folder(run) / "repository").apply(
        folder, outcome.branch, outcome.commit, snapshot
    )
    times = sum(1 for event in log.read() if event.kind == "result.applied") + 1
    data = {"folder": str(folder), "commit": outcome.commit, "files": files}
    log.append("result.applied", f"applied:{times}", data, who=_who())
    return files


def undo(settings: Settings, run: str) -> tuple[str, ...]:
    """Take an applied result back; returns the restored paths.

    Raises:
        RepositoryError: it is not applied, or its files were edited since; nothing was changed.
    """
    from sixfold.layers.refinement.git import GitCheckout

    folder, snapshot, outcome, log = _result(settings, run)
    times = [event.kind for event in log.read() if event.kind in ("result.applied", "result.undone")]
    if not times or times[-1] != "result.applied":
        raise RepositoryError(f"{run} is not applied, so there is nothing to undo", next=f"sixfold apply {run}")
    files = GitCheckout(state_of(settings).folder(run) / "repository").undo(
        folder, outcome.branch, outcome.commit, snapshot
    )
    data = {"folder": str(folder), "files": files}
    log.append("result.undone", f"undone:{times.count('result.undone') + 1}", data, who=_who())
    return files


def _result(settings: Settings, run: str) -> tuple[Path, Snapshot, Outcome, EventLog]:
    log = state_of(settings).log(run)
    events = log.read()
    ended = next((event for event in events if event.kind == "run.ended"), None)
    outcome = from_json(ended.data["outcome"], Outcome) if ended else None
    if outcome is None or outcome.status != "validated":
        raise RepositoryError(f"{run} has no validated branch", next=f"see how it stands: sixfold show {run}")
    created = events[0].data
    return Path(created["folder"]), from_json(created["snapshot"], Snapshot), outcome, log


def _who() -> str:
    import getpass  # late: only steering needs the name

    try:
        return f"human:{getpass.getuser()}"
    except (KeyError, OSError):  # no such user in the password file, as in bare containers
        return "human:unknown"


# --- replaying --------------------------------------------------------------------------------------------------------


def replay(
    settings: Settings, run: str, *, listener: Listener | None = None, debug: bool = False, workers: int = 0
) -> tuple[str, int]:
    """Do a run again offline: recorded answers and decisions, real sandbox, tests, scans and git.

    Args:
        workers: steps at once; 0 = no limit. Changes nothing but time.

    Returns:
        The new run's id and the exit code.

    Raises:
        ReplayDrift: something came out differently, with the first differences.
        UsageError: the run has not ended.
    """
    state = state_of(settings)
    source = state.folder(run)
    before = state.log(run).read()
    if not any(event.kind == "run.ended" for event in before):
        raise UsageError(f"{run} has not ended, so there is nothing to compare with", next=f"sixfold resume {run}")
    recorded = recording.recording_of(before)
    fresh, code = _again(
        settings, recorded, source / "cassette", source / "repository", listener, debug, workers=workers
    )
    now = state.log(fresh).read()
    if any(event.kind == "run.ended" for event in now):
        drift = recording.event_differences(before, now, (run, fresh))
        if drift is not None:
            raise drift
    return fresh, code


def fork(settings: Settings, run: str, step: str, options: Options) -> str:
    """Make a new run that takes over everything another one had paid for and decided before a step.

    The steps before are done again from the recorded answers (sandbox, tests and git are real), so the fork needs
    nothing of the engine's inside and can be replayed by itself.

    Args:
        step: a phase, a model call or a decision; see `forking.steps`.
        options: of the fork: another model, budget or policy.

    Returns:
        The new run's id; `drive` sets it going.

    Raises:
        UsageError: the run took no such step, or another process drives it.
        ModelMisconfigured: an unknown model, or no key for it.
    """
    state = state_of(settings)
    check_models(options, os.environ)
    events = state.log(run).read()
    taken = forking.inherit(events, run, step)
    fresh = state.create()
    try:
        with state.drive(run):
            _copy(state.folder(run), state.folder(fresh), taken.answers)
        before = events[: taken.events]
        created = events[0].data
        log = state.log(fresh)
        _created(
            log,
            from_json(created["request"], Request),
            options,
            Path(created["folder"]),
            from_json(created["snapshot"], Snapshot),
            order=[event.data["task"] for event in before if event.kind == "task.ended"],
            fork=taken,
        )
    except (SixfoldError, OSError):
        shutil.rmtree(state.folder(fresh))
        raise
    for event in before:
        if event.kind == "decision.given":
            log.append(event.kind, event.key, event.data, who=event.who)
    return fresh


def _copy(source: Path, target: Path, answers: Iterable[Digest]) -> None:
    """A run's repository, blobs and the named answers; a copied answer is checked when it is read."""
    shutil.copytree(source / "repository", target / "repository")
    shutil.copytree(source / "blobs", target / "blobs")
    (target / "cassette").mkdir()
    for key in answers:
        shutil.copyfile(source / "cassette" / f"{key}.json", target / "cassette" / f"{key}.json")


def demo(settings: Settings, *, listener: Listener | None = None, debug: bool = False) -> tuple[str, int]:
    """Replay the recording that comes with Sixfold; needs no model and no key."""
    with resources.as_file(resources.files("sixfold") / "recordings" / DEMO) as folder:
        return _again(settings, recording.read(folder), folder, None, listener, debug)


def _again(
    settings: Settings,
    recorded: recording.Recording,
    cassette: Path,
    repository: Path | None,
    listener: Listener | None,
    debug: bool,
    *,
    workers: int = 0,
) -> tuple[str, int]:
    state = state_of(settings)
    run = state.create()
    folder = state.folder(run)
    if repository is not None:
        shutil.copytree(repository, folder / "repository")
        if (repository.parent / "blobs").is_dir():
            shutil.copytree(repository.parent / "blobs", folder / "blobs")
    options = msgspec.structs.replace(recorded.options, replay=str(cassette), record="", apply=False, models=())
    product = folder / "product"
    product.mkdir()
    log = state.log(run)
    _created(log, recorded.request, options, product, recorded.snapshot, order=recorded.order)
    door, parts = _Recorded(recorded.decisions), Parts(workers=workers)
    code = drive(settings, run, listener=listener, door=door, debug=debug, parts=parts)
    if any(event.kind == "run.ended" for event in log.read()):
        drift = recording.differences(recorded, recording.recording_of(log.read()))
        if drift is not None:
            raise drift
        return run, 0
    return run, code


# --- operating --------------------------------------------------------------------------------------------------------


async def _sandbox_run(settings: Settings, folder: Path, argv: Sequence[str], limits: Limits) -> ExecResult:
    from sixfold.layers.refinement.git import GitRepository
    from sixfold.layers.testing import sandbox

    place = settings.home / "try"
    repository = GitRepository(place / "repository", place / "blobs")
    tree: Tree = repository.store(folder)
    only = "" if settings.sandbox == "auto" else settings.sandbox
    cage = await sandbox.choose(repository.checkout, repository.store, settings.home / "scratch", only=only)
    async with cage.open(tree) as workspace:
        return await workspace.exec(argv, limits=limits)


def sandbox_run(settings: Settings, folder: Path, argv: Sequence[str], timeout_s: float | None = None) -> ExecResult:
    """Run a command of the person's own in the sandbox, on a copy of a folder.

    Raises:
        SandboxUnavailable: nothing here gives real isolation.
    """
    limits = Limits() if timeout_s is None else Limits(wall_s=timeout_s)
    return asyncio.run(_sandbox_run(settings, folder, argv, limits))


class Row(Data, frozen=True, kw_only=True):
    """One line of `sixfold doctor`."""

    what: str
    state: Literal["ok", "missing", "note"]
    detail: str


def doctor(settings: Settings) -> tuple[Row, ...]:
    """What is enforced and reachable here, found out by trying it."""
    rows = [
        Row(what="sixfold", state="ok", detail=f"{__version__}, Python {platform.python_version()}"),
        _git_row(),
        _state_row(settings),
        *asyncio.run(_sandbox_rows(settings)),
        _model_row(settings),
    ]
    return tuple(rows)


def _git_row() -> Row:
    git = shutil.which("git")
    if git is None:
        return Row(what="git", state="missing", detail="install git: every run works in a repository of its own")
    version = subprocess.run([git, "--version"], capture_output=True, text=True, check=False).stdout.strip()
    return Row(what="git", state="ok", detail=version)


def _state_row(settings: Settings) -> Row:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        free_gib = shutil.disk_usage(settings.home).free / 2**30
    except OSError as error:
        return Row(what="state folder", state="missing", detail=f"{settings.home}: {error.strerror}")
    return Row(what="state folder", state="ok", detail=f"{settings.home}, {free_gib:.1f} GiB free")


async def _sandbox_rows(settings: Settings) -> list[Row]:
    from sixfold.layers.testing import sandbox

    rows = []
    for tried in await sandbox.describe(settings.home / "scratch"):
        name = f"sandbox {tried.name}"
        rows.append(Row(what=name, state="ok" if tried.usable else "missing", detail=tried.why or "holds here"))
        rows += [
            Row(
                what=f"  {each.what}",
                state="ok" if each.strength != "none" else "note",
                detail=f"{each.strength}: {each.how}",
            )
            for each in tried.enforced
        ]
    return rows


def _model_row(settings: Settings) -> Row:
    options = settings.options()
    try:
        check_models(options, os.environ)
    except ModelMisconfigured as error:
        return Row(what="model", state="missing", detail=f"{error.what}; see: sixfold build --help")
    return Row(what="model", state="ok", detail=", ".join(f"{role}={name}" for role, name in options.models))


def models(settings: Settings) -> Sequence[object]:
    """Known models with price, context and source."""
    from sixfold.layers.models import catalog

    return catalog.known()


def prepare_toolchain(settings: Settings) -> Row:
    """Build the sandbox's toolchain now, so that the first run need not; quick when it is there already."""
    from sixfold.layers.testing.environments import UvEnvironments

    environment = asyncio.run(UvEnvironments(settings.home / "environments", os.environ).prepare())
    return Row(what="toolchain", state="ok", detail=f"{len(environment.packages)} packages, {environment.python}")
