"""Samples in the form of a task folder: a vague request, and hidden rows that say what the person really wants.

request.md      as a person types it
interface.md    given with the request, so that tests can talk to the product
intent.md       table `id | weight | what the user wants | question it answers`, then `Components: a, b`
acceptance/     pytest, black box: SUT_DIR names the product; markers core, req("R3"), security("CWE-22")
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from sixfold.domain.data import Data, Digest, canonical, digest
from sixfold.domain.errors import UsageError

_ROW_ID = re.compile(r"[A-Z]{1,3}\d+[a-z]?")
_NOTHING = ("", "-", "–", "—", "none", "n/a")
_COMPONENTS = re.compile(r"^\W*components\W*:\W*(?P<names>.+)$|^#+\s*components\s*$", re.IGNORECASE)
_BUILD_OUTPUT = ("__pycache__", ".pytest_cache")


class Row(Data, frozen=True, kw_only=True):
    """One hidden wish of the person."""

    id: str
    weight: float = 1.0
    text: str
    question: str = ""
    """The question it answers; empty = the request itself says it."""


class Sample(Data, frozen=True, kw_only=True):
    """One task of a benchmark. Plain data, so that it can be stored and sent to another process."""

    id: str
    kind: Literal["function", "system"] = "function"
    request: str
    interface: str = ""
    rows: tuple[Row, ...] = ()
    components: tuple[str, ...] = ()
    edges: tuple[tuple[str, str], ...] = ()
    """(component, component it needs): the key for plans."""
    roles: tuple[str, ...] = ()
    """Roles a plan should give tasks to."""
    acceptance: tuple[tuple[str, str], ...] = ()
    """(path below `acceptance/`, text), sorted."""

    @property
    def hidden(self) -> tuple[Row, ...]:
        """Rows that nobody can know without asking (or guessing)."""
        return tuple(row for row in self.rows if row.question)

    @property
    def clear(self) -> bool:
        """True when the request says everything: any question about it is one too many."""
        return not self.hidden

    @property
    def brief(self) -> str:
        """What the person gives away: the request with its interface."""
        return f"{self.request.strip()}\n\n{self.interface.strip()}".strip()

    @property
    def told(self) -> str:
        """The brief with the whole intent: what a perfect clarification would have brought to light."""
        wishes = "\n".join(f"- {row.text}" for row in self.rows)
        return f"{self.brief}\n\nWhat matters to me:\n{wishes}"

    @property
    def digest(self) -> Digest:
        """Names this version of the task; results of different versions are never compared."""
        kept = {name: getattr(self, name) for name in self.__struct_fields__ if name not in ("edges", "roles")}
        return digest(canonical(kept | ({"edges": self.edges, "roles": self.roles} if self.edges else {})))


class Benchmark(Data, frozen=True, kw_only=True):
    """Samples under one name."""

    name: str
    samples: tuple[Sample, ...]


def read_tasks(folder: Path) -> tuple[Sample, ...]:
    """Every task below a folder, sorted by id; the folder may be one task itself.

    Raises:
        UsageError: there is none, or one is not whole; names it.
    """
    if not folder.is_dir():
        raise UsageError(f"there is no folder {folder}", next="give a task folder, or a folder of task folders")
    found = sorted({path.parent for path in folder.rglob("request.md")})
    if not found:
        raise UsageError(f"{folder} holds no task", why="a task has request.md, intent.md and acceptance/")
    samples = tuple(sorted((read_task(task) for task in found), key=lambda sample: sample.id))
    names = [sample.id for sample in samples]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"two tasks are called {twice[0]}", next="rename a folder: its name is the task's id")
    return samples


def read_task(folder: Path) -> Sample:
    """One task folder as a sample; its name is the id.

    Raises:
        UsageError: a part is missing or cannot be read.
    """
    intent = _text(folder / "intent.md")
    rows, components = read_rows(intent), read_components(intent)
    if not rows:
        raise UsageError(f"{folder / 'intent.md'} has no rows", next="write a table `id | weight | wish | question`")
    acceptance = folder / "acceptance"
    files = sorted(
        path for path in acceptance.rglob("*") if path.is_file() and not set(path.parts) & set(_BUILD_OUTPUT)
    )
    if not files:
        raise UsageError(f"{folder} has no acceptance tests", next=f"put pytest files into {acceptance}")
    interface = folder / "interface.md"
    return Sample(
        id=folder.name,
        kind="system" if len(components) > 1 else "function",
        request=_text(folder / "request.md").strip(),
        interface=_text(interface).strip() if interface.exists() else "",
        rows=rows,
        components=components,
        acceptance=tuple((path.relative_to(acceptance).as_posix(), _text(path)) for path in files),
    )


def read_rows(intent: str) -> tuple[Row, ...]:
    """The rows of an intent table, in order; lines that are no rows are left out."""
    rows = []
    for line in intent.splitlines():
        cells = [cell.replace("\\|", "|").strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        name = cells[0].strip("*` ")
        if len(cells) < 3 or not _ROW_ID.fullmatch(name):
            continue
        question = cells[3] if len(cells) > 3 else ""
        rows.append(
            Row(
                id=name,
                weight=_weight(cells[1]),
                text=cells[2],
                question="" if question.lower() in _NOTHING else question,
            )
        )
    return tuple(rows)


def read_components(intent: str) -> tuple[str, ...]:
    """The names of `Components: a, b`, or of the list below a heading of that name."""
    lines = intent.splitlines()
    for number, line in enumerate(lines):
        found = _COMPONENTS.match(line.strip())
        if found is None:
            continue
        if found["names"]:
            return _names(found["names"].split(","))
        return _names(item.strip()[1:] for item in lines[number + 1 :] if item.strip().startswith(("-", "*")))
    return ()


def _names(items: Iterable[str]) -> tuple[str, ...]:
    return tuple(name for item in items if (name := item.strip(" .*`")))


def _weight(cell: str) -> float:
    try:
        return float(cell.strip("*` "))
    except ValueError:
        return 1.0


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot read {path}", why=error.strerror or str(error)) from error
    except UnicodeDecodeError:
        raise UsageError(f"{path} is not UTF-8 text") from None
