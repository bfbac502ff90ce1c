"""The run's own bare repository: trees as values (`domain.ports.Repository`)."""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from sixfold.domain.code import FileStat, Snapshot
from sixfold.domain.data import Digest, Tree
from sixfold.domain.errors import InvalidData, RepositoryError, StorageError
from sixfold.domain.ports import FileEntry, MergeResult
from sixfold.layers.refinement.git import snapshot as user_folder
from sixfold.layers.refinement.git.command import Git, GitFailed, git_version, hermetic_environment
from sixfold.layers.refinement.git.difference import parse_changes
from sixfold.layers.refinement.git.listing import BUILD_OUTPUT, Listing, parse_listing
from sixfold.layers.refinement.git.merge import merge_by_commits, merge_by_index
from sixfold.layers.refinement.git.objects import BlobFolder, ObjectReader

IDENTITY = "Sixfold <sixfold@localhost>"
"""Author and committer when the caller names none."""

_LISTINGS_KEPT = 64

# Highest precedence of all attributes: bytes go in and out exactly as they are, whatever a tree's .gitattributes say.
_EXACT_BYTES = "* -text !eol !filter !ident !working-tree-encoding !diff !merge\n"


class GitRepository:
    """Trees, commits and blobs of one run. Methods may be called from several threads at once."""

    def __init__(self, folder: Path, blobs: Path) -> None:
        """Open the repository in `folder`, made when absent; blobs go to `blobs`."""
        self.folder = folder
        self._blobs = BlobFolder(blobs)
        self._git = Git(hermetic_environment(folder))
        self._reader = ObjectReader(self._git)
        self._listings: OrderedDict[Tree, Listing] = OrderedDict()
        self._lock = threading.Lock()
        self._prepare()

    def _prepare(self) -> None:
        if (self.folder / "HEAD").is_file():
            return
        try:
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            new = Path(tempfile.mkdtemp(dir=self.folder.parent, prefix=".repository-"))
            Git(hermetic_environment(new, {"core.bare": "true"})).run(
                "init", "--quiet", "--bare", "--template=", "--object-format=sha1", "--initial-branch=main"
            )
            (new / "info").mkdir(exist_ok=True)
            (new / "info" / "attributes").write_text(_EXACT_BYTES)
            # A rename makes the repository appear whole: a crash here leaves only a folder nobody looks at.
            os.replace(new, self.folder)
        except (OSError, GitFailed) as error:
            raise StorageError(
                f"the run's repository {self.folder} cannot be made", why=str(error), next="check disk space and rights"
            ) from error

    def _run(self, *args: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> bytes:
        try:
            return self._git.run(*args, stdin=stdin, env=env).stdout
        except GitFailed as error:
            raise StorageError("the run's repository refused an operation", why=str(error)) from error

    @contextmanager
    def _private_index(self) -> Iterator[dict[str, str]]:
        """Variables that give git an index of its own, so that parallel calls never meet."""
        with tempfile.TemporaryDirectory(prefix="index-", dir=self.folder) as folder:
            yield {"GIT_INDEX_FILE": str(Path(folder) / "index")}

    def _listing(self, tree: Tree) -> Listing:
        with self._lock:
            if tree in self._listings:
                self._listings.move_to_end(tree)
                return self._listings[tree]
        try:
            raw = self._git.run("ls-tree", "-r", "-z", "-l", "--full-tree", tree).stdout
        except GitFailed as error:
            raise StorageError(f"there is no tree {tree} in the run's repository", why=str(error)) from error
        listing = parse_listing(raw)
        with self._lock:
            self._listings[tree] = listing
            while len(self._listings) > _LISTINGS_KEPT:
                self._listings.popitem(last=False)
        return listing

    def snapshot(self, folder: Path) -> Snapshot:
        return user_folder.take(folder, self.folder)

    def files(self, tree: Tree) -> tuple[FileEntry, ...]:
        # Names that are not valid UTF-8 and submodules stay in the tree but cannot be named by an edit or in JSON.
        return self._listing(tree).files

    def read(self, tree: Tree, path: str) -> bytes | None:
        entry = self._listing(tree).find(path)
        return None if entry is None else self._reader.read(entry.digest)

    def write(self, tree: Tree, changes: Mapping[str, bytes | None]) -> Tree:
        listing = self._listing(tree)
        problem = listing.problem(changes)
        if problem:
            raise RepositoryError(problem, next="name a plain path inside the project")
        written = {path: content for path, content in changes.items() if content is not None}
        removed = {path for path, content in changes.items() if content is None}
        names = self._store_blobs(list(written.values()))
        lines = [line for path, line in listing.index_lines() if path not in written and path not in removed]
        for path, name in zip(written, names, strict=True):
            fresh_script = path not in listing.entries and written[path].startswith(b"#!")
            mode = "100755" if fresh_script else listing.mode(path)
            lines.append(f"{mode} {name}\t{path}".encode())
        return self._tree_of(lines)

    def _store_blobs(self, contents: Sequence[bytes]) -> list[str]:
        if len(contents) == 1:
            return [self._run("hash-object", "-w", "--stdin", stdin=contents[0]).decode().strip()]
        if not contents:
            return []
        with tempfile.TemporaryDirectory(prefix="blobs-", dir=self.folder) as folder:
            places = [Path(folder) / str(number) for number in range(len(contents))]
            for place, content in zip(places, contents, strict=True):
                place.write_bytes(content)
            paths = "".join(f"{place}\n" for place in places).encode()
            return self._run("hash-object", "-w", "--no-filters", "--stdin-paths", stdin=paths).decode().split()

    def _tree_of(self, lines: Sequence[bytes]) -> Tree:
        with self._private_index() as env:
            if lines:
                self._run("update-index", "-z", "--index-info", stdin=b"\0".join(lines) + b"\0", env=env)
            return Tree(self._run("write-tree", env=env).decode().strip())

    def empty(self) -> Tree:
        return Tree(self._run("mktree", "-z").decode().strip())

    def checkout(self, tree: Tree, folder: Path) -> None:
        # Files are written here, not by git: bytes stay exact and no attribute of the tree is ever consulted.
        if any(folder.iterdir()):
            raise RepositoryError(f"{folder} is not empty", next="give an empty folder")
        links: list[tuple[Path, bytes]] = []
        made = {folder}
        for path, entry in self._listing(tree).entries.items():
            place = folder / path
            if place.parent not in made:
                place.parent.mkdir(parents=True, exist_ok=True)
                made.add(place.parent)
            if entry.mode == "160000":
                place.mkdir(exist_ok=True)
                continue
            content = self._reader.read(entry.digest)
            if content is None:
                raise StorageError(f"object {entry.digest} of {path} is missing from the run's repository")
            if entry.mode == "120000":
                links.append((place, content))
                continue
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
            with os.fdopen(os.open(place, flags, 0o755 if entry.mode == "100755" else 0o644), "wb") as file:
                file.write(content)
        # Links last: no file of the tree can be written through one.
        for place, target in links:
            os.symlink(os.fsdecode(target), place)

    def store(self, folder: Path, base: Tree | None = None) -> Tree:
        """The tree of a folder's present files.

        Left out: ignored files, build output (`BUILD_OUTPUT`), folders that are repositories of their own, and what
        cannot be read. Files of `base` that are still there are kept although ignored, and so are its submodules.
        """
        work = Git({**self._git.environment, "GIT_WORK_TREE": str(folder)}, cwd=folder)
        patterns = [argument for pattern in BUILD_OUTPUT for argument in ("--exclude", pattern)]
        tracked = {} if base is None else self._listing(base).entries
        with self._private_index() as env:
            try:
                found = work.run("ls-files", "-z", "--others", "--exclude-standard", *patterns, env=env).stdout
                names = {os.fsdecode(name) for name in found.split(b"\0") if name and not name.endswith(b"/")}
                names |= {path for path, entry in tracked.items() if entry.mode != "160000"}
                present = sorted(name for name in names if _storable(folder, name))
                work.run("update-index", "-z", "--add", "--stdin", stdin=_lines(present), env=env)
                modules = [
                    f"160000 {entry.digest}\t{path}" for path, entry in tracked.items() if entry.mode == "160000"
                ]
                if modules:
                    work.run("update-index", "-z", "--index-info", stdin=_lines(modules), env=env)
                return Tree(work.run("write-tree", env=env).text)
            except GitFailed as error:
                raise StorageError(f"the folder {folder} cannot be stored", why=str(error)) from error

    def diff(self, old: Tree, new: Tree) -> str:
        raw = self._run("diff-tree", "-r", "-M", "-p", "--no-ext-diff", "--no-textconv", "--no-color", old, new)
        return raw.decode(errors="replace")

    def changes(self, old: Tree, new: Tree) -> tuple[FileStat, ...]:
        return parse_changes(self._run("diff-tree", "-r", "-M", "-z", "--raw", "--numstat", old, new))

    def merge(self, base: Tree, ours: Tree, theirs: Tree) -> MergeResult:
        if ours == theirs or base == theirs:
            return MergeResult(tree=ours)
        if base == ours:
            return MergeResult(tree=theirs)
        try:
            if git_version() >= (2, 38):
                return merge_by_commits(self._git, base, ours, theirs)
            with self._private_index() as env:
                return merge_by_index(Git({**self._git.environment, **env}), base, ours, theirs)
        except GitFailed as error:
            raise StorageError("trees of the run's repository cannot be merged", why=str(error)) from error

    def commit(self, tree: Tree, parents: Sequence[str], message: str, *, at: str, author: str = "") -> str:
        name, mail = _identity(author or IDENTITY)
        when = _git_time(at)
        env = {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": mail,
            "GIT_AUTHOR_DATE": when,
            "GIT_COMMITTER_NAME": name,
            "GIT_COMMITTER_EMAIL": mail,
            "GIT_COMMITTER_DATE": when,
        }
        before = [argument for parent in parents for argument in ("-p", parent)]
        text = message.replace("\0", "").rstrip("\n") + "\n"
        return self._run("commit-tree", tree, *before, "-F", "-", stdin=text.encode(), env=env).decode().strip()

    def branch(self, name: str, commit: str) -> None:
        self._run("check-ref-format", "--branch", name)
        self._run("update-ref", f"refs/heads/{name}", commit)

    def put_blob(self, content: bytes) -> Digest:
        return self._blobs.put(content)

    def blob(self, digest: Digest) -> bytes:
        return self._blobs.get(digest)


def _storable(folder: Path, name: str) -> bool:
    """Whether the name is a readable regular file or a link, reached through no link."""
    parent = folder
    for part in Path(name).parts[:-1]:
        parent = parent / part
        if parent.is_symlink():
            return False
    try:
        mode = os.lstat(folder / name).st_mode
    except OSError:
        return False
    return stat.S_ISLNK(mode) or (stat.S_ISREG(mode) and os.access(folder / name, os.R_OK))


def _lines(names: Sequence[str]) -> bytes:
    return b"".join(os.fsencode(name) + b"\0" for name in names)


def _identity(author: str) -> tuple[str, str]:
    """Name and mail of `Name <mail>`."""
    name, _, mail = author.partition("<")
    if not name.strip() or not mail.strip().endswith(">"):
        raise InvalidData(f"{author!r} is not an author", why="it must read `Name <mail>`")
    return name.strip(), mail.strip()[:-1].strip()


def _git_time(at: str) -> str:
    """Git's raw date of an RFC 3339 time."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError as error:
        raise InvalidData(f"{at!r} is not a time", why="RFC 3339 is needed") from error
    if moment.tzinfo is None:
        raise InvalidData(f"{at!r} names no time zone", why="RFC 3339 is needed")
    return f"@{int(moment.timestamp())} +0000"
