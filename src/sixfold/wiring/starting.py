"""Starting a run: whatever can be wrong with what was typed is found here, before anything is spent."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from sixfold import __version__, earlier, forecast, forking, recording
from sixfold.config import Settings
from sixfold.domain.code import Snapshot
from sixfold.domain.data import Digest, digest
from sixfold.domain.errors import (
    ModelMisconfigured,
    RequestError,
    StorageError,
)
from sixfold.domain.events import Event
from sixfold.domain.requirements import Attachment, Request
from sixfold.domain.run import Options
from sixfold.wiring.doors import state_of
from sixfold.workflow.log import EventLog
from sixfold.workflow.state import State

if TYPE_CHECKING:
    pass


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
    read = tuple(_read_attachment(path, kept) for path in _spread(attachments))
    request = Request(text=request_text.strip(), attachments=read)
    state = state_of(settings)
    with state.make() as (run, drafts):
        repository = GitRepository(drafts.folder(run) / "repository", drafts.folder(run) / "blobs")
        for content in kept.values():
            repository.put_blob(content)
        snapshot = repository.snapshot(folder)
        if snapshot.kind != "empty" and not options.replay:
            # A replay must ask what was asked then; an empty folder is about nothing yet.
            logs = (_readable(state.log(other)) for other in state.runs()[: earlier.MOST_RUNS])
            request = msgspec.structs.replace(request, earlier=earlier.decisions(logs, str(folder.resolve())))
        recorded = recording.read(Path(options.replay)) if _holds_recording(options.replay) else None
        order = recorded.order if recorded else ()
        if options.edit_format == "auto":
            options = msgspec.structs.replace(
                options, edit_format=recorded.options.edit_format if recorded else _edit_format(options)
            )
        if recorded is not None:
            own = [pair for pair in options.models if pair not in options.experts]
            options = msgspec.structs.replace(options, models=(*own, *recorded.options.experts))
        log = drafts.log(run)
        created(log, request, options, folder, snapshot, order=order)
        if not options.replay:
            _forecast(state, log, request, options, snapshot)
    return run


def _edit_format(options: Options) -> str:
    """The edit format of the model that writes code."""
    from sixfold.layers.synthesis.formats import format_for  # late: only starting needs the table

    models = dict(options.models)
    return format_for(models.get("coder") or models.get("*") or "")


def created(
    log: EventLog,
    request: Request,
    options: Options,
    folder: Path,
    snapshot: Snapshot,
    *,
    order: Sequence[str] = (),
    fork: forking.Inheritance | None = None,
) -> None:
    """Write the first events of a run: everything that `resume` needs to know."""
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


def _forecast(state: State, log: EventLog, request: Request, options: Options, snapshot: Snapshot) -> None:
    """Say what the run will probably use, before anything is spent; kept in the log beside what it really used."""
    from sixfold.layers.requirements import triage  # late, as all layers are here

    existing = snapshot.kind != "empty"
    overview = "present" if existing else ""
    route = triage.route(request.text, options.clarify, bool(request.attachments), overview).route
    logs = (_readable(state.log(other)) for other in state.runs()[: forecast.MOST_RUNS])
    expected = forecast.forecast(forecast.kind_of(route, existing=existing), options, logs)
    log.append("run.forecast", "forecast", {"forecast": expected})


def _readable(log: EventLog) -> list[Event]:
    try:
        return log.read()
    except StorageError:
        return []  # a damaged run says nothing about the next one; `sixfold runs` names it


def _holds_recording(folder: str) -> bool:
    """True when a `--replay` folder says more than its answers: a cassette alone is enough to replay."""
    return bool(folder) and (Path(folder) / recording.FILE).exists()


def _spread(attachments: Sequence[Path]) -> list[Path]:
    """The files to read: a folder stands for the specification in it."""
    from sixfold.layers.requirements import folders  # late: few runs have attachments

    spread: list[Path] = []
    for path in attachments:
        spread += [Path(file) for file in folders.open_folder(path).files] if path.is_dir() else [path]
    return spread


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
