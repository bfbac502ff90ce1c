"""How near the scheduler comes to the best possible time, and what it costs: simulated latencies, no sandbox.

For every size, graphs of five shapes are run in virtual time with random latencies, failing attempts and mid-run
re-planning (splits), once with as many hands as there is work and once with few. `efficiency`
is the mean of bound / time: the bound is the critical path of what really ran (work on one file cannot overlap), or
work / hands when hands are few, whichever is longer; often nobody could reach it, so the worst run is given as well.
The scheduler does not know the latencies: to it every task is equally long.
`cpu_ms_per_task` is the processor time of the scheduler's own calls, plan revisions included. Violations are found by
a checker of its own, from the recorded starts and ends.

`durable_ms_per_task`: the same scheduler over durable child tasks (DBOS on SQLite), whose work takes no time;
the first child of the process, which loads code, is not counted.
"""

from __future__ import annotations

import argparse
import asyncio
import heapq
import itertools
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from sixfold.domain.data import Json, to_json
from sixfold.domain.plan import Plan, Task
from sixfold.domain.run import Outcome
from sixfold.layers.planning.schedule import Scheduler
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.control import Control
from sixfold.workflow.drive import ROOT, drive
from sixfold.workflow.engine import Engine
from sixfold.workflow.log import EventLog
from sixfold.workflow.run import Run

SHAPES = ("random", "layers", "chains", "tree", "join")
SIZES = (10, 30, 100, 300, 1000, 3000, 10_000)
DURABLE_SIZES = (10, 100, 500)
RUN = "r-bench"
_FAILING = 0.05
_SPLITTING = 0.01


def say(text: str) -> None:
    """Progress, on stderr."""
    print(text, file=sys.stderr, flush=True)


def needs_of(shape: str, place: int, count: int, chance: random.Random) -> list[int]:
    """Earlier tasks that task `place` waits for."""
    if not place:
        return []
    if shape == "random":
        return sorted({chance.randrange(place) for _ in range(chance.randint(0, 3))})
    if shape == "layers":
        width = max(2, int(count**0.5))
        first = (place // width - 1) * width
        return [] if first < 0 else sorted({first + chance.randrange(width) for _ in range(2)})
    if shape == "chains":
        chains = max(2, count // 20)
        return [place - chains] if place >= chains else []
    if shape == "tree":
        return [(place - 1) // 3]
    return [] if place % 10 else [*range(place - 10, place)][:9] if place >= 10 else []


def graph(shape: str, count: int, chance: random.Random) -> Plan:
    """A plan of so many tasks, each with a file of its own; one in twenty shares a file with an earlier task."""
    tasks = []
    for place in range(count):
        files = [f"p{place % 7}/f{place}.py"]
        if place and chance.random() < 0.05:
            other = chance.randrange(place)
            files.append(f"p{other % 7}/f{other}.py")
        needs = tuple(f"c{other}" for other in needs_of(shape, place, count, chance))
        tasks.append(
            Task(id=f"T{place}", title="t", goal="", files=tuple(files), provides=(f"c{place}",), consumes=needs)
        )
    return Plan(tasks=tuple(tasks))


@dataclass
class Simulation:
    """One plan in virtual time."""

    plan: Plan
    hands: int
    chance: random.Random
    now: float = 0.0
    cpu_s: float = 0.0
    work: float = 0.0
    starts: list[tuple[str, float, float, bool]] = field(default_factory=list)
    """Task, start, end, whether it ended well."""
    earliest: dict[str, float] = field(default_factory=dict)
    """Contract → when it could be provided at the earliest, in any order of things: what the bound is made from."""
    released: dict[str, float] = field(default_factory=dict)
    """Task of a revision → earliest time at which anybody could have known that it is needed."""
    written: dict[str, float] = field(default_factory=dict)
    """Path → work on it: nobody else may write it meanwhile."""
    revisions: int = 0

    def run(self) -> None:
        """Run the plan to its end."""
        began = time.process_time()
        scheduler = Scheduler(self.plan)
        self.cpu_s += time.process_time() - began
        ends: list[tuple[float, int, str, float]] = []
        number = 0
        while True:
            began = time.process_time()
            started = []
            while len(scheduler.running) < self.hands and (task := scheduler.take()) is not None:
                started.append(task)
            self.cpu_s += time.process_time() - began
            for task in started:
                number += 1
                takes = self.chance.lognormvariate(0.0, 0.5)
                heapq.heappush(ends, (self.now + takes, number, task.id, takes))
            if not ends:
                return
            self.now, _, id, takes = heapq.heappop(ends)
            self._end(scheduler, id, takes)

    def _end(self, scheduler: Scheduler, id: str, takes: float) -> None:
        self.work += takes
        task = scheduler.running[id]
        before = max((self.earliest[contract] for contract in task.consumes), default=0.0)
        for path in task.files:
            self.written[path] = self.written.get(path, 0.0) + takes
        begun = max(before, self.released.get(id, 0.0))
        fate = self.chance.random()
        self.starts.append((id, self.now - takes, self.now, fate >= _FAILING))
        began = time.process_time()
        if fate < _SPLITTING:
            self._split(scheduler, task, begun + takes)
        elif fate < _FAILING:
            self.released[id] = begun + takes
            scheduler.release(id)
        else:
            scheduler.finish(id)
        self.cpu_s += time.process_time() - began
        if fate >= _FAILING:
            self.earliest |= dict.fromkeys(task.provides, begun + takes)

    def _split(self, scheduler: Scheduler, task: Task, known: float) -> None:
        """The task gives way to two: one prepares, one finishes and provides what the task provided."""
        first = replace(task, id=f"{task.id}.a", provides=(f"c{task.id}.a",), files=(f"{task.id}/a.py",))
        second = replace(task, id=f"{task.id}.b", consumes=(*task.consumes, f"c{task.id}.a"))
        tasks = []
        for other in self.plan.tasks:
            tasks += [first, second] if other.id == task.id else [other]
        self.plan = replace(self.plan, tasks=tuple(tasks), revision=self.plan.revision + 1)
        self.released |= {first.id: known, second.id: known}
        scheduler.release(task.id)
        scheduler.revise(self.plan)
        self.revisions += 1

    @property
    def bound(self) -> float:
        """No order of things could have been quicker than this."""
        return max(*self.earliest.values(), *self.written.values(), self.work / self.hands)

    def violations(self) -> tuple[int, int]:
        """(started before a provider ended or beside another writer, executed again after ending well)."""
        ended = {id: end for id, _, end, well in self.starts if well}
        final = {task.id: task for task in self.plan.tasks}
        provider = {contract: task.id for task in self.plan.tasks for contract in task.provides}
        early = sum(
            start < ended.get(provider[contract], float("inf")) - 1e-9
            for id, start, _, _ in self.starts
            if id in final
            for contract in final[id].consumes
        )
        spans: dict[str, list[tuple[float, float]]] = {}
        for id, start, end, _ in self.starts:
            for path in final[id].files if id in final else ():
                spans.setdefault(path, []).append((start, end))
        beside = 0
        for held in spans.values():
            held.sort()
            beside += sum(later[0] < earlier[1] - 1e-9 for earlier, later in itertools.pairwise(held))
        well = [id for id, _, _, well in self.starts if well]
        missing = sum(id not in ended for id in final)
        return early + beside + missing, len(well) - len(set(well))


def measure_size(count: int, graphs: int) -> dict[str, Any]:
    """All shapes of one size, with many hands and with few."""
    efficiencies: dict[str, list[float]] = {"many": [], "few": []}
    ordering = duplicates = executed = revisions = 0
    cpu_s = 0.0
    for shape in SHAPES:
        for seed in range(graphs):
            for hands, name in ((count, "many"), (max(2, count // 20), "few")):
                chance = random.Random(f"{shape}-{count}-{seed}-{name}")
                simulation = Simulation(graph(shape, count, chance), hands, chance)
                simulation.run()
                wrong, twice = simulation.violations()
                ordering, duplicates = ordering + wrong, duplicates + twice
                executed, revisions = executed + len(simulation.starts), revisions + simulation.revisions
                cpu_s += simulation.cpu_s
                efficiencies[name].append(simulation.bound / simulation.now)
    everything = [*efficiencies["many"], *efficiencies["few"]]
    return {
        "tasks": count,
        "efficiency": round(sum(everything) / len(everything), 4),
        "efficiency_worst": round(min(everything), 4),
        "efficiency_many_hands": round(sum(efficiencies["many"]) / len(efficiencies["many"]), 4),
        "efficiency_few_hands": round(sum(efficiencies["few"]) / len(efficiencies["few"]), 4),
        "runs": len(everything),
        "executed": executed,
        "revisions": revisions,
        "ordering_violations": ordering,
        "duplicate_executions": duplicates,
        "cpu_ms_per_task": round(cpu_s / executed * 1000, 4),
        "rss_mib": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


async def run_durably(folder: Path, count: int, hands: int) -> float:
    """Milliseconds a task of a plan whose tasks are durable children with one step each."""
    from sixfold.workflow.dbos_engine import durable

    plan = graph("layers", count, random.Random(count))
    log = EventLog(folder / "events.jsonl", SystemClock())
    control = Control()
    holder: list[Engine] = []
    took: dict[str, float] = {}

    async def root(id: str, payload: Json) -> Json:
        with control.working(id):
            run = Run(RUN, holder[0], log, control, workflow=id)
            await run.first([await run.start("warm-up", "task", {})], str)
            began = time.perf_counter()
            scheduler = Scheduler(plan)
            children: dict[str, str] = {}
            while True:
                while len(children) < hands and (task := scheduler.take()) is not None:
                    children[await run.start(f"task:{task.id}", "task", {"task": task.id})] = task.id
                if not children:
                    break
                child, _ = await run.first(list(children), str)
                scheduler.finish(children.pop(child))
            took["s"] = time.perf_counter() - began
            assert len(scheduler.done) == count
            return to_json(Outcome(status="validated", exit_code=0))

    async def child(id: str, payload: Json) -> Json:
        with control.working(id):
            run = Run(RUN, holder[0], log, control, workflow=id)
            return await run.step("development.write_patch:1", _answer, str)

    async with durable(RUN, folder / "engine.sqlite", {ROOT: root, "task": child}) as engine:
        holder.append(engine)
        await drive(RUN, engine, log, control)
    return took["s"] / count * 1000


async def _answer() -> str:
    return "x" * 200


def durably(count: int, hands: int) -> dict[str, Any]:
    """One size, in a process of its own: the engine can be launched once a process."""
    with tempfile.TemporaryDirectory() as folder:
        program = [sys.executable, __file__, "--durable", str(count), "--hands", str(hands), "--folder", folder]
        done = subprocess.run(program, check=True, capture_output=True, text=True)
    return {"tasks": count, "hands": hands, "ms_per_task": round(float(done.stdout), 2)}


def measure(sizes: tuple[int, ...], durable_sizes: tuple[int, ...], graphs: int, hands: int) -> dict[str, Any]:
    """All keys of the figure."""
    rows = []
    for count in sizes:
        rows.append(measure_size(count, max(1, graphs if count <= 300 else graphs // 10)))
        say(json.dumps(rows[-1]))
    durable_rows = []
    for count in durable_sizes:
        durable_rows.append(durably(count, hands))
        say(json.dumps(durable_rows[-1]))
    return {
        "sizes": rows,
        "sum_violations": sum(row["ordering_violations"] + row["duplicate_executions"] for row in rows),
        "durable_ms_per_task": max((row["ms_per_task"] for row in durable_rows), default=None),
        "durable_sizes": durable_rows,
    }


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print JSON (the only form there is)")
    parser.add_argument("--sizes", default=",".join(map(str, SIZES)))
    parser.add_argument("--durable-sizes", default=",".join(map(str, DURABLE_SIZES)))
    parser.add_argument("--graphs", type=int, default=20, help="of each shape, up to 300 tasks; a tenth above")
    parser.add_argument("--hands", type=int, default=4, help="tasks at once in the durable engine")
    parser.add_argument("--durable", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.durable:
        print(asyncio.run(run_durably(given.folder, given.durable, given.hands)))
        return 0
    sizes, durable_sizes = (
        tuple(int(word) for word in text.split(",") if word) for text in (given.sizes, given.durable_sizes)
    )
    print(json.dumps(measure(sizes, durable_sizes, given.graphs, given.hands), indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
