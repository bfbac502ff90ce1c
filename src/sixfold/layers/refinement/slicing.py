"""Cutting a change that is too large to review into parts that are not, in the order in which they build on each other.

Reviewers lose faults beyond 200 to 400 changed lines (SmartBear and Cisco study, 2006). A part holds whole files: what
is imported comes before what imports it, a test with the last module it uses, so that every part stands on its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sixfold.domain.code import FileStat

MOST_LINES = 300
"""Changed lines of one part, tests not counted."""

_FIRST = (".toml", ".cfg", ".ini", ".json", ".lock", ".txt", ".pyi", ".sql")
_LAST = (".md", ".rst", ".adoc")


def slices(
    files: Sequence[FileStat],
    imports: Mapping[str, Sequence[str]],
    tests: Sequence[str],
    *,
    most_lines: int = MOST_LINES,
) -> tuple[tuple[str, ...], ...]:
    """Paths of each part, in order; one part when the change is small enough.

    A single file above the bound, or files that import each other in a circle, stay together: they cannot be cut here.

    Args:
        files: changed files.
        imports: path → paths it imports, also of files that did not change.
        tests: those of `files` that are tests.
    """
    lines = {file.path: 0 if file.path in tests else file.added + file.removed for file in files}
    if sum(lines.values()) <= most_lines:
        return (tuple(sorted(lines)),) if lines else ()
    groups = _ordered([path for path in lines if path not in tests], imports)
    parts: list[list[str]] = []
    for group in groups:
        size = sum(lines[path] for path in group)
        if not parts or sum(lines[path] for path in parts[-1]) + size > most_lines:
            parts.append([])
        parts[-1].extend(group)
    place = {path: number for number, part in enumerate(parts) for path in part}
    for test in sorted(tests):
        used = [place[path] for path in _reached(test, imports) if path in place]
        parts[max(used, default=len(parts) - 1)].append(test)
    return tuple(tuple(sorted(part)) for part in parts)


def _ordered(paths: Sequence[str], imports: Mapping[str, Sequence[str]]) -> list[tuple[str, ...]]:
    """Groups of files that need each other, a group after those it needs; settings first, documents last."""
    left = sorted(paths, key=lambda path: (_rank(path), path))
    reach = {path: _reached(path, imports) & set(left) for path in left}
    ordered: list[tuple[str, ...]] = []
    placed: set[str] = set()
    while left:
        # A file whose needs are all placed, or that only waits for files that wait for it.
        path = next(path for path in left if all(path in reach[need] for need in reach[path] - placed - {path}))
        group = tuple(other for other in left if other == path or (other in reach[path] and path in reach[other]))
        ordered.append(group)
        placed.update(group)
        left = [other for other in left if other not in placed]
    return ordered


def _reached(path: str, imports: Mapping[str, Sequence[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [path]
    while waiting:
        for target in imports.get(waiting.pop(), ()):
            if target not in found:
                found.add(target)
                waiting.append(target)
    return found


def _rank(path: str) -> int:
    name = path.rsplit("/", 1)[-1]
    if name.endswith(_LAST):
        return 2
    return 0 if name.endswith(_FIRST) or name == "__init__.py" else 1
