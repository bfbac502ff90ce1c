"""The pytest process: runs a suite and reports what really happened, not what pytest was made to say.

Each plain test function is wrapped by a recorder of our own. A test counts as passed only if its own code was entered
and returned, its byte code is that of the file, no hook reported a failure, and pytest's and Python's own assertion
tools are the ones that were there before product code was loaded.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import inspect
import json
import linecache
import os
import sys
import unittest
from collections.abc import Callable, Generator
from typing import Any

import _pytest.assertion.rewrite
import _pytest.outcomes
import _pytest.python
import _pytest.runner
import pytest

from sixfold.layers.testing.harness.channel import Sealer
from sixfold.layers.testing.harness.coverage import Lines
from sixfold.layers.testing.harness.failure import describe, raised_in
from sixfold.layers.testing.harness.genuine import altered_tests

GUARDED: tuple[Any, ...] = (
    pytest,
    *(type(pytest.approx(sample)) for sample in (1.0, [1.0], {"a": 1.0})),
    *type(pytest.raises(KeyError)).__mro__[:2],
    _pytest.outcomes,
    _pytest.runner,
    _pytest.assertion.rewrite,
    unittest.TestCase,
    builtins,
)
SKIPS = (pytest.skip.Exception, unittest.SkipTest)


def main() -> None:
    """Read the job from stdin, run it, report, and leave without running anybody's exit handlers."""
    job = json.loads(sys.stdin.buffer.read())
    os.set_inheritable(job["descriptor"], False)
    sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    recorder = Recorder(job, Sealer(job["descriptor"], bytes.fromhex(job.pop("key"))).send)
    leave = os._exit
    settle_hypothesis(job["paths"], shrink=job["shrink"])
    words, plugins = arguments(job), [recorder, *_harness(job)]
    lines = Lines(os.getcwd()) if job["coverage"] else None
    if lines is not None:
        lines.start()
    code = int(pytest.main(words, plugins=plugins))
    if lines is not None:
        recorder.cover(lines.stop())
    sys.stdout.flush()
    sys.stderr.flush()
    recorder.end(code)
    leave(code)


def arguments(job: dict[str, Any]) -> list[str]:
    """What pytest is told; the job's folders go to the front of the import path."""
    words = [
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir=.",
        "--confcutdir=.",
        "--color=no",
        "--tb=no",
        "--no-header",
        "--no-summary",
    ]
    words += ["-o", "addopts=", "-o", "console_output_style=classic"]
    if job["isolated"]:
        words += ["-c", os.devnull, "--noconftest", "--strict-markers"]
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    else:
        settings = _settings()
        words += ["-c", settings]
        if not (_names_hypothesis(".") or _names_hypothesis(settings)):
            words += ["-p", "no:hypothesispytest"]  # its plugin loads all of it, whoever runs: a second for nothing
    if job["stop_early"]:
        words.append("-x")
    # Behind pytest's own start-up, so that a product's `json.py` is not what pytest imports.
    for folder in reversed(job["path"]):
        sys.path.insert(0, folder)
    return [*words, "--", *job["paths"]]


def settle_hypothesis(paths: list[str], examples: int = 100, *, shrink: bool = True) -> None:
    """Make properties deterministic, before any test file reads the settings: the same code, the same counterexample.

    Hypothesis takes a third of a second to load, so it is loaded only where a test file names it.
    """
    if not any(_names_hypothesis(path) for path in paths or ["."]):
        return
    try:
        import hypothesis
    except ImportError:  # an older toolchain: the test file that imports it says so itself
        return
    phases = [phase for phase in hypothesis.Phase if shrink or phase.name not in ("shrink", "explain")]
    hypothesis.settings.register_profile(
        "sixfold",
        derandomize=True,
        database=None,
        deadline=None,
        max_examples=examples,
        report_multiple_bugs=False,
        phases=phases,
    )
    hypothesis.settings.load_profile("sixfold")


@functools.cache
def _names_hypothesis(path: str) -> bool:
    """Whether this file, or any Python file of this folder, speaks of hypothesis."""
    files = [path] if os.path.isfile(path) else []
    for folder, inner, names in os.walk(path):
        inner[:] = [name for name in inner if not name.startswith(".") and name != "node_modules"]
        files += [os.path.join(folder, name) for name in names if name.endswith(".py")]
    for file in filter(os.path.isfile, files):
        with contextlib.suppress(PermissionError), open(file, "rb") as content:
            if b"hypothesis" in content.read(1 << 20):
                return True
    return False


def _settings() -> str:
    """The product's own pytest settings; never those of a folder above it."""
    for name, section in (
        ("pytest.toml", ""),
        (".pytest.toml", ""),
        ("pytest.ini", ""),
        (".pytest.ini", ""),
        ("pyproject.toml", "[tool.pytest"),
        ("tox.ini", "[pytest]"),
        ("setup.cfg", "[tool:pytest]"),
    ):
        if os.path.isfile(name):
            with open(name, encoding="utf-8", errors="replace") as file:
                if section in file.read():
                    return name
    return os.devnull


def _harness(job: dict[str, Any]) -> list[Any]:
    if not job["harness"]:
        return []
    sys.path.append(os.path.dirname(os.path.abspath(__file__)))
    return [__import__("sixfold_plugin")]


class Recorder:
    """The pytest plugin. Its judgement rests on calls it wrapped itself; reports can only make it worse."""

    def __init__(self, job: dict[str, Any], send: Callable[[dict[str, Any]], None]) -> None:
        self._job = job
        self._send = send
        self._root = os.getcwd()
        self._called: dict[str, tuple[str, BaseException | None]] = {}
        self._told: dict[str, tuple[str, str]] = {}
        self._found: list[str] = []
        self._guarded = _fingerprint()
        send({"kind": "start", "pytest": pytest.__version__})

    def cover(self, found: dict[str, tuple[list[int], list[int]]] | None) -> None:
        """Send which lines were run and which were not, by file; None = it could not be seen."""
        self._send({"kind": "coverage", "files": found})

    def end(self, code: int) -> None:
        """Send the last record: without it there is no verdict."""
        self._send({"kind": "end", "exit": code, "patched": self._patched()})

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        config.addinivalue_line("markers", "req(*ids): requirement ids this test gives evidence for")
        config.addinivalue_line("markers", "security(cwe): weakness this test attacks")

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        if isinstance(report, pytest.CollectReport):
            error = call.excinfo.value
            self._told[report.nodeid] = ("error", describe(error.__cause__ or error, self._root))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            told = self._told.get(report.nodeid, ("error", str(report.longrepr)[-4000:]))
            self._send(
                {"kind": "case", "id": report.nodeid, "outcome": "error", "message": told[1], "requirements": []}
            )
        elif report.skipped:
            reason = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._send(
                {"kind": "case", "id": report.nodeid, "outcome": "skipped", "message": reason, "requirements": []}
            )

    def pytest_itemcollected(self, item: pytest.Item) -> None:
        self._found.append(item.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        functions = [item for item in session.items if isinstance(item, pytest.Function)]
        altered = altered_tests(functions, session.config, self._root)
        for item in functions:
            self._wrap(item)
        altered += self._take_away()
        kept = {item.nodeid for item in session.items}
        for id in self._found:
            if id not in kept:  # a hook of the product dropped it: not run is not passed
                reason = "taken out of the collection by a hook"
                self._send({"kind": "case", "id": id, "outcome": "skipped", "message": reason, "requirements": []})
        self._send(
            {
                "kind": "collected",
                "ids": [item.nodeid for item in session.items],
                "plain": [item.nodeid for item in functions],
                "altered": altered,
                "patched": self._patched(),
            }
        )

    def _take_away(self) -> list[str]:
        """Remove blind test files before any product code runs; names those that are not as they were handed over."""
        changed = []
        for path, text in (self._job.get("files") or {}).items():
            place = os.path.join(self._root, path)
            with open(place, encoding="utf-8", newline="") as file:
                if file.read() != text:
                    changed.append(path)
            os.unlink(place)
            # Failures still show their lines; an entry without a time is never looked up on disk again.
            linecache.cache[place] = (len(text), None, text.splitlines(keepends=True), place)
        return changed

    def _wrap(self, item: pytest.Function) -> None:
        item.obj = self._watched(item.obj, item.nodeid)

    def _watched(self, function: Any, id: str) -> Any:
        called = self._called
        plain: Any = getattr(function, "__func__", function)
        genuine = getattr(plain, "__code__", None)

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            called[id] = ("entered", None)
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                called[id] = ("raised", error)
                raise
            # Byte code swapped while tests run: what returned was not the test.
            called[id] = ("returned" if getattr(plain, "__code__", None) is genuine else "replaced", None)
            return result

        @functools.wraps(function)
        async def wait(*args: Any, **kwargs: Any) -> Any:
            called[id] = ("entered", None)
            try:
                result = await function(*args, **kwargs)
            except BaseException as error:
                called[id] = ("raised", error)
                raise
            # Byte code swapped while tests run: what returned was not the test.
            called[id] = ("returned" if getattr(plain, "__code__", None) is genuine else "replaced", None)
            return result

        return wait if inspect.iscoroutinefunction(function) else call

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        self._send({"kind": "running", "id": item.nodeid})
        self._told[item.nodeid] = ("", "")
        try:
            return (yield)
        finally:
            outcome, message = self._verdict(item)
            requirements = [
                str(id) for name in ("req", "security") for mark in item.iter_markers(name) for id in mark.args
            ]
            self._send(
                {
                    "kind": "case",
                    "id": item.nodeid,
                    "outcome": outcome,
                    "message": message,
                    "requirements": list(dict.fromkeys(requirements)),
                }
            )
            patched = self._patched()
            if patched:
                self._send({"kind": "patched", "id": item.nodeid, "names": patched})

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, Any]:
        error = call.excinfo.value if call.excinfo else None
        report: Any = yield
        if error is None and call.excinfo is not None:  # unittest keeps its errors to itself until now
            error = call.excinfo.value
        if not self._told[item.nodeid][0]:
            if isinstance(error, SKIPS) and item.nodeid not in self._called:
                self._told[item.nodeid] = self._skip(item, error)
            elif error is not None and call.when != "call":
                self._told[item.nodeid] = self._outside(item, error, str(call.when))
            elif report.failed and call.when == "call":
                text = describe(error, self._root) if error else str(report.longrepr)
                self._told[item.nodeid] = ("failed", text)
            elif report.failed:
                self._told[item.nodeid] = ("error", f"{call.when} failed")
        return report

    def _outside(self, item: pytest.Item, error: BaseException, when: str) -> tuple[str, str]:
        if isinstance(error, SKIPS):
            return self._skip(item, error)
        if isinstance(error, pytest.xfail.Exception):
            return self._excused(item, f"expected failure, not run: {error}")
        return "error", f"in {when}: {describe(error, self._root)}"

    def _verdict(self, item: pytest.Item) -> tuple[str, str]:
        told = self._told[item.nodeid]
        state, error = self._called.get(item.nodeid, ("unrun", None))
        if state == "raised" and error is not None:
            if isinstance(error, SKIPS):
                return self._skip(item, error)
            text = describe(error, self._root)
            if isinstance(error, pytest.xfail.Exception) or any(True for _ in item.iter_markers("xfail")):
                return self._excused(item, f"expected failure: {text}")
            return "failed", text
        if told[0]:
            return told
        if isinstance(item, pytest.Function) and state != "returned":
            return "unrun", "the test's own code was not run"
        return "passed", ""

    def _skip(self, item: pytest.Item, error: BaseException) -> tuple[str, str]:
        """A skip counts only when the test's own file asked for it; otherwise it hides a failure."""
        reason = f"skipped: {error}"
        if self._job["lenient"]:
            return "skipped", reason
        place = raised_in(error, self._root)
        own = item.path.relative_to(self._root).as_posix() if item.path.is_relative_to(self._root) else ""
        declared = _declared(item, ("skip", "skipif")) or getattr(
            getattr(item, "obj", None),
            "__unittest_skip__",
            getattr(getattr(item, "cls", None), "__unittest_skip__", False),
        )
        conftest = place.endswith("conftest.py") and self._job["pinned"] is None
        if place == own or conftest or (not place and declared):
            return "skipped", reason
        return "failed", f"skipped from outside the test's file ({place or 'a hook'}): {error}"

    def _excused(self, item: pytest.Item, text: str) -> tuple[str, str]:
        if self._job["lenient"] or _declared(item, ("xfail",)):
            return "skipped", text
        return "failed", f"marked as an expected failure from outside the test's file: {text}"

    def _patched(self) -> list[str]:
        now = _fingerprint()
        return sorted(name for name, mark in self._guarded.items() if now.get(name) != mark)[:20]


def _declared(item: pytest.Item, names: tuple[str, ...]) -> bool:
    """True when one of the marks stands in the test's file: on the function, its classes, its module or its case."""
    holders = [getattr(item, "obj", None), getattr(item, "cls", None), getattr(item, "module", None)]
    marks = [mark for holder in holders for mark in _marks(getattr(holder, "pytestmark", []))]
    marks += _marks(getattr(getattr(item, "callspec", None), "marks", []))
    present = [mark for name in names for mark in item.iter_markers(name)]
    return bool(present) and all(mark in marks for mark in present)


def _marks(value: Any) -> list[Any]:
    return [getattr(mark, "mark", mark) for mark in (value if isinstance(value, (list, tuple)) else [value])]


def _fingerprint() -> dict[str, tuple[int, int]]:
    return {
        f"{getattr(owner, '__name__', owner)}.{name}": (id(value), id(getattr(value, "__code__", None)))
        for owner in GUARDED
        for name, value in vars(owner).items()
        # `_` is what an interactive interpreter and gettext set; caches and the module's own book-keeping may change.
        if callable(value) and name != "_"
    }


if __name__ == "__main__":
    main()
