"""What it costs to lose nothing: milliseconds a durable step, events a second, bytes a model call, seconds to resume.

Steps run one after another in one workflow on SQLite (WAL, `synchronous=FULL`), each returning a small value; every
step is on disk before the next begins. `events_per_s` counts appends to the hash-chained event log, each forced to
disk. `bytes_per_call` is what one call of 8 kB in, 2 kB out leaves behind (cassette, ledger, reply, event).
`resume_1000_steps_s` is a fresh process's time from opening the engine until a workflow of 1,000 recorded steps stands
where it was; `resume_process_s` adds start and imports. `pragmas` are read back from an open connection.

Beside it LangGraph with its SQLite checkpointer, when it is there (see `benchmarks/README.md`; `SIXFOLD_PEER_LANGGRAPH`
or `--langgraph-python` names its interpreter): the same number of nodes one after another, each returning the same
value, once as it comes (`langgraph_ms_per_step`: it checkpoints beside the next node, WAL with `synchronous=FULL` on
this SQLite) and once with `durability="sync"`, on disk before the next node begins as ours are
(`langgraph_sync_ms_per_step`).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from sixfold.domain.data import Json, to_json
from sixfold.domain.model import Message, ModelReply, ModelRequest, Usage
from sixfold.domain.run import Outcome
from sixfold.layers.models.cassette import key_of
from sixfold.layers.models.routing import open_cloud
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.control import Control
from sixfold.workflow.drive import ROOT, drive
from sixfold.workflow.engine import Engine
from sixfold.workflow.log import EventLog
from sixfold.workflow.run import Run

RUN = "r-bench"

_LANGGRAPH = """\
import json, sqlite3, sys, time
from typing import TypedDict
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.graph import END, START, StateGraph

class State(TypedDict):
    number: int

    tree: str
    files: list
    note: str

def step(state):
    return {"number": state["number"] + 1, "tree": "0" * 40, "files": ["a.py", "b.py"], "note": "x" * 200}

steps = int(sys.argv[1])
graph = StateGraph(State)
graph.add_node("step", step)
graph.add_edge(START, "step")
graph.add_conditional_edges("step", lambda state: "step" if state["number"] < steps else END)
connection = sqlite3.connect(sys.argv[2], check_same_thread=False)
app = graph.compile(checkpointer=SqliteSaver(connection))
spent = {}
for mode in ("async", "sync"):
    began = time.perf_counter()
    settings = {"configurable": {"thread_id": mode}, "recursion_limit": steps + 5}
    app.invoke({"number": 0}, settings, durability=mode)
    spent[mode] = round((time.perf_counter() - began) / steps * 1000, 2)
pragmas = {name: connection.execute("PRAGMA " + name).fetchone()[0] for name in ("journal_mode", "synchronous")}
print(json.dumps({**spent, "pragmas": pragmas}))
"""


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


async def run_steps(folder: Path, steps: int) -> dict[str, float]:
    """Drive a workflow of so many steps that then waits for a person; seconds until it waits."""
    from sixfold.workflow.dbos_engine import durable

    log = EventLog(folder / "events.jsonl", SystemClock())
    control = Control()
    holder: list[Engine] = []
    stepping: dict[str, float] = {}

    async def root(id: str, payload: Json) -> Json:
        with control.working(id):
            run = Run(RUN, holder[0], log, control, workflow=id)
            began = time.perf_counter()
            for number in range(steps):
                await run.step(f"bench.step:{number}", _small, dict)
            stepping["s"] = time.perf_counter() - began
            await run.decision("question:Q1")
            return to_json(Outcome(status="validated", exit_code=0))

    began = time.perf_counter()
    async with durable(RUN, folder / "engine.sqlite", {ROOT: root}) as engine:
        holder.append(engine)
        await drive(RUN, engine, log, control)
        total_s = time.perf_counter() - began
    return {"steps_s": stepping["s"], "total_s": total_s}


async def _small() -> dict[str, Any]:
    return {"tree": "0" * 40, "files": ["a.py", "b.py"], "note": "x" * 200}


def pragmas(folder: Path) -> dict[str, Any]:
    """The settings in force, read back from a connection made the way the engine makes its own."""
    import sqlalchemy

    from sixfold.workflow import dbos_engine

    engine = sqlalchemy.create_engine(f"sqlite:///{folder / 'engine.sqlite'}")
    sqlalchemy.event.listen(engine, "connect", dbos_engine._prepare)
    with engine.connect() as connection:
        values = {
            name: connection.execute(sqlalchemy.text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        }
    engine.dispose()
    return values


def events_per_s(folder: Path, count: int) -> float:
    """Appends a second, each on disk before the next."""
    log = EventLog(folder / "bench.jsonl", SystemClock())
    began = time.perf_counter()
    for number in range(count):
        log.append("note", f"k{number}", {"text": "x" * 200})
    return count / (time.perf_counter() - began)


class Answerer:
    """A model that answers at once with two kilobytes."""

    charges = "per_call"

    def identify(self, request: ModelRequest) -> str:
        """Its only name."""
        return "bench"

    def cost(self, input_tokens: int, output_tokens: int) -> float | None:
        """Nothing."""
        return 0.0

    async def aclose(self) -> None:
        """Nothing to give back."""

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        """Two kilobytes."""
        usage = Usage(calls=1, input_tokens=2000, output_tokens=500, cost_usd=0.0)
        return ModelReply(text="y" * 2000, model="bench", usage=usage, request=key_of("bench", request))


async def bytes_per_call(folder: Path, count: int) -> float:
    """Bytes on disk a call, everything that is kept of it together."""
    log = EventLog(folder / "events.jsonl", SystemClock())
    cloud = open_cloud(
        [("*", "bench")],
        folder=folder,
        environ={},
        clock=SystemClock(),
        adapters={"bench": Answerer()},
        on_call=lambda record: log.append("model.called", f"model:{record.request}", to_json(record)),
    )
    for number in range(count):
        text = f"{number} " + "z" * 8000
        await cloud.complete(
            ModelRequest(purpose="bench.ask", role="coder", system="", messages=(Message(author="user", text=text),))
        )
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / count


def langgraph_ms(python: str, folder: Path, steps: int) -> dict[str, Any]:
    """Milliseconds a step of LangGraph's SQLite checkpointer; None when it is not there."""
    program = [python or sys.executable, "-c", _LANGGRAPH, str(steps), str(folder / "langgraph.sqlite")]
    done = subprocess.run(program, capture_output=True, text=True)
    if done.returncode:
        if python:
            say(done.stderr)
        say("langgraph is not there: uv venv PEERS/langgraph && uv pip install --python PEERS/langgraph/bin/python \\")
        say("  langgraph langgraph-checkpoint-sqlite; then SIXFOLD_PEER_LANGGRAPH=PEERS/langgraph/bin/python")
        return {"langgraph_ms_per_step": None, "langgraph_sync_ms_per_step": None}
    said = json.loads(done.stdout)
    return {
        "langgraph_ms_per_step": said["async"],
        "langgraph_sync_ms_per_step": said["sync"],
        "langgraph_pragmas": said["pragmas"],
    }


def measure(steps: int, langgraph_python: str) -> dict[str, Any]:
    """All keys of the figure."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        folders = {part: place / part for part in ("steps", "resume", "events", "calls")}
        for folder in folders.values():
            folder.mkdir()
        say(f"{steps} steps")
        stepped = asyncio.run(run_steps(folders["steps"], steps))
        say("1,000 steps, then the same in a fresh process")
        worker = [sys.executable, __file__, "--worker", str(folders["resume"])]
        subprocess.run(worker, check=True, capture_output=True)
        began = time.perf_counter()
        resumed = subprocess.run(worker, check=True, capture_output=True, text=True)
        process_s = time.perf_counter() - began
        say("events and calls")
        return {
            "ms_per_step": round(stepped["steps_s"] / steps * 1000, 2),
            "events_per_s": round(events_per_s(folders["events"], 500)),
            "bytes_per_call": round(asyncio.run(bytes_per_call(folders["calls"], 50))),
            "resume_1000_steps_s": round(json.loads(resumed.stdout)["total_s"], 3),
            "resume_process_s": round(process_s, 3),
            **langgraph_ms(langgraph_python, place, steps),
            "steps": steps,
            "pragmas": pragmas(folders["steps"]),
        }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON (the only form there is)")
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--langgraph-python", default=os.environ.get("SIXFOLD_PEER_LANGGRAPH", ""), metavar="PYTHON")
    parser.add_argument("--worker", metavar="FOLDER", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        print(json.dumps(asyncio.run(run_steps(Path(given.worker), 1000))))
        return 0
    print(json.dumps(measure(given.steps, given.langgraph_python), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
