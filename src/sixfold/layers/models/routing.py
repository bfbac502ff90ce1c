"""From plain values to a working cloud: which adapter answers which role."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import msgspec

from sixfold.domain.data import Digest
from sixfold.domain.errors import ModelMisconfigured, StorageError
from sixfold.domain.model import ModelRequest, Usage
from sixfold.domain.ports import Clock
from sixfold.domain.run import Budget
from sixfold.layers.models.adapter import Adapter
from sixfold.layers.models.cassette import Cassette, Inheriting, ReplayModel, key_of
from sixfold.layers.models.catalog import NO_MODEL, SECRET_VARIABLES, ModelName, Price, parse_model
from sixfold.layers.models.cloud import CallRecord, ModelCloud
from sixfold.layers.models.command import CommandModel
from sixfold.layers.models.ledger import UNLIMITED, Ledger
from sixfold.layers.models.providers import ProviderModel
from sixfold.layers.models.redaction import Redactor
from sixfold.layers.models.relay import RelayModel
from sixfold.layers.models.retry import PATIENT, RetryPolicy, Sleep

ANSWERED_BY = {
    "relay": "whoever answered through the relay",
    "command": "a command of the operator",
    "replay": "a recording",
    "provider": "a live model",
}


def open_cloud(
    models: Sequence[tuple[str, str]],
    *,
    folder: Path,
    environ: Mapping[str, str],
    clock: Clock,
    run: str = "",
    replay: str = "",
    record: str = "",
    budget: Budget = UNLIMITED,
    scope_budget: Budget = UNLIMITED,
    phase_budget: Budget = UNLIMITED,
    prompts: Sequence[tuple[str, str]] = (),
    prices: Mapping[str, Price] | None = None,
    secrets: Mapping[str, str] | None = None,
    blob: Callable[[Digest], bytes] | None = None,
    on_call: Callable[[CallRecord], None] | None = None,
    timeout_s: float = 600.0,
    policy: RetryPolicy = PATIENT,
    sleep: Sleep = asyncio.sleep,
    adapters: Mapping[str, Adapter] | None = None,
    inherited: Mapping[Digest, str] | None = None,
) -> ModelCloud:
    """Build the model cloud of one run. Names and keys are checked; nothing is imported or sent yet.

    Args:
        models: (role, model) pairs of `Options.models`; role `*` is the default.
        folder: the run's folder; holds `cassette/` and `ledger.jsonl`.
        environ: provider keys and addresses.
        clock: for the times in entries and records.
        run: the run's id, so that a relay request is found again by its own run.
        replay: folder of a cassette that alone answers; `models` is not looked at then.
        record: folder that receives a copy of every answer.
        budget: caps of the run.
        scope_budget: caps of each scope (task).
        phase_budget: caps of each phase.
        prompts: (purpose, system text) pairs that replace the prompts of those calls, unless the answer to the
            original prompt is recorded already.
        prices: configured price by model name (`openai-chat:NAME`).
        secrets: further values, by name, that must never leave, besides the providers' keys.
        blob: bytes of a picture by digest.
        on_call: told about every answered call.
        timeout_s: of one attempt at a hosted model or a command; a relay waits as long as it takes.
        policy: how patiently failed attempts are repeated.
        sleep: waits; tests pass their own.
        adapters: ready adapters by model name, for tests and embedding.
        inherited: cassette key → model of answers that a fork took over; they hold whichever model plays the role now.

    Raises:
        ModelMisconfigured: no model, an unknown one, or a missing key.
        StorageError: the cassette or the ledger is damaged.
    """
    known_secrets = {name: environ[name] for name in SECRET_VARIABLES if environ.get(name)} | dict(secrets or {})
    routes: dict[str, Adapter] = {}
    roles: dict[str, str] = {}
    if replay:
        source = Cassette(Path(replay))
        routes["*"] = ReplayModel(source)
        roles, answered_by = dict(source.meta.roles), source.meta.answered_by
    else:
        if not models:
            raise ModelMisconfigured("no model is configured", next=NO_MODEL)
        made: dict[str, Adapter] = dict(adapters or {})
        names = {role: name for role, name in models if name not in made}
        parsed = {name: parse_model(name) for name in names.values()}
        for name, model in parsed.items():
            made[name] = _adapter(
                model, environ=environ, run=run, blob=blob, prices=prices or {}, timeout_s=timeout_s, sleep=sleep
            )
        for role, name in models:
            routes[role] = made[name]
            roles[role] = _played_by(made[name], role, parsed[name].identity if name in parsed else name)
        answered_by = " and ".join(sorted({ANSWERED_BY[model.kind] for model in parsed.values()}))
    if inherited:
        routes = {role: Inheriting(adapter, inherited) for role, adapter in routes.items()}
    cassette = Cassette(folder / "cassette", [Path(record)] if record else [])
    cassette.describe(roles, answered_by)

    def recorded(key: Digest) -> Usage | None:
        try:
            entry = cassette.find(key)
        except StorageError:
            return None
        return entry.usage if entry else None

    return ModelCloud(
        routes,
        cassette=cassette,
        ledger=Ledger(
            folder / "ledger.jsonl",
            budget=budget,
            scope_budget=scope_budget,
            phase_budget=phase_budget,
            recorded=recorded,
        ),
        clock=clock,
        redactor=Redactor(known_secrets),
        on_call=on_call,
        policy=policy,
        sleep=sleep,
        reword=_rewording(dict(prompts), routes, Path(replay) if replay else cassette.folder) if prompts else None,
    )


def _rewording(
    prompts: Mapping[str, str], routes: Mapping[str, Adapter], answers: Path
) -> Callable[[ModelRequest], ModelRequest]:
    """Puts other prompts into requests; a question that has its answer in the folder `answers` keeps it."""

    def reword(request: ModelRequest) -> ModelRequest:
        if request.purpose not in prompts:
            return request
        adapter = routes.get(request.role) or routes.get("*")
        if adapter is not None and (answers / f"{key_of(adapter.identify(request), request)}.json").exists():
            return request
        return msgspec.structs.replace(request, system=prompts[request.purpose])

    return reword


def _played_by(adapter: Adapter, role: str, name: str) -> str:
    """The model that plays a role; for a recording, the one that was recorded."""
    if isinstance(adapter, ReplayModel):
        return adapter.roles.get(role) or adapter.roles.get("*") or name
    return name


def _adapter(
    model: ModelName,
    *,
    environ: Mapping[str, str],
    run: str,
    blob: Callable[[Digest], bytes] | None,
    prices: Mapping[str, Price],
    timeout_s: float,
    sleep: Sleep,
) -> Adapter:
    if model.kind == "relay":
        return RelayModel(Path(model.name).expanduser(), owner=run, blob=blob, sleep=sleep)
    if model.kind == "command":
        return CommandModel(model.name, timeout_s=timeout_s)
    if model.kind == "replay":
        return ReplayModel(Cassette(Path(model.name).expanduser()))
    return ProviderModel(model, environ=environ, blob=blob, price=prices.get(str(model)), timeout_s=timeout_s)
