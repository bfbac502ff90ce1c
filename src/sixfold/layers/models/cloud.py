"""The model cloud: role to model, redaction, cassette, budget, retries and the account of it, around every call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec

from sixfold.domain.data import Data, Digest, canonical, digest
from sixfold.domain.errors import ConfigurationError, ModelError, ModelMisconfigured, StorageError
from sixfold.domain.model import ModelReply, ModelRequest, Usage
from sixfold.domain.ports import Clock
from sixfold.layers.models.adapter import Adapter, Transient, most_input_tokens
from sixfold.layers.models.cassette import Cassette, Entry, key_of
from sixfold.layers.models.catalog import NO_MODEL
from sixfold.layers.models.ledger import Ledger, Reservation
from sixfold.layers.models.redaction import Redactor
from sixfold.layers.models.retry import PATIENT, RetryPolicy, Sleep, retry


class CallRecord(Data, frozen=True, kw_only=True):
    """One answered call, for the event log."""

    purpose: str
    role: str
    model: str
    scope: str
    usage: Usage
    request: Digest
    """Key in the cassette."""
    prompt: Digest
    """SHA-256 of the canonical (redacted) request."""
    reply: str
    finish: str
    replayed: bool
    """True when it came from a recording and cost this run nothing; `usage` then says what it had cost. An answer this
    run paid for before a crash is not replayed, although it is found in the cassette."""
    wall_s: float


class ModelCloud:
    """Answers requests with the model of their role. Implements the ports `Model` and `CostBook`.

    Identical requests under way at once share one call. Everything runs on one asyncio loop.

    Args:
        routes: adapter by role; `*` is the default.
        cassette: the run's own; a recorded answer is returned without asking.
        ledger: budget, reservations, costs.
        on_call: told about every answered call, after its reply is on disk.
        reword: puts another prompt into a (redacted) request before it is named and asked.
    """

    def __init__(
        self,
        routes: Mapping[str, Adapter],
        *,
        cassette: Cassette,
        ledger: Ledger,
        clock: Clock,
        redactor: Redactor | None = None,
        on_call: Callable[[CallRecord], None] | None = None,
        policy: RetryPolicy = PATIENT,
        sleep: Sleep = asyncio.sleep,
        reword: Callable[[ModelRequest], ModelRequest] | None = None,
    ) -> None:
        self._routes = dict(routes)
        self._cassette = cassette
        self._ledger = ledger
        self._clock = clock
        self._redactor = redactor or Redactor()
        self._on_call = on_call
        self._policy = policy
        self._sleep = sleep
        self._reword = reword
        self._under_way: dict[Digest, asyncio.Future[ModelReply]] = {}
        self._told: set[tuple[Digest, str]] = set()
        self._took_s: dict[Digest, float] = {}
        """Seconds that answers took, as they were recorded: a resumed run tells the same."""

    def spent(self, scope: str = "") -> Usage:
        return self._ledger.spent(scope)

    async def aclose(self) -> None:
        """Give back the adapters' connections."""
        for adapter in {id(adapter): adapter for adapter in self._routes.values()}.values():
            await adapter.aclose()

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        adapter = self._routes.get(request.role) or self._routes.get("*")
        if adapter is None:
            raise ModelMisconfigured("no model is configured", next=NO_MODEL)
        clean = self._redactor.request(request)
        if self._reword is not None:
            clean = self._reword(clean)
        model = adapter.identify(clean)
        key = key_of(model, clean)
        began = self._clock.monotonic()
        entry = self._recorded(key, scope, adapter, _phase(clean))
        if entry is None:
            reply = await self._share(adapter, clean, model, key, scope)
        else:
            reply = entry.reply()
        wall_s = self._took_s.pop(key, self._clock.monotonic() - began)
        free = reply.replayed
        if entry is not None and (key, scope) in self._ledger.paid and (key, scope) not in self._told:
            # This run paid for it and crashed before anybody was told.
            free, wall_s = False, entry.wall_s
        self._tell(request, reply, key, scope, prompt=clean, replayed=free, wall_s=wall_s)
        return reply

    def catch_up(self, told: Callable[[Digest, str], bool]) -> None:
        """Tell of every answer that was paid for before a crash and never told, or was torn from the log since.

        Args:
            told: whether the call with that key and scope is known already.
        """
        for name, scope in sorted(self._ledger.paid):
            key = Digest(name)
            if told(key, scope):
                continue
            try:
                entry = self._cassette.find(key)
            except StorageError:
                continue  # damaged: whoever needs it asks again
            if entry is not None:
                asked = entry.request
                self._tell(asked, entry.reply(), key, scope, prompt=asked, replayed=False, wall_s=entry.wall_s)

    def _tell(
        self,
        request: ModelRequest,
        reply: ModelReply,
        key: Digest,
        scope: str,
        *,
        prompt: ModelRequest,
        replayed: bool,
        wall_s: float,
    ) -> None:
        self._told.add((key, scope))
        if self._on_call is not None:
            self._on_call(
                CallRecord(
                    purpose=request.purpose,
                    role=request.role,
                    model=reply.model,
                    scope=scope,
                    usage=reply.usage,
                    request=key,
                    prompt=digest(canonical(prompt)),
                    reply=reply.text,
                    finish=reply.finish,
                    replayed=replayed,
                    wall_s=wall_s,
                )
            )

    def _recorded(self, key: Digest, scope: str, adapter: Adapter, phase: str) -> Entry | None:
        try:
            entry = self._cassette.find(key)
        except StorageError:
            if adapter.charges == "never":
                raise
            return None  # damaged: asked again, and overwritten by the new answer
        if entry is None:
            return None
        self._cassette.copy_out(entry)
        if adapter.charges == "never" and not self._ledger.accounts(key):
            self._ledger.account(key, scope, entry.usage, phase=phase)
        return entry

    async def _share(self, adapter: Adapter, request: ModelRequest, model: str, key: Digest, scope: str) -> ModelReply:
        """Ask, or wait for the same question that is already under way."""
        while (leader := self._under_way.get(key)) is not None:
            await asyncio.wait([leader])
            if not leader.cancelled() and leader.exception() is None:
                return msgspec.structs.replace(leader.result(), replayed=True)
            if not leader.cancelled():
                leader.result()  # the same question fails the same way for everybody who asked it
        outcome: asyncio.Future[ModelReply] = asyncio.get_running_loop().create_future()
        self._under_way[key] = outcome
        try:
            reply = await retry(lambda: self._attempt(adapter, request, model, key, scope), self._policy, self._sleep)
        except asyncio.CancelledError:
            outcome.cancel()
            raise
        except BaseException as error:
            outcome.set_exception(error)
            outcome.exception()  # seen: nobody else need be waiting for it
            raise
        else:
            outcome.set_result(reply)
            return reply
        finally:
            del self._under_way[key]

    async def _attempt(
        self, adapter: Adapter, request: ModelRequest, model: str, key: Digest, scope: str
    ) -> ModelReply:
        """One request to the model: reserved before, on disk after, settled."""
        if adapter.charges == "never":
            reply = await adapter.complete(request, scope=scope)
            self._record(request, reply, key, self._clock.now(), 0.0)
            self._ledger.account(key, scope, reply.usage, phase=_phase(request))
            return reply
        reservation = await self._ledger.reserve(
            key,
            scope,
            self._most(adapter, request, model),
            phase=_phase(request),
            replaces=adapter.charges == "once",
        )
        asked_at, began = self._clock.now(), self._clock.monotonic()
        try:
            reply = await adapter.complete(request, scope=scope)
        except ModelError as error:
            self._failed(reservation, error)
            raise
        except BaseException:
            self._ledger.abandon(reservation)
            raise
        reply = msgspec.structs.replace(reply, text=self._redactor.known(reply.text), request=key)
        try:
            self._record(request, reply, key, asked_at, self._clock.monotonic() - began)
        except StorageError:
            self._ledger.settle(reservation, reply.usage)
            raise
        self._ledger.settle(reservation, reply.usage)
        return reply

    def _failed(self, reservation: Reservation, error: ModelError) -> None:
        billed = isinstance(error, Transient) and error.billed
        self._ledger.settle(reservation, reservation.most if billed else Usage())
        error.what, error.why = self._redactor.text(error.what), self._redactor.text(error.why)
        error.args = (error.what,)

    def _record(self, request: ModelRequest, reply: ModelReply, key: Digest, asked_at: str, wall_s: float) -> None:
        self._took_s[key] = round(wall_s, 3)
        self._cassette.record(
            Entry(
                key=key,
                model=reply.model,
                request=request,
                text=reply.text,
                finish=reply.finish,
                usage=reply.usage,
                asked_at=asked_at,
                answered_at=self._clock.now(),
                wall_s=self._took_s[key],
            )
        )

    def _most(self, adapter: Adapter, request: ModelRequest, model: str) -> Usage:
        """What a call can cost at most.

        Raises:
            ConfigurationError: a cap in dollars cannot be kept, since a price is not known.
        """
        tokens = most_input_tokens(request)
        cost = adapter.cost(tokens, request.max_output_tokens)
        if self._ledger.caps_usd and (cost is None or self._ledger.spent().cost_usd is None):
            unknown = model if cost is None else "a model this run used before"
            raise ConfigurationError(
                f"--budget-usd cannot be kept: the price of {unknown} is not known",
                why="nothing was sent",
                next="use --budget-tokens, or configure the model's price",
            )
        return Usage(
            calls=1, input_tokens=tokens, output_tokens=request.max_output_tokens, cost_usd=cost, estimated=True
        )


def _phase(request: ModelRequest) -> str:
    """The phase that asks: the first half of a purpose."""
    return request.purpose.partition(".")[0]
