"""Reading the user's folder into a tree, without changing a byte of it and without running anything it configures.

Git works in a *shadow*: a git folder of our own with copies of the user's index and ignore rules. New objects go to the
run's repository; the user's objects are only read. The user's configuration is not in force there, so no filter, hook,
file-system monitor, credential helper or text converter it names can be started.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Tree
from sixfold.domain.errors import RepositoryError, StorageError
from sixfold.domain.paths import path_problem
from sixfold.layers.refinement.git.command import Git, GitFailed, hermetic_environment, quoted_path, user_environment
from sixfold.layers.refinement.git.listing import BUILD_OUTPUT
from sixfold.layers.refinement.git.objects import atomic_file
from sixfold.layers.refinement.git.place import Place, find_place, holds_nothing, refuse_unfinished

LARGEST_FILE_BYTES = 20 * 1024 * 1024
"""Untracked files above this stay where they are and out of the snapshot, with a note."""

_NAMES_IN_NOTE = 5

# Settings that say how files and trees correspond. None of them can name a program.
_HARMLESS_SETTINGS = ("core.autocrlf", "core.eol", "core.filemode", "core.symlinks", "core.ignorecase")


def take(folder: Path, repository: Path) -> Snapshot:
    """Snapshot `folder` into the run's repository.

    An empty folder counts as empty even inside another repository. A sub-folder of a repository stands for the whole
    repository; the snapshot's notes say so.

    Raises:
        RepositoryError: neither a repository nor an empty folder, or a state that cannot be read; nothing was changed.
        StorageError: the run's repository cannot be written.
    """
    if holds_nothing(folder):
        git = Git(hermetic_environment(repository))
        return Snapshot(tree=Tree(git.run("mktree", "-z").text), kind="empty")
    place = find_place(folder)
    refuse_unfinished(place)
    try:
        with shadow(place, repository) as git:
            return _take(git, place, folder, repository)
    except GitFailed as error:
        raise RepositoryError(
            f"the folder {place.root} cannot be read", why=error.finished.complaint, next="git status; git fsck"
        ) from error
    except OSError as error:
        raise StorageError(
            "the snapshot cannot be written", why=str(error), next="check disk space, then try again"
        ) from error


def _take(git: Git, place: Place, folder: Path, repository: Path) -> Snapshot:
    notes: list[str] = []
    if Path(place.root) != folder.resolve():
        notes.append(f"{folder} lies inside a repository: the whole of {place.root} is used")
    _refresh_tracked(git, place, notes)
    _add_untracked(git, place, notes)
    tree = Tree(git.run("write-tree").text)
    empty = Tree(git.run("mktree", "-z").text)
    head_tree = None
    if place.head:
        head_tree = Tree(git.run("rev-parse", f"{place.head}^{{tree}}").text)
    _keep_objects(git, repository, place.head, tree)
    return Snapshot(
        tree=tree,
        head=place.head,
        head_tree=head_tree,
        branch=place.branch,
        dirty=tree != (head_tree or empty),
        notes=tuple(notes),
    )


@contextlib.contextmanager
def shadow(place: Place, repository: Path) -> Iterator[Git]:
    """Git on the user's files with our own git folder; see the module's text. Its changes vanish with the block."""
    with tempfile.TemporaryDirectory(prefix="shadow-", dir=repository) as name:
        own = Path(name)
        (own / "refs").mkdir()
        (own / "info").mkdir()
        (own / "HEAD").write_text("ref: refs/heads/none\n")
        (own / "config").write_text("[core]\n\trepositoryformatversion = 0\n")
        for kind in ("exclude", "attributes", "sparse-checkout"):
            for source in (Path(place.common_folder) / "info" / kind, Path(place.git_folder) / "info" / kind):
                if source.is_file():
                    shutil.copyfile(source, own / "info" / kind)
        # The index keeps its time: git compares it with the files' times to know which entries it may trust.
        for source in (Path(place.git_folder) / "index", *Path(place.git_folder).glob("sharedindex.*")):
            if source.is_file():
                shutil.copy2(source, own / source.name)
        environment = hermetic_environment(
            own,
            _settings(Path(place.root)),
            GIT_WORK_TREE=place.root,
            GIT_OBJECT_DIRECTORY=str(repository / "objects"),
            GIT_ALTERNATE_OBJECT_DIRECTORIES=quoted_path(place.objects),
            GIT_LITERAL_PATHSPECS="1",
        )
        # The user's own ignore file (~/.config/git/ignore) says what they consider private; it is read, never run.
        for variable in ("HOME", "XDG_CONFIG_HOME"):
            if variable in os.environ:
                environment[variable] = os.environ[variable]
        yield Git(environment, cwd=Path(place.root))


def _settings(root: Path) -> dict[str, str]:
    user = Git(user_environment(), cwd=root)
    settings = {"core.safecrlf": "false"}
    for key in _HARMLESS_SETTINGS:
        found = user.run("config", "--get", key, ok=(0, 1))
        if found.exit == 0:
            settings[key] = found.text
    for key in ("core.excludesFile", "core.attributesFile"):
        found = user.run("config", "--type=path", "--get", key, ok=(0, 1))
        if found.exit == 0 and found.text:
            settings[key] = found.text
    return settings


def _refresh_tracked(git: Git, place: Place, notes: list[str]) -> None:
    """Bring the shadow index in line with the tracked files on disk."""
    root = Path(place.root)
    candidates: list[bytes] = []
    modules = 0
    for line in git.run("ls-files", "-z", "-v", "--stage").stdout.split(b"\0"):
        if not line:
            continue
        head, _, name = line.partition(b"\t")
        tag, mode, _object_id, stage = head.split()
        if stage != b"0":
            raise RepositoryError(
                f"{os.fsdecode(name)} has an unresolved conflict in {place.root}",
                why="it has several versions at once",
                next="resolve it, then git add it",
            )
        if mode == b"160000":
            modules += 1
        elif tag == b"H":  # not `S` (outside a sparse checkout), not `h` (assumed unchanged)
            candidates.append(name)
    filtered = _filtered(git, candidates)
    present, gone = _partition(root, [name for name in candidates if name not in filtered])
    if gone:
        git.run("update-index", "--force-remove", "-z", "--stdin", stdin=_lines(gone))
    if present:
        git.run("update-index", "-z", "--add", "--replace", "--stdin", stdin=_lines(present))
    if modules:
        notes.append(f"{modules} submodule(s) are kept as they are; their files are not part of the run")
    if filtered:
        notes.append(_note("kept in their committed form, because a filter such as git-lfs writes them", filtered))


def _add_untracked(git: Git, place: Place, notes: list[str]) -> None:
    """Add new files that are not ignored, and say which were left out."""
    root = Path(place.root)
    patterns = [argument for pattern in BUILD_OUTPUT for argument in ("--exclude", pattern)]
    found = git.run("ls-files", "-z", "--others", "--exclude-standard", *patterns).stdout.split(b"\0")
    names = [name for name in found if name]
    filtered = _filtered(git, names)
    left: dict[str, list[bytes]] = {}
    taken = []
    for name in names:
        reason = "left out: written by a filter such as git-lfs" if name in filtered else _left_out(root, name)
        if reason:
            left.setdefault(reason, []).append(name)
        else:
            taken.append(name)
    if taken:
        git.run("update-index", "-z", "--add", "--stdin", stdin=_lines(taken))
    notes.extend(_note(reason, each) for reason, each in left.items())


def _left_out(root: Path, name: bytes) -> str:
    """Why an untracked file is not part of the snapshot; empty when it is."""
    path = os.fsdecode(name)
    if path.endswith("/"):
        return "left out: repositories of their own"
    if path_problem(path):
        return "left out: names that cannot be written safely"
    try:
        found = os.lstat(root / path)
    except OSError:
        return "left out: vanished while reading"
    if stat.S_ISREG(found.st_mode):
        if found.st_size > LARGEST_FILE_BYTES:
            return f"left out: larger than {LARGEST_FILE_BYTES // 1024 // 1024} MiB"
        if not os.access(root / path, os.R_OK):
            return "left out: not readable"
        return ""
    return "" if stat.S_ISLNK(found.st_mode) else "left out: neither files nor links"


def _filtered(git: Git, names: Sequence[bytes]) -> set[bytes]:
    """Names whose content passes through a filter program in the user's repository."""
    if not names:
        return set()
    fields = git.run("check-attr", "-z", "--stdin", "filter", stdin=_lines(names)).stdout.split(b"\0")
    triples = zip(fields[0::3], fields[1::3], fields[2::3], strict=False)
    return {name for name, _attribute, value in triples if value not in (b"unspecified", b"unset")}


def _partition(root: Path, names: Iterable[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Tracked names that are still files or links on disk, and those that are not."""
    base = os.fsencode(root)
    real: dict[bytes, bool] = {b"": True}

    def is_real(folder: bytes) -> bool:
        if folder not in real:
            real[folder] = is_real(os.path.dirname(folder)) and not os.path.islink(os.path.join(base, folder))
        return real[folder]

    present: list[bytes] = []
    gone: list[bytes] = []
    for name in names:
        try:
            mode = os.lstat(os.path.join(base, name)).st_mode
        except (FileNotFoundError, NotADirectoryError):
            gone.append(name)
            continue
        there = (stat.S_ISREG(mode) or stat.S_ISLNK(mode)) and is_real(os.path.dirname(name))
        (present if there else gone).append(name)
    return present, gone


def _keep_objects(git: Git, repository: Path, head: str, tree: Tree) -> None:
    """Copy the commit and everything the tree needs, so that the run survives the loss of the user's repository."""
    wanted = "".join(f"{name}\n" for name in (head, tree) if name).encode()
    names = git.run("rev-list", "--objects", "--no-walk", "--stdin", stdin=wanted).stdout
    pack = repository / "objects" / "pack"
    pack.mkdir(parents=True, exist_ok=True)
    git.run("pack-objects", "--quiet", "--window=0", "--threads=1", "--non-empty", str(pack / "pack"), stdin=names)
    if not head:
        return
    # The commit's own parents stay behind: git is told that history ends here.
    place = repository / "shallow"
    known = set(place.read_text().split()) if place.exists() else set()
    if head not in known:
        with atomic_file(place) as file:
            file.write("".join(f"{name}\n" for name in sorted(known | {head})).encode())


def _note(reason: str, names: Iterable[bytes]) -> str:
    shown = sorted(name.decode(errors="replace") for name in names)
    more = f" and {len(shown) - _NAMES_IN_NOTE} more" if len(shown) > _NAMES_IN_NOTE else ""
    return f"{reason}: {', '.join(shown[:_NAMES_IN_NOTE])}{more}"


def _lines(names: Iterable[bytes]) -> bytes:
    return b"".join(name + b"\0" for name in names)
