"""Which increment of a finished run changed the verdict of a test or a command."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sixfold.config import Settings
from sixfold.domain.code import Snapshot
from sixfold.domain.data import Data, Digest, Tree, from_json, to_json
from sixfold.domain.errors import RepositoryError, UsageError
from sixfold.domain.evidence import Limits
from sixfold.domain.language import python_packages
from sixfold.domain.requirements import Specification
from sixfold.wiring.doors import options_of, state_of
from sixfold.wiring.sandboxes import open_environments, open_sandbox
from sixfold.workflow.log import EventLog

if TYPE_CHECKING:
    from sixfold.domain.ports import Environment, Sandbox
    from sixfold.layers.refinement.git import GitRepository

CANNOT_TELL = 125
"""Exit code with which a command says that this state proves nothing, as `git bisect run` has it."""


class Trial(Data, frozen=True, kw_only=True):
    """One state of the branch and what was found there."""

    increment: str
    """`I2`, `I2/1`; `base` for what stood there before."""
    commit: str
    tree: Tree
    title: str
    verdict: Literal["passes", "fails", "unknown", "not asked"]
    detail: str = ""


class Bisection(Data, frozen=True, kw_only=True):
    """The states of a branch, oldest first, and which of them changed the verdict."""

    trials: tuple[Trial, ...]
    found: str = ""
    """`increment` of the first state with the last verdict; empty when nothing changes it."""


def bisect(settings: Settings, run: str, *, test: str = "", command: Sequence[str] = ()) -> Bisection:
    """Run a test or a command in the sandbox on the states of a run's branch until the change is found.

    Args:
        test: id of a test of the product (`tests/test_a.py::test_b`), taken from the last tree, or the name of an
            acceptance test of the run.
        command: program and arguments instead; exit 0 passes, 125 cannot be told, anything else fails.

    Raises:
        UsageError: no such test, or nothing was committed.
        SandboxUnavailable: nothing here gives real isolation.
    """
    state = state_of(settings)
    return asyncio.run(_bisect(settings, state.folder(run), state.log(run), run, test, command))


async def _bisect(
    settings: Settings, folder: Path, log: EventLog, run: str, test: str, command: Sequence[str]
) -> Bisection:
    # Late, as everywhere in wiring: commands that only look must not load layers.
    from sixfold.layers.refinement.bisection import first_change
    from sixfold.layers.refinement.git import GitRepository
    from sixfold.layers.testing import dependencies

    repository = GitRepository(folder / "repository", folder / "blobs")
    states = _states(log, run)
    last = states[-1].tree
    declared = dependencies.declared_names(repository, states[0].tree)
    environment = await open_environments(settings).prepare(
        tuple(sorted({*declared, *python_packages(options_of(log).packages)}))
    )
    cage = await open_sandbox(settings, repository)
    probe = _Probe(cage, environment, repository, last, test, command, *_acceptance(log, repository, test))

    details: dict[int, str] = {}

    async def verdict(place: int) -> bool | None:
        passes, details[place] = await probe.run(states[place].tree)
        return passes

    found, asked = await first_change(len(states), verdict)
    words: dict[bool | None, Literal["passes", "fails", "unknown"]] = {True: "passes", False: "fails", None: "unknown"}
    trials = [
        Trial(
            increment=one.increment,
            commit=one.commit,
            tree=one.tree,
            title=one.title,
            verdict=words[asked[place]] if place in asked else "not asked",
            detail=details.get(place, ""),
        )
        for place, one in enumerate(states)
    ]
    return Bisection(trials=tuple(trials), found=trials[found].increment if found is not None else "")


def _states(log: EventLog, run: str) -> list[Trial]:
    events = log.read()
    snapshot = from_json(events[0].data["snapshot"], Snapshot)
    made = [event.data for event in events if event.kind == "commit.made" and event.data["increment"] != "base"]
    if not made:
        raise UsageError(f"{run} made no commits", next=f"see it: sixfold show {run}")
    before = Trial(
        increment="base",
        commit=snapshot.head,
        tree=snapshot.head_tree or snapshot.tree,
        title="before the run",
        verdict="not asked",
    )
    return [before] + [
        Trial(
            increment=str(data["increment"]),
            commit=str(data["commit"]),
            tree=Tree(data["tree"]),
            title=str(data["message"]).split("\n", 1)[0],
            verdict="not asked",
        )
        for data in made
    ]


def _acceptance(log: EventLog, repository: GitRepository, test: str) -> tuple[bytes, Specification]:
    """The run's own acceptance tests as they stood last, and the specification they prove."""
    from sixfold.layers.testing import acceptance

    events = log.read()
    written = [event.data for event in events if event.kind == "specification.written"]
    specification = from_json(written[-1]["specification"], Specification) if written else Specification(title="")
    if not test or "::" in test:
        return b"", specification
    kept = [
        str(event.data["digest"])
        for event in events
        if event.kind in ("acceptance.written", "acceptance.disputed") and event.data.get("digest")
    ]
    try:
        tests = repository.blob(Digest(kept[-1])) if kept else b""
    except RepositoryError:
        tests = b""
    names = acceptance.names(tests.decode()) if tests else ()
    if test not in names:
        known = ", ".join(names[:6]) or "none are kept with this run"
        raise UsageError(f"there is no acceptance test {test!r}", why=f"there are: {known}", next="name one of them")
    return tests, specification


class _Probe:
    """Asks one state of the product the same question every time."""

    def __init__(
        self,
        cage: Sandbox,
        environment: Environment,
        repository: GitRepository,
        last: Tree,
        test: str,
        command: Sequence[str],
        acceptance: bytes,
        specification: Specification,
    ) -> None:
        self._cage, self._environment, self._repository = cage, environment, repository
        self._last, self._test, self._command = last, test, command
        self._acceptance, self._specification = acceptance, specification

    async def run(self, tree: Tree) -> tuple[bool | None, str]:
        """The verdict on a tree, and the line that explains it."""
        async with self._cage.open(tree, environment=self._environment) as workspace:
            if self._command:
                done = await workspace.exec(self._command, limits=Limits())
                if done.exit_code == CANNOT_TELL:
                    return None, "the command cannot tell"
                return done.exit_code == 0, _last_line(done.stderr or done.stdout)
            from sixfold.layers.testing.acceptance import FILE
            from sixfold.layers.testing.places import FROM_SOURCE
            from sixfold.layers.testing.runner import Product, run_tests

            if self._acceptance:
                await workspace.put({FILE: self._acceptance})
                entries = tuple(to_json(entry) for entry in self._specification.entries)
                report = await run_tests(
                    workspace, suite="acceptance", paths=(FILE,), product=Product(entries=entries, path=FROM_SOURCE)
                )
                wanted = f"{FILE}::{self._test}"
            else:
                path = self._test.split("::", 1)[0]
                content = await asyncio.to_thread(self._repository.read, self._last, path)
                if content is None:
                    raise UsageError(f"the product has no file {path}", next="sixfold diff shows what it has")
                await workspace.put({path: content})
                report = await run_tests(workspace, suite="existing", paths=(path,))
                wanted = self._test
        cases = [case for case in report.cases if case.id.split("[", 1)[0] == wanted or case.id == wanted]
        if not cases:
            # Collection fails where what the test imports does not exist yet: that is a failure, not a riddle.
            broken = [case for case in report.cases if case.outcome == "error"]
            return (False, _last_line(broken[0].message)) if broken else (None, report.problem or "it did not run")
        bad = [case for case in cases if case.outcome in ("failed", "error")]
        return not bad, _last_line(bad[0].message.split("\n", 1)[0]) if bad else ""


def _last_line(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return lines[-1].strip()[:160] if lines else ""
