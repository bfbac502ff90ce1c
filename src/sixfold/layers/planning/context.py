"""What a coder sees for one task, packed to a size, built afresh each time."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from sixfold.domain import syntax
from sixfold.domain.data import Tree
from sixfold.domain.markdown import specification_text
from sixfold.domain.plan import Plan, Task
from sixfold.domain.ports import Passage, Repository, Retriever
from sixfold.domain.prompt import untrusted
from sixfold.domain.requirements import Specification
from sixfold.layers.planning.roles import guidance
from sixfold.layers.planning.rules import conventions, states_conventions
from sixfold.layers.planning.selection import looks_secret, readable_text

_PATH = re.compile(r"[\w./-]*\w")
_LEAST_PASSAGE_CHARS = 400
_SAYING = """## Besides files
- `<note>one line</note>`, at most three, after the files: what users of your contracts must know and the contract does
  not say. Usually none.
- A contract that cannot be kept or used as it is: answer only
  `<contract id="ID">why, and its right text</contract>`."""
_MOST_OVERVIEW_CHARS = 4_000


def brief(
    task: Task,
    plan: Plan,
    specification: Specification,
    repository: Repository,
    tree: Tree,
    retriever: Retriever,
    *,
    most_chars: int,
    notes: Sequence[str] = (),
    focus: Sequence[str] = (),
    before: Collection[str] = (),
    cited: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> str:
    """The task, its slice of the specification, its contracts, its files in full, and what else bears on it.

    What the task was told is never cut; repository text fills what room is left: owned files first, then passages.
    Equal inputs give the equal text.

    Args:
        most_chars: size aimed at, in characters; about four make a token.
        notes: lines other tasks published, shown as untrusted.
        before: paths that stood there before the plan: of use to every task, whoever changes them now.
        focus: for a task that owns no files of its own: paths to show whole, as far as they fit.
        cited: path → functions to show where the file does not fit: the tests that failed.
    """
    parts = [_heading(task, plan)]
    parts.append(_slice(task, plan, specification))
    parts += _contracts(task, plan)
    if len(plan.tasks) > 1 and (task.provides or task.consumes):
        parts.append(_SAYING)
    if notes:
        parts.append("## Notes from other tasks\n" + untrusted("notes", "\n".join(f"- {note}" for note in notes)))
    paths = [entry.path for entry in repository.files(tree)]
    query = _query(task, plan, specification)
    parts.append(conventions(repository, tree, [*task.files, *_named(paths, query), *focus], query))
    left = most_chars - sum(len(part) + 2 for part in parts)
    owned = [path for path in paths if path in task.files]
    if not owned:
        owned = list(dict.fromkeys([*_named(paths, query), *(path for path in paths if path in focus)]))
    files, left = _files(repository, tree, owned, left, cited)
    if files:
        parts.append("## Files as they are now\n" + "\n\n".join(files.values()))
    overview = retriever.overview(tree, most_chars=min(_MOST_OVERVIEW_CHARS, left // 4)) if paths else ""
    if overview:
        parts.append("## The repository\n" + untrusted("repository map", overview))
        left -= len(parts[-1]) + 2
    shown = [path for path in owned if files[path].startswith("<untrusted")]
    hidden = (*shown, *(path for path in _strangers(task, plan) if path not in before))
    passages = _passages(retriever, tree, query, owned, hidden, left) if paths and left > _LEAST_PASSAGE_CHARS else ()
    if passages:
        parts.append("## Related passages, read-only\n" + "\n\n".join(passages))
    return "\n\n".join(part.strip() for part in parts if part.strip()) + "\n"


def _heading(task: Task, plan: Plan) -> str:
    lines = [f"# {task.id}: {task.title}"]
    if len(plan.tasks) > 1 and task.requirements:
        lines.append(f"Requirements: {', '.join(task.requirements)}")
    if task.goal and task.goal != task.title:
        lines.append(task.goal)
    minded = guidance(task.role) if len(plan.tasks) > 1 else ""
    if minded:
        lines.append(f"As {task.role}: {minded}")
    if task.files:
        lines.append("Write only these files: " + ", ".join(f"`{path}`" for path in task.files))
    if task.files and task.check:
        lines.append("Done when these tests pass: " + ", ".join(f"`{path}`" for path in task.check))
    return "\n".join(lines)


def _slice(task: Task, plan: Plan, specification: Specification) -> str:
    """The specification as this task needs it; a request taken word for word needs no headings around it."""
    bare = not (specification.summary or specification.entries or specification.interface or specification.assumptions)
    if bare and len(specification.requirements) == 1:
        only = specification.requirements[0]
        return "" if only.text == task.title else f"{only.id}: {only.text}"
    whole = len(plan.tasks) == 1
    return specification_text(specification, only=None if whole else task.requirements)


def _contracts(task: Task, plan: Plan) -> list[str]:
    parts = []
    for title, ids in (
        ("You provide, exactly so", task.provides),
        ("You may use, exactly so; written by others", task.consumes),
    ):
        texts = []
        for id in ids:
            contract = plan.contract(id)
            texts.append(f"### {contract.id} ({contract.kind})\n{contract.text.strip()}")
        if texts:
            parts.append(f"## {title}\n" + "\n\n".join(texts))
    return parts


def _query(task: Task, plan: Plan, specification: Specification) -> str:
    wanted = [item.text for item in specification.requirements if item.id in task.requirements]
    contracts = [plan.contract(id).text for id in (*task.provides, *task.consumes)]
    return "\n".join([task.title, task.goal, *wanted, *contracts, *task.files])


def _named(paths: Sequence[str], query: str) -> list[str]:
    """Files a request speaks of by path, or by a name that only one file has."""
    names = Counter(path.rsplit("/", 1)[-1] for path in paths)
    spoken = set(_PATH.findall(query))
    return [
        path
        for path in paths
        if path in spoken or (path.rsplit("/", 1)[-1] in spoken and names[path.rsplit("/", 1)[-1]] == 1)
    ]


def _files(
    repository: Repository, tree: Tree, paths: Sequence[str], room: int, cited: Mapping[str, Collection[str]]
) -> tuple[dict[str, str], int]:
    """Whole files as long as they fit; what does not fit is named, never cut silently, and shown where it is cited."""
    blocks = {}
    for path in paths:
        text = None if looks_secret(path) else readable_text(repository.read(tree, path))
        if text is None:
            block = f"`{path}` is not shown: it is binary or may hold secrets."
        elif len(text) > room:
            block = f"`{path}` is not shown whole: {len(text)} characters; see the passages."
            if functions := _functions(text, cited.get(path, ())):
                shown = untrusted(f"repository {path}, in part", functions)
                block += f"\n{shown}" if len(shown) < room else ""
        else:
            block = untrusted(f"repository {path}", text)
        room -= len(block) + 2
        blocks[path] = block
    return blocks, room


def _functions(text: str, names: Collection[str]) -> str:
    """Those functions of a Python file; empty when there are none, or it cannot be read."""
    try:
        module = syntax.parse(text) if names else ast.Module(body=[], type_ignores=[])
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    lines, found = text.splitlines(keepends=True), []
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names:
            first = min([node.lineno, *(one.lineno for one in node.decorator_list)])
            found.append("".join(lines[first - 1 : node.end_lineno]))
    return "\n".join(found)


def _strangers(task: Task, plan: Plan) -> tuple[str, ...]:
    """Files of tasks whose contracts this one does not use: what is in no contract does not exist for it."""
    if not task.files:
        return ()
    known = {task.id, *plan.dependencies(task.id)}
    return tuple(path for other in plan.tasks if other.id not in known for path in other.files)


def _passages(
    retriever: Retriever, tree: Tree, query: str, seeds: Sequence[str], hidden: Sequence[str], room: int
) -> tuple[str, ...]:
    # What stands there whole is found again first, so more is asked for than fits.
    found = [
        passage
        for passage in retriever.search(tree, query, most_chars=3 * room, seeds=seeds)
        if passage.path not in hidden and not states_conventions(passage.path)
    ]
    blocks = []
    for passage in found:
        block = _passage(passage)
        if len(block) + 2 <= room:
            room -= len(block) + 2
            blocks.append(block)
    return tuple(blocks)


def _passage(passage: Passage) -> str:
    where = f"repository {passage.path} lines {passage.start_line}-{passage.end_line}, {passage.why}"
    return untrusted(where, passage.text)
