"""Every seam of the system on one screen. `sixfold.wiring` alone chooses adapters; fakes stand in `sixfold.fakes`.

Failing tests, findings, rejections and non-zero exits are values. Exceptions mean "I cannot go on" and come from
`sixfold.domain.errors`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from sixfold.domain.code import FileStat, Preview, Snapshot
from sixfold.domain.data import Data, Digest, Tree
from sixfold.domain.evidence import Check, ExecResult, Finding, Limits
from sixfold.domain.language import Modules
from sixfold.domain.model import ModelReply, ModelRequest, Usage


class Model(Protocol):
    """Somebody who answers a request: a hosted or local model, a person behind a relay, a cassette, a script."""

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        """Answer one request.

        Args:
            request: everything that determines the answer.
            scope: task id the cost belongs to, for nested caps and the cost book; not part of the question.

        Raises:
            ModelUnavailable: not reachable or overloaded after bounded retries; safe to call again later.
            ModelMisconfigured: unknown model or missing key; nothing was sent.
            ContextTooLong: the request does not fit.
            BudgetExceeded: the call could pass a cap; it was not made.
            ReplayDrift: replaying, and this request was never recorded.
        """
        ...


class Environment(Data, frozen=True, kw_only=True):
    """A prepared toolchain: an interpreter with packages, mounted read-only into sandboxes."""

    python: str
    """Absolute path of the interpreter, valid inside and outside a sandbox."""
    folders: tuple[str, ...]
    """Host folders that must be readable inside, at the same path."""
    digest: Digest
    """Content address: same digest, same packages."""
    packages: tuple[str, ...] = ()
    """`name==version`, sorted."""
    findings: tuple[Finding, ...] = ()
    """Packages that were asked for and are not in it (unknown to the index, too new), or whose age nobody knows."""


class Service(Protocol):
    """A command that keeps running beside later ones of its workspace, e.g. a server under test."""

    async def wait_ready(self, *, port: int | None = None, path: str | None = None, timeout_s: float = 30.0) -> bool:
        """Wait until the loopback port accepts connections and the file exists; False when it ended or time is up.

        Raises:
            SandboxUnavailable: a port was named and this backend has no loopback of its own.
        """
        ...

    def logs(self) -> tuple[str, str]:
        """Standard output and standard error so far."""
        ...

    async def stop(self) -> ExecResult:
        """End it with everything it started; may be called again."""
        ...


class Workspace(Protocol):
    """One open sandbox on a copy of a tree. Several commands may run in it, one after another or side by side."""

    folder: str
    """Absolute path of the copy as seen from inside."""
    loopback: bool
    """Whether commands of this workspace can talk to each other over 127.0.0.1; never to the host's."""

    async def exec(
        self,
        argv: Sequence[str],
        *,
        limits: Limits = Limits(),
        env: Mapping[str, str] | None = None,
        stdin: bytes = b"",
        cwd: str = ".",
    ) -> ExecResult:
        """Run a command and return what it did.

        A non-zero exit, a time-out or a broken limit is a result, not an error. Output beyond
        `limits.output_bytes` per stream is cut in the middle and flagged. There is no network beyond a loopback of
        its own; the environment holds nothing of the host's but an allow-list (`PATH`, `LANG`, …) and `env`.

        Args:
            argv: program and arguments; no shell. `python` means the environment's interpreter.
            stdin: bytes the program can read; then end of file.
            cwd: relative to the copy.

        Raises:
            SandboxUnavailable: the isolation could not be set up; nothing ran.
        """
        ...

    async def start(
        self,
        argv: Sequence[str],
        *,
        limits: Limits = Limits(),
        env: Mapping[str, str] | None = None,
        cwd: str = ".",
    ) -> Service:
        """Start a command and return at once; `limits.wall_s` still ends it. It is dead when the workspace closes."""
        ...

    async def batch(
        self,
        sources: Sequence[str],
        *,
        prelude: str = "",
        limits: Limits = Limits(wall_s=5.0, memory_bytes=1 << 30, output_bytes=1 << 16),
        env: Mapping[str, str] | None = None,
        workers: int = 0,
        scratch: bool = False,
    ) -> tuple[ExecResult, ...]:
        """Run many small Python programs, each in its own fork of one warm interpreter; results in the same order.

        Inputs can change neither each other's memory, processes nor results; where the kernel has Landlock, no files.
        (Below sandlock an input can still read the memory of its batch: keep expected values out of it.)

        Args:
            prelude: source that runs once before the first (imports, the code under test).
            limits: of each input; output beyond `output_bytes` ends the input.
            workers: inputs at once; 0 = one a processor.
            scratch: each input may write in a temporary folder of its own (`TMPDIR`), which is removed after it.
        """
        ...

    async def put(self, files: Mapping[str, bytes]) -> None:
        """Write files (relative paths) into the copy, e.g. tests the product must not contain."""
        ...

    async def get(self, path: str, *, most_bytes: int = 1 << 20) -> bytes | None:
        """Read a regular file of the copy without following links out of it; None when absent or too large."""
        ...

    async def capture(self) -> Tree:
        """The copy as a tree, build output and ignored files left out."""
        ...


class Sandbox(Protocol):
    """The only place where anything a model or a repository wrote is executed."""

    name: str
    """`bubblewrap`, `sandlock`, …"""

    def open(self, tree: Tree, *, environment: Environment | None = None) -> AbstractAsyncContextManager[Workspace]:
        """A fresh isolated copy of `tree`; everything started in it is dead and its disk freed when the block ends.

        Raises:
            SandboxUnavailable: no isolation; says how to get one.
        """
        ...


class Environments(Protocol):
    """Provides toolchains for products."""

    async def prepare(self, packages: Sequence[str] = ()) -> Environment:
        """An environment with the test runner and `packages` (requirement strings), cached by content.

        Only wheels from the configured index are installed, old enough and locked by hash, so no package code runs.
        A package that does not exist, or is too new, is left out and told in `findings`. Offline when cached.

        Raises:
            ConfigurationError: the index is not reachable, or the packages exclude each other; names them.
        """
        ...


class NodePackages(Protocol):
    """Provides npm packages for the tests of a front end."""

    async def prepare(self, manifest: bytes, lock: bytes | None) -> Modules:
        """Install what a `package.json` asks for, cached by content; no code of any package runs. Offline when cached.

        Args:
            manifest: the `package.json`; only names and versions of it are used.
            lock: a `package-lock.json` that a person wrote; None = versions are chosen among those old enough.
        """
        ...


class FileEntry(Data, frozen=True, kw_only=True):
    """One file of a tree."""

    path: str
    mode: str
    """`100644`, `100755`, `120000` (link)."""
    digest: str
    """Git blob id."""
    size_bytes: int


class MergeResult(Data, frozen=True, kw_only=True):
    """Outcome of a three-way merge of trees."""

    tree: Tree | None
    """None when there are conflicts."""
    conflicts: tuple[str, ...] = ()


class Repository(Protocol):
    """The run's own git repository: trees, commits, blobs. Never the user's checkout. Calls block for milliseconds."""

    def snapshot(self, folder: Path) -> Snapshot:
        """Read the user's folder into a tree without changing anything in it (no lock, no index refresh).

        Raises:
            RepositoryError: neither a repository nor an empty folder, or a state that cannot be read.
        """
        ...

    def files(self, tree: Tree) -> tuple[FileEntry, ...]:
        """All files, sorted by path."""
        ...

    def read(self, tree: Tree, path: str) -> bytes | None:
        """A file's bytes; None when there is no such file. Links give their target text."""
        ...

    def write(self, tree: Tree, changes: Mapping[str, bytes | None]) -> Tree:
        """A new tree with those files written (None = deleted).

        Modes of existing files are kept. A new script (it begins with `#!`) is executable: edits carry no mode.

        Raises:
            RepositoryError: a path leaves the tree, is absolute, names `.git`, or passes through a link.
        """
        ...

    def empty(self) -> Tree:
        """The tree without files."""
        ...

    def checkout(self, tree: Tree, folder: Path) -> None:
        """Write the tree's files into an existing empty folder."""
        ...

    def store(self, folder: Path) -> Tree:
        """The tree of a folder's present files, honouring its ignore files and a built-in list of build output."""
        ...

    def diff(self, old: Tree, new: Tree) -> str:
        """Unified diff with git headers; binary files are named only."""
        ...

    def changes(self, old: Tree, new: Tree) -> tuple[FileStat, ...]:
        """Changed files with line counts, sorted by path."""
        ...

    def merge(self, base: Tree, ours: Tree, theirs: Tree) -> MergeResult:
        """Three-way merge without any checkout."""
        ...

    def commit(self, tree: Tree, parents: Sequence[str], message: str, *, at: str, author: str = "") -> str:
        """Make a commit object and return its id. Same arguments, same id.

        Args:
            at: RFC 3339 time used for author and committer.
            author: `Name <mail>`; empty = Sixfold's own identity.
        """
        ...

    def branch(self, name: str, commit: str) -> None:
        """Point a branch of the run's repository at a commit; idempotent."""
        ...

    def put_blob(self, content: bytes) -> Digest:
        """Keep bytes under their SHA-256 (prompts, replies, diffs, attachments)."""
        ...

    def blob(self, digest: Digest) -> bytes:
        """Bytes kept by `put_blob`.

        Raises:
            StorageError: absent or damaged.
        """
        ...


class Checkout(Protocol):
    """The user's own folder, touched only by `apply` and `undo`, never destructively."""

    def apply(self, folder: Path, branch: str, commit: str, base: Snapshot) -> tuple[str, ...]:
        """Bring a finished branch into the folder; returns the changed paths.

        The folder's uncommitted work survives untouched; a change that would touch it is refused as a whole.

        Raises:
            RepositoryError: cannot be applied cleanly; nothing was changed.
        """
        ...

    def preview(self, folder: Path, commit: str, base: Snapshot) -> Preview:
        """What `apply` would change or be refused for; writes nothing into the folder or its repository.

        Raises:
            RepositoryError: the folder cannot be read, or something unfinished is under way there.
        """
        ...

    def undo(self, folder: Path, branch: str, commit: str, base: Snapshot) -> tuple[str, ...]:
        """Take an applied result back; returns the restored paths. Refused when the files were edited since."""
        ...


class Passage(Data, frozen=True, kw_only=True):
    """A piece of a repository found for a query."""

    path: str
    start_line: int
    end_line: int
    text: str
    why: str
    """`names Store`, `imported by api.py`, `matches "retention"`, …"""


class Retriever(Protocol):
    """Looks things up in a tree: symbols, imports, text."""

    def overview(self, tree: Tree, *, most_chars: int) -> str:
        """A byte-stable map of the tree: files, and the most connected symbols, cut to a size."""
        ...

    def search(self, tree: Tree, query: str, *, most_chars: int, seeds: Sequence[str] = ()) -> tuple[Passage, ...]:
        """Passages for a query, best first; `seeds` are paths known to matter. Deterministic."""
        ...


class Scanner(Protocol):
    """Finds defects in a tree without running it."""

    name: str

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings in `paths` (empty = the whole tree), sorted by path and line. An empty tuple means clean.

        Raises:
            ConfigurationError: the scanner itself is missing or broken: absence is never shown as clean.
        """
        ...


class Clock(Protocol):
    """Time, as a port, so that tests and replays own it."""

    def now(self) -> str:
        """UTC, RFC 3339 with milliseconds."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start; never goes back."""
        ...


class CostBook(Protocol):
    """What the run has spent, by scope. Reservation happens inside `Model.complete`."""

    def spent(self, scope: str = "") -> Usage:
        """Settled usage of a scope (task id), or of the whole run."""
        ...


@dataclass(frozen=True)
class Ports:
    """The adapters of one run, as `sixfold.wiring` chose them."""

    model: Model
    costs: CostBook
    repository: Repository
    retriever: Retriever
    sandbox: Sandbox
    environments: Environments
    scanners: tuple[Scanner, ...]
    """Quick ones, inside the coder's loop."""
    held_out: tuple[Scanner, ...]
    """Second opinions the coder never hears from; used in validation only (FDSP's lesson: a scanner in the loop gets
    over-fitted, MDPI J. Cybersecur. Priv. 5(4):110)."""
    clock: Clock
    npm: NodePackages | None = None
    """None: npm packages are not installed."""
    not_run: tuple[Check, ...] = ()
    """Scanners that are not here, as skipped checks with their reason: what they would have found is not known."""
