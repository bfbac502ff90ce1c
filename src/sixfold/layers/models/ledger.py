"""Money is reserved before a call and settled after it, in a file that survives a crash in between.

`ledger.jsonl` in the run's folder, append-only:

    {"op": "reserve", "id": 7, "key": …, "scope": "T2", "most": Usage}    on disk before the request leaves
    {"op": "settle",  "id": 7, "usage": Usage}                            what it really cost

A reservation without its settlement, found when a run goes on, counts in full unless the cassette holds the reply:
the server may have charged for an answer that nobody received. So a cap is never passed, whatever crashes when.

Caps nest: a call needs room in the run, in its phase and in its task, all three at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Set
from pathlib import Path
from typing import BinaryIO, Literal

import msgspec

from sixfold.domain.data import Data, Digest, canonical, digest
from sixfold.domain.errors import BudgetExceeded, StorageError
from sixfold.domain.model import Usage
from sixfold.domain.run import Budget

SCHEMA_VERSION = 1
UNLIMITED = Budget()


class Line(Data, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the ledger."""

    v: int = SCHEMA_VERSION
    op: Literal["reserve", "settle"]
    id: int
    key: str = ""
    scope: str = ""
    phase: str = ""
    recorded: bool = False
    """True for an answer that came from a recording: nothing was paid for it now."""
    most: Usage | None = None
    usage: Usage | None = None
    checksum: str = ""
    """Start of the SHA-256 of the canonical JSON of all other fields: a changed amount is found, not believed."""


class Reservation(Data, frozen=True, kw_only=True):
    """Room in the budget held for one call."""

    id: int
    key: str
    scope: str
    phase: str = ""
    recorded: bool = False
    most: Usage
    """What the call can cost at most."""

    @property
    def places(self) -> frozenset[str]:
        """Every book the call is entered in: the run's, its phase's, its task's."""
        return frozenset({"", _phase(self.phase), self.scope})


class Ledger:
    """The cost book of one run: caps, reservations and what was spent, by scope.

    Args:
        path: the file; made with the first reservation.
        budget: caps of the run.
        scope_budget: caps of every scope (task) alike.
        phase_budget: caps of every phase alike.
        recorded: usage of a reply that the cassette holds, or None; decides what an interrupted call has cost.

    Raises:
        StorageError: a complete line is damaged.
    """

    def __init__(
        self,
        path: Path,
        *,
        budget: Budget = UNLIMITED,
        scope_budget: Budget = UNLIMITED,
        phase_budget: Budget = UNLIMITED,
        recorded: Callable[[Digest], Usage | None] | None = None,
    ) -> None:
        self.path = path
        self._budget = budget
        self._scope_budget = scope_budget
        self._phase_budget = phase_budget
        self._open: dict[int, Reservation] = {}
        self._orphans: dict[int, Reservation] = {}
        self._spent: dict[str, Usage] = {}
        self._keys: set[str] = set()
        self._paid: set[tuple[str, str]] = set()
        self._next = 0
        self._length = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._load(recorded or (lambda key: None))

    @property
    def caps_usd(self) -> bool:
        """True when some cap is in dollars, so that every price must be known."""
        return any(budget.usd is not None for budget in (self._budget, self._phase_budget, self._scope_budget))

    def spent(self, scope: str = "") -> Usage:
        """Settled usage of a scope or of the run, calls that a crash cut off included at their full amount."""
        total = Usage(cost_usd=0.0) + self._spent.get(scope, Usage(cost_usd=0.0))
        for orphan in self._orphans.values():
            if scope in orphan.places:
                total = total + orphan.most
        return total

    def accounts(self, key: str) -> bool:
        """True when a settled call of that key is in the book."""
        return key in self._keys

    @property
    def paid(self) -> Set[tuple[str, str]]:
        """Key and scope of every answer this run itself paid for, whatever crashed since."""
        return self._paid

    async def reserve(
        self, key: str, scope: str, most: Usage, *, phase: str = "", replaces: bool = False
    ) -> Reservation:
        """Hold room for a call, durably. Waits while calls under way hold room that they may give back.

        Args:
            key: of the request, in the cassette.
            scope: task id, empty for the run itself.
            most: what the call can cost at most.
            phase: the phase that asks.
            replaces: the call was begun before a crash and is found again, so its old reservation is given back.

        Raises:
            BudgetExceeded: a cap would be passed; nothing was reserved.
        """
        if replaces:
            for orphan in [one for one in self._orphans.values() if one.key == key]:
                self.settle(self._orphans.pop(orphan.id), Usage())
        while (refusal := self._refusal(scope, phase, most)) is not None:
            if not refusal.passing:
                raise refusal.error
            room = asyncio.get_running_loop().create_future()
            self._waiting.append(room)
            await room
        reservation = self._enter(Reservation(id=self._next, key=key, scope=scope, phase=phase, most=most))
        self._open[reservation.id] = reservation
        return reservation

    def settle(self, reservation: Reservation, usage: Usage) -> None:
        """Replace a reservation by what the call cost; `Usage()` gives it back."""
        # Not forced to disk: if this line is lost, the reservation counts, or the cassette tells the amount.
        self._append(Line(op="settle", id=reservation.id, usage=usage), durable=False)
        self._open.pop(reservation.id, None)
        self._count(reservation, usage)
        self._wake()

    def abandon(self, reservation: Reservation) -> None:
        """The call was cut off (interrupt): it may be charged, so it counts in full until it is asked again."""
        if self._open.pop(reservation.id, None) is not None:
            self._orphans[reservation.id] = reservation
            self._wake()

    def account(self, key: str, scope: str, usage: Usage, *, phase: str = "") -> None:
        """Enter a call that needed no reservation (a replayed answer)."""
        replayed = Reservation(id=self._next, key=key, scope=scope, phase=phase, recorded=True, most=usage)
        self.settle(self._enter(replayed), usage)

    def _enter(self, one: Reservation) -> Reservation:
        line = Line(
            op="reserve",
            id=one.id,
            key=one.key,
            scope=one.scope,
            phase=one.phase,
            recorded=one.recorded,
            most=one.most,
        )
        self._append(line, durable=not one.recorded)
        self._next += 1
        return one

    def _count(self, reservation: Reservation, usage: Usage) -> None:
        if usage.calls:
            self._keys.add(reservation.key)
            if not reservation.recorded:
                self._paid.add((reservation.key, reservation.scope))
            for where in reservation.places:
                self._spent[where] = self._spent.get(where, Usage(cost_usd=0.0)) + usage

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for room in waiting:
            if not room.done():
                room.set_result(None)

    def _refusal(self, scope: str, phase: str, most: Usage) -> _Refusal | None:
        nested = [(self._budget, "", "run")]
        if phase:
            nested.append((self._phase_budget, _phase(phase), f"phase:{phase}"))
        if scope:
            nested.append((self._scope_budget, scope, f"task:{scope}"))
        for budget, where, prefix in nested:
            settled = self.spent(where)
            under_way = Usage(cost_usd=0.0)
            for one in self._open.values():
                if where in one.places:
                    under_way = under_way + one.most
            for unit, cap in (("usd", budget.usd), ("tokens", budget.tokens)):
                if cap is None:
                    continue
                spent, held, need = (_amount(usage, unit) for usage in (settled, under_way, most))
                # Sums of prices carry rounding noise far below a cent.
                if spent + held + need > cap + 1e-9:
                    return _Refusal(
                        passing=spent + need <= cap + 1e-9,
                        error=_exceeded(f"{prefix}:{unit}", unit, spent, need, cap),
                    )
        return None

    def _load(self, recorded: Callable[[Digest], Usage | None]) -> None:
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise StorageError(f"cannot read the ledger {self.path}", why=str(error.strerror or error)) from error
        # What follows the last line end was being written when the power went: that call had not begun.
        complete = content[: content.rfind(b"\n") + 1]
        self._length = len(complete)
        for number, raw in enumerate(complete.splitlines(), 1):
            self._replay_line(number, raw)
        for orphan in list(self._orphans.values()):
            usage = recorded(Digest(orphan.key))
            if usage is not None:
                self.settle(self._orphans.pop(orphan.id), usage)

    def _replay_line(self, number: int, raw: bytes) -> None:
        try:
            line = msgspec.json.decode(raw, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._damaged(number, str(error)) from error
        if line.v > SCHEMA_VERSION:
            raise StorageError(f"{self.path} was written by a newer Sixfold", next="upgrade Sixfold to open this run")
        # Lines of older versions carry no checksum.
        if line.checksum and msgspec.json.encode(_sealed(line)) != raw:
            raise self._damaged(number, "its content does not match its checksum")
        self._next = max(self._next, line.id + 1)
        if line.op == "reserve" and line.most is not None:
            self._orphans[line.id] = Reservation(
                id=line.id, key=line.key, scope=line.scope, phase=line.phase, recorded=line.recorded, most=line.most
            )
        elif line.usage is not None and line.id in self._orphans:
            done = self._orphans.pop(line.id)
            self._count(done, line.usage)

    def _damaged(self, number: int, why: str) -> StorageError:
        return StorageError(
            f"line {number} of {self.path} is damaged",
            why=why,
            next="restore the file, or start a new run: what was spent can no longer be told",
        )

    def _append(self, line: Line, *, durable: bool) -> None:
        raw = msgspec.json.encode(_sealed(line)) + b"\n"
        try:
            with _opened(self.path) as file:
                try:
                    file.truncate(self._length)
                    file.seek(self._length)
                    file.write(raw)
                    file.flush()
                    if durable:
                        os.fsync(file.fileno())
                except OSError:
                    with contextlib.suppress(OSError):
                        file.truncate(self._length)
                    raise
        except OSError as error:
            raise StorageError(
                f"cannot write the ledger {self.path}",
                why=str(error.strerror or error),
                next="free some space or fix the folder's permissions, then `sixfold resume`",
            ) from error
        self._length += len(raw)


class _Refusal(msgspec.Struct, frozen=True, kw_only=True):
    passing: bool
    """True when calls under way may still give back enough room."""
    error: BudgetExceeded


def _sealed(line: Line) -> Line:
    """The line with its checksum computed from all other fields."""
    bare = msgspec.structs.replace(line, checksum="")
    return msgspec.structs.replace(bare, checksum=digest(canonical(bare))[:16])


def _phase(name: str) -> str:
    """The key of a phase's book; no task id has a colon in it."""
    return f"phase:{name}" if name else ""


def _opened(path: Path) -> BinaryIO:
    path.parent.mkdir(parents=True, exist_ok=True)
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+b")


def _amount(usage: Usage, unit: str) -> float:
    if unit == "tokens":
        return float(usage.input_tokens + usage.output_tokens)
    return usage.cost_usd or 0.0


def _exceeded(cap: str, unit: str, spent: float, need: float, allowed: float) -> BudgetExceeded:
    form = "${:.4f}" if unit == "usd" else "{:,.0f} tokens"
    level = cap.partition(":")[0]
    option = f"--{'' if level == 'run' else level + '-'}budget-{unit}"
    return BudgetExceeded(
        f"the budget {cap} is reached: {form.format(spent)} of {form.format(allowed)} spent, "
        f"the next call could take {form.format(need)}",
        cap=cap,
        spent=spent,
        reserved=need,
        allowed=allowed,
        next=f"go on with more: sixfold resume {option} +N",
    )
