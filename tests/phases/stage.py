"""Development in this process: real phases, layers, git and scheduler; a scripted model; verdicts instead of a sandbox.

Which tests pass is said by a rule over the files of the tree, so that a whole run takes a second. What a check makes of
the verdict (no test ran, a task without tests, known failures) is the product's own code.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sixfold.domain.code import Patch, Snapshot
from sixfold.domain.data import Digest, Json, Tree, canonical, from_json, to_json
from sixfold.domain.events import Event
from sixfold.domain.evidence import TestCase, TestReport
from sixfold.domain.flow import Intent, Job, Product
from sixfold.domain.fold import fold
from sixfold.domain.model import ModelRequest, Usage
from sixfold.domain.plan import Change, Plan, Task
from sixfold.domain.ports import Environment, Ports
from sixfold.domain.requirements import Specification
from sixfold.domain.run import Decision, Options
from sixfold.domain.view import RunView
from sixfold.fakes.model import Rule, ScriptedModel
from sixfold.fakes.sandbox import ScriptedSandbox
from sixfold.layers.planning.retrieval.index import RepositoryIndex
from sixfold.layers.refinement.git import GitRepository
from sixfold.phases import development
from sixfold.phases.development.checking import Evidence
from sixfold.phases.development.site import Site
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.control import Control
from sixfold.workflow.engine import MemoryEngine
from sixfold.workflow.log import EventLog
from sixfold.workflow.run import Run

Verdict = Callable[[Task, Mapping[str, str]], Sequence[TestCase]]
_CHECKS = ("development.check", "development.recheck", "development.retest")
_workflow: contextvars.ContextVar[str] = contextvars.ContextVar("workflow")


class Costs:
    """Nothing costs anything."""

    def spent(self, scope: str = "") -> Usage:
        return Usage()


def green_when_sound(task: Task, files: Mapping[str, str]) -> list[TestCase]:
    """One case for each test file the task names: it fails when a file of the task is missing or says BROKEN."""
    owned = task.files or tuple(files)
    wrong = [path for path in owned if path not in files or "BROKEN" in files[path]]
    tests = [path for path in (task.check or tuple(files)) if path.rsplit("/", 1)[-1].startswith("test_")]
    outcome = "failed" if wrong else "passed"
    said = "; ".join(f"{path}: {files.get(path) or 'missing'}" for path in wrong)
    return [TestCase(id=f"{path}::test", outcome=outcome, message=said) for path in tests if path in files]


class Crash(BaseException):
    """The process dies here."""


class Stage:
    """A folder, a model's script, and what happened.

    `records` outlive a crash, as a durable engine's do: `develop` called again goes on from them, and a step that would
    be another one than was recorded fails.
    """

    def __init__(self, folder: Path, *, verdict: Verdict = green_when_sound, options: Options | None = None) -> None:
        self.repository = GitRepository(folder / "repository", folder / "blobs")
        self.log = EventLog(folder / "events.jsonl", SystemClock())
        self.verdict = verdict
        self.options = options or Options(review="none", parallel=2)
        self.log.append("run.created", "created", {"request": {"text": "x"}, "options": self.options})
        self.jobs: list[Job] = []
        self.trees: dict[str, Tree] = {}
        self.site: Site | None = None
        self.model = ScriptedModel([])
        self.edited = False
        self.records: dict[tuple[str, int], tuple[str, Json]] = {}
        self.executed = 0
        self.crash: tuple[int, str] | None = None
        """(number of the executed step, `before` | `torn` | `after`)."""
        self.on_check: Callable[[str], None] = lambda name: None

    async def develop(
        self, plan: Plan, specification: Specification, rules: Sequence[Rule], *, candidate: Patch | None = None
    ) -> Product:
        """Do the plan; the product, with everything told in `events`."""
        self.model = ScriptedModel(rules)
        empty = self.repository.empty()
        self.log.append("plan.made", "plan:1", {"plan": plan})
        ports = Ports(
            model=self.model,
            costs=Costs(),
            repository=self.repository,
            retriever=RepositoryIndex(self.repository),
            sandbox=ScriptedSandbox(),
            environments=None,  # type: ignore[arg-type]  # the environment is given
            scanners=(),
            held_out=(),
            clock=SystemClock(),
        )
        done: asyncio.Future[Product] = asyncio.get_running_loop().create_future()
        control = Control()
        environment = Environment(python="python", folders=(), digest=Digest("0"))

        async def root(id: str, payload: Json) -> Json:
            _workflow.set(id)
            run = Run("r-1", engine, self.log, control, workflow=id)
            intent = Intent(specification=specification, candidate=candidate)
            snapshot = Snapshot(tree=empty, kind="empty")
            try:
                self.site = await development.begin(run, ports, intent, plan, environment, self.options, snapshot)
                done.set_result(await development.develop(run, ports, self.site))
            except BaseException as error:
                done.set_exception(error)
                raise
            return None

        async def task(id: str, payload: Json) -> Json:
            _workflow.set(id)
            job = from_json(payload, Job)
            self.jobs.append(job)
            self.trees[id] = job.base
            try:
                return to_json(await development.work(Run("r-1", engine, self.log, control, workflow=id), ports, job))
            except BaseException as error:
                if not done.done():
                    done.set_exception(error)
                raise

        engine = _Judging({"run": root, development.TASK: task}, self)
        await engine.start("r-1", "run", {})
        watch = asyncio.ensure_future(self._parked(control, done))
        try:
            return await done
        finally:
            watch.cancel()
            await engine.close()

    async def _parked(self, control: Control, done: asyncio.Future[Product]) -> None:
        while not control.parked:
            await control.changed.wait()
            control.changed.clear()
        if not done.done():
            done.set_exception(next(iter(control.parked.values())))

    def judge(self, name: str, job: Job | None, tree: Tree) -> Json:
        """The evidence on a tree, as the rule has it."""
        self.on_check(name)
        plan = job.plan if job else None
        assert self.site is not None
        task = plan.task(job.task) if plan and job else self.site.plan.task(name.split(":")[1].split("~")[0])
        texts = {
            entry.path: (self.repository.read(tree, entry.path) or b"").decode()
            for entry in self.repository.files(tree)
        }
        cases = tuple(self.verdict(task, texts))
        failed = any(case.outcome != "passed" for case in cases)
        return to_json(Evidence(report=TestReport(suite="unit", cases=cases, exit_code=int(failed))))

    def edit(self, change: Change) -> None:
        """Somebody edits the plan from another door."""
        self.edited = True
        decision = Decision(subject="plan:1", verdict="edit", value=canonical(change), who="human:ada")
        self.log.append("decision.given", f"decision:{decision.subject}", {"decision": decision}, who=decision.who)

    def events(self, kind: str) -> list[Event]:
        """What happened, of one kind."""
        return [event for event in self.log.read() if event.kind == kind]

    @property
    def view(self) -> RunView:
        """The run as a person sees it."""
        return fold(self.log.read())

    @property
    def calls(self) -> list[str]:
        """`purpose task` of every model call."""
        return [f"{request.purpose} {_task_of(request)}".strip() for request in self.model.requests]

    def files(self, tree: Tree) -> dict[str, str]:
        """Texts of a tree."""
        return {
            entry.path: (self.repository.read(tree, entry.path) or b"").decode()
            for entry in self.repository.files(tree)
        }


def _task_of(request: ModelRequest) -> str:
    text = request.messages[0].text
    return text.split(":", 1)[0].removeprefix("# ") if text.startswith("# ") and "replan" not in request.purpose else ""


class _Judging(MemoryEngine):
    """Answers checks by the stage's rule instead of running them."""

    def __init__(self, handlers: dict[str, Any], stage: Stage) -> None:
        super().__init__(handlers)
        self._stage = stage
        self._jobs: dict[str, Job] = {}
        self._places: dict[str, int] = {}

    async def start(self, id: str, kind: str, payload: Json) -> None:
        if kind == development.TASK:
            self._jobs[id] = from_json(payload, Job)
        await super().start(id, kind, payload)

    async def first(self, ids: Sequence[str]) -> str:
        async def wait() -> Json:
            return await super(_Judging, self).first(ids)

        return str(await self._recorded("first", wait))

    async def step(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        stage, id = self._stage, _workflow.get()

        async def act() -> Json:
            return await self._act(name, action)

        result = await self._recorded(name, act)
        if name.startswith(("development.apply_patch", "development.merge")) and result:
            stage.trees[id] = Tree(result["tree"] if isinstance(result, dict) else result)
        return result

    async def _recorded(self, name: str, act: Callable[[], Awaitable[Json]]) -> Json:
        stage, id = self._stage, _workflow.get()
        self._places[id] = place = self._places.get(id, -1) + 1
        if (id, place) in stage.records:
            recorded, result = stage.records[id, place]
            assert recorded == name, f"step {place} of {id} was {recorded} and is {name} now"
            return result
        stage.executed += 1
        dies = stage.crash[1] if stage.crash and stage.crash[0] == stage.executed else ""
        if dies == "before":
            raise Crash
        result = await act()
        if dies == "torn":
            raise Crash
        stage.records[id, place] = (name, result)
        if dies == "after":
            raise Crash
        return result

    async def _act(self, name: str, action: Callable[[], Awaitable[Json]]) -> Json:
        stage, id = self._stage, _workflow.get()
        if name.startswith(_CHECKS):
            tree = stage.trees.get(id)
            if name.startswith("development.recheck") and stage.site is not None:
                tree = stage.site.tree
            assert tree is not None
            return stage.judge(name, self._jobs.get(id), tree)
        return await super().step(name, action)
