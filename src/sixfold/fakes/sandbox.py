"""A sandbox that runs nothing and answers from a script."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager

from sixfold.domain.data import Tree
from sixfold.domain.evidence import ExecResult, Limits
from sixfold.domain.ports import Environment

Matcher = str | Callable[[Sequence[str]], bool]
"""Text that must occur in the command line joined by spaces, or a function of the argv."""

Reply = ExecResult | Callable[["ScriptedWorkspace", Sequence[str]], ExecResult]
"""A fixed result, or one computed from the workspace's files."""


class ScriptEnded(AssertionError):
    """Something was run that the script does not foresee."""


class ScriptedSandbox:
    """Answers commands from a list of (matcher, reply); each entry is used once, the first that matches.

    `files` are what `get` finds in every workspace; `put` adds to them. `ran` records every argv.
    """

    name = "scripted"

    def __init__(
        self,
        script: Iterable[tuple[Matcher, Reply]] = (),
        *,
        files: Mapping[str, bytes] | None = None,
        captures: Sequence[Tree] = (),
    ) -> None:
        self.script = list(script)
        self.files = dict(files or {})
        self.captures = list(captures)
        self.ran: list[tuple[str, ...]] = []
        self.opened: list[Tree] = []

    @asynccontextmanager
    async def open(self, tree: Tree, *, environment: Environment | None = None) -> AsyncIterator[ScriptedWorkspace]:
        self.opened.append(tree)
        yield ScriptedWorkspace(self, dict(self.files), tree)

    def done(self) -> None:
        """Check that the whole script was used.

        Raises:
            ScriptEnded: something foreseen was never run.
        """
        if self.script:
            raise ScriptEnded(f"never run: {[matcher for matcher, _ in self.script]}")


class ScriptedWorkspace:
    """The workspace of a scripted sandbox."""

    folder = "/work"
    loopback = True

    def __init__(self, sandbox: ScriptedSandbox, files: dict[str, bytes], tree: Tree) -> None:
        self.files = files
        self._sandbox = sandbox
        self._tree = tree

    async def exec(
        self,
        argv: Sequence[str],
        *,
        limits: Limits = Limits(),
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        cwd: str = ".",
    ) -> ExecResult:
        return self._answer(argv)

    async def start(
        self,
        argv: Sequence[str],
        *,
        limits: Limits = Limits(),
        env: Mapping[str, str] | None = None,
        cwd: str = ".",
    ) -> ScriptedService:
        return ScriptedService(self._answer(argv))

    async def batch(
        self,
        sources: Sequence[str],
        *,
        prelude: str = "",
        limits: Limits = Limits(),
        env: Mapping[str, str] | None = None,
        workers: int = 0,
        scratch: bool = False,
    ) -> tuple[ExecResult, ...]:
        return tuple(self._answer(("batch", source)) for source in sources)

    async def put(self, files: Mapping[str, bytes]) -> None:
        self.files.update(files)

    async def get(self, path: str, *, most_bytes: int = 1 << 20) -> bytes | None:
        content = self.files.get(path)
        return content if content is not None and len(content) <= most_bytes else None

    async def capture(self) -> Tree:
        return self._sandbox.captures.pop(0) if self._sandbox.captures else self._tree

    def _answer(self, argv: Sequence[str]) -> ExecResult:
        self._sandbox.ran.append(tuple(argv))
        for number, (matcher, reply) in enumerate(self._sandbox.script):
            if matcher(argv) if callable(matcher) else matcher in " ".join(argv):
                del self._sandbox.script[number]
                return reply(self, argv) if callable(reply) else reply
        raise ScriptEnded(f"the script foresees no {list(argv)!r}; left: {[left for left, _ in self._sandbox.script]}")


class ScriptedService:
    """A service that was ready at once and whose end is known."""

    def __init__(self, result: ExecResult) -> None:
        self._result = result

    async def wait_ready(self, *, port: int | None = None, path: str | None = None, timeout_s: float = 30.0) -> bool:
        return self._result.exit_code in (0, 137)

    def logs(self) -> tuple[str, str]:
        """What it will have printed."""
        return self._result.stdout, self._result.stderr

    async def stop(self) -> ExecResult:
        return self._result
