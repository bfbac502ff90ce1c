"""A person changes an increment themselves: their editor, or a folder of theirs, and never the checkout."""

from __future__ import annotations

import os
import shlex
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from sixfold.domain.errors import ConfigurationError, UsageError
from sixfold.domain.run import Decision
from sixfold.domain.view import RunView
from sixfold.interfaces.cli import session
from sixfold.interfaces.cli.engine import Engine
from sixfold.interfaces.cli.session import Session

_MOST_BYTES = 4 << 20


def edit(open_session: Session, engine: Engine, view: RunView, id: str, source: Path | None = None) -> Decision | None:
    """Let a person change the files of an increment; None when they left them as they were.

    Args:
        source: a folder whose files take the place of the increment's; None = the person's editor on a copy.

    Raises:
        UsageError: no such increment, or nothing in it that can be edited as text.
        ConfigurationError: the editor cannot be started.
    """
    item = view.increment(id)
    if item is None:
        raise UsageError(f"{view.run} has no increment {id!r}", next=f"sixfold review {view.run}")
    tree = item.increment.tree
    paths = [file.path for file in item.increment.files if file.status != "deleted" and not file.binary]
    if source is not None:
        changes: dict[str, bytes | None] = dict(_files_of(source))
    else:
        if not paths:
            raise UsageError(f"{id} has no text files to edit", next=f"sixfold review {view.run}")
        changes = _edited(engine.contents(open_session.settings, view.run, tree, paths))
    edited = engine.edited(open_session.settings, view.run, tree, changes) if changes else tree
    if edited == tree:
        return None
    return Decision(subject=f"increment:{id}", verdict="edit", value=edited, who=session.who())


def _edited(files: Mapping[str, bytes]) -> dict[str, bytes | None]:
    """What became of the files in the person's editor: changed and new ones, None for those they deleted."""
    words = shlex.split(os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi")
    with tempfile.TemporaryDirectory(prefix="sixfold-edit-") as folder:
        for path, content in files.items():
            place = Path(folder) / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
        try:
            done = subprocess.run([*words, *files], cwd=folder, check=False)
        except OSError as error:
            raise ConfigurationError(
                f"the editor {words[0]!r} cannot be started",
                why=str(error.strerror or error),
                next="set EDITOR, or give the files: sixfold edit INCREMENT --from DIR",
            ) from error
        if done.returncode:
            raise UsageError(
                f"{words[0]} ended with exit code {done.returncode}, so nothing was taken over", next="edit again"
            )
        after = _files_of(Path(folder))
    # Editors leave their own files behind; what was not there before counts unless it looks like one of those.
    litter = ("~", ".swp", ".bak")
    kept = {path: text for path, text in after.items() if path in files or not path.endswith(litter)}
    changed: dict[str, bytes | None] = {path: text for path, text in kept.items() if files.get(path) != text}
    return changed | {path: None for path in files if path not in after}


def _files_of(folder: Path) -> dict[str, bytes]:
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", next="give --from a folder with the changed files")
    found = {}
    for place in sorted(folder.rglob("*")):
        if place.is_file() and not place.is_symlink() and ".git" not in place.relative_to(folder).parts:
            if place.stat().st_size > _MOST_BYTES:
                raise UsageError(f"{place.relative_to(folder)} is larger than {_MOST_BYTES >> 20} MiB")
            found[place.relative_to(folder).as_posix()] = place.read_bytes()
    return found
