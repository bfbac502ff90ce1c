"""The durable engine: DBOS on SQLite (one database a run) or on PostgreSQL.

What DBOS leaves to us, and why it is here:

- SQLite before 3.42 has no `unixepoch('subsec')`, which DBOS's schema defaults need: a function of that name is
  registered on every connection.
- DBOS leaves SQLite in rollback-journal mode: WAL with `synchronous=FULL` is ten times faster and still survives a
  power cut.
- The application version is set by hand. DBOS's own, a hash of the source, would strand runs at every upgrade.
- Values are stored as plain JSON, not as pickles. An error is never stored: DBOS would keep a full disk as the result
  of the step whose result did not fit, and raise it again at every resume.
- The executor id is the run's, so a starting process recovers this run and no other.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

# This module is imported late (by wiring, when a run is driven): DBOS takes about two seconds to load.
import msgspec
import sqlalchemy
from dbos import DBOS, DBOSConfig, Serializer, SetWorkflowID, WorkflowHandleAsync
from dbos._error import DBOSUnexpectedStepError
from sqlalchemy import event as sqlalchemy_event

from sixfold.domain.data import Json
from sixfold.domain.errors import StorageError
from sixfold.workflow.engine import Handler

WORKFLOW_VERSION = "1"
"""Raised when the order or meaning of recorded steps changes, so that older runs are refused and not corrupted."""

_POLL_S = 0.03
_HEARD_POLL_S = 0.002
"""Once a child is known to have ended, its record is milliseconds away."""
_BEGINNING_S = 0.01
"""A child that was just started runs in this process by then, or elsewhere."""
_QUEUE_POLL_S = 0.1

_handlers: dict[str, Handler] = {}
"""DBOS registers functions once a process; the one registered function looks its handler up here."""


class _PlainJson(Serializer):
    """Step results, readable by anything; errors are raised instead of being kept."""

    def name(self) -> str:
        return "plain_json"

    def serialize(self, data: Any) -> str:
        if isinstance(data, BaseException):
            raise data
        return msgspec.json.encode(data).decode()

    def deserialize(self, serialized_data: str) -> Any:
        return msgspec.json.decode(serialized_data)


def _unixepoch(*modifiers: str) -> float:
    now = time.time()
    return now if "subsec" in modifiers else int(now)


def _prepare(connection: Any, _record: object) -> None:
    if not isinstance(connection, sqlite3.Connection):
        return
    if sqlite3.sqlite_version_info < (3, 42):
        connection.create_function("unixepoch", -1, _unixepoch)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA busy_timeout=20000")


class _Ends:
    """Which workflows run in this process, and a bell for the end of each: no database is asked meanwhile."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        self._live: set[str] = set()

    @contextlib.contextmanager
    def watched(self, id: str) -> Iterator[None]:
        self._live.add(id)
        try:
            yield
        finally:
            self._live.discard(id)
            self._loop.call_soon_threadsafe(self._bell.set)  # recovered workflows may run in a thread of the engine's

    async def first(self, ids: Sequence[str]) -> bool:
        """Wait while all of these run here; False when one of them does not (it ended before, or runs elsewhere)."""
        if not self._live.issuperset(ids):
            await asyncio.sleep(_BEGINNING_S)
        if not self._live.issuperset(ids):
            return False
        while self._live.issuperset(ids):
            self._bell.clear()
            await self._bell.wait()
        return True


_ends: list[_Ends] = []
"""Of the launched engine, as with the handlers."""


@DBOS.workflow(name="sixfold.workflow")
async def _execute(id: str, kind: str, payload: Json) -> Json:
    with _ends[0].watched(id):
        return await _handlers[kind](id, payload)


class DbosEngine:
    """Durable workflows. Create through `durable`, inside a running event loop."""

    def __init__(self) -> None:
        self._handles: dict[str, WorkflowHandleAsync[Any]] = {}

    async def step(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        async def recorded() -> Json:
            return await action()

        with _told():
            return await DBOS.run_step_async({"name": name}, recorded)

    async def start(self, id: str, kind: str, payload: Json) -> None:
        with _told(), SetWorkflowID(id):
            self._handles[id] = await DBOS.start_workflow_async(_execute, id, kind, payload)

    async def first(self, ids: Sequence[str]) -> str:
        handles = [self._handles[id] for id in ids]
        heard = await _ends[0].first(ids)
        with _told():
            winner = await DBOS.wait_first_async(handles, polling_interval_sec=_HEARD_POLL_S if heard else _POLL_S)
        return winner.workflow_id

    async def result(self, id: str) -> Json:
        with _told():
            return await self._handles[id].get_result(polling_interval_sec=_POLL_S)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Say what the engine's own errors mean for a person."""
    try:
        yield
    except DBOSUnexpectedStepError as error:
        raise StorageError(
            "this run was recorded by a version of Sixfold that took other steps, and cannot go on here",
            why=str(error).split(": ", 1)[-1],
            next="go on with the version named in the run's first event (`sixfold log RUN`), or build anew",
        ) from error
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise _unusable("the run's database cannot be used", error) from error


def _unusable(what: str, error: sqlalchemy.exc.SQLAlchemyError) -> StorageError:
    why = str(getattr(error, "orig", None) or error).splitlines()[0]
    remedy = "free some disk space or fix the folder's permissions"
    if "locked" in why:
        remedy = "end the program that holds it open"
    elif "malformed" in why or "not a database" in why:
        remedy = "restore it from a copy, or take what was paid for over: sixfold fork RUN --from STEP"
    return StorageError(what, why=why, next=remedy + ", then `sixfold resume`")


@contextlib.asynccontextmanager
async def durable(run: str, database: str | Path, handlers: Mapping[str, Handler]) -> AsyncIterator[DbosEngine]:
    """A launched engine for one run; unfinished workflows of the run are recovered at once.

    Args:
        run: the run's id; also DBOS's executor id.
        database: path of the run's SQLite file, or a `postgresql://…` address.
        handlers: kind → handler; must name every kind the recorded run used.

    Raises:
        StorageError: the database cannot be opened.
    """
    url = f"sqlite:///{database}" if isinstance(database, Path) else database
    config: DBOSConfig = {
        "name": "sixfold",
        "executor_id": run,
        "application_version": WORKFLOW_VERSION,
        "notification_listener_polling_interval_sec": 0.1,
        "log_level": "CRITICAL",
        "console_log_level": "CRITICAL",
        "serializer": _PlainJson(),
    }
    engine = None
    if isinstance(database, Path):
        engine = sqlalchemy.create_engine(url)
        sqlalchemy_event.listen(engine, "connect", _prepare)
        config["system_database_engine"] = engine
        config["system_database_url"] = url
    else:
        config["system_database_url"] = url
    _handlers.clear()
    _handlers.update(handlers)
    _ends[:] = [_Ends()]
    # A recovered workflow waits for the next poll of an internal queue: DBOS's second would be felt at every resume.
    DBOS(config=config)._registry.get_internal_queue()._polling_interval_sec = _QUEUE_POLL_S
    try:
        try:
            DBOS.launch()
        except sqlalchemy.exc.SQLAlchemyError as error:
            raise _unusable(f"the run's database cannot be opened: {database}", error) from error
        yield DbosEngine()
    finally:
        DBOS.destroy(workflow_completion_timeout_sec=0)
        if engine is not None:
            engine.dispose()
