"""How long the coder's loop waits for lint, format and quick security over 1, 10 and 100 generated files.

Prints one JSON object; see `figures.md`, row `scan_speed`. The inner loop is Ruff's rules and formatting plus our own
`audit`, `suspicious`, `secrets` and `dependencies`; Bandit and Semgrep (`--semgrep PATH`, else the one on PATH, else
null; in the sandbox, as it runs) are timed apart, because they run only in validation. `ty` is not part of Sixfold:
types are `null` here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from sixfold.domain.data import Tree, digest
from sixfold.domain.ports import FileEntry, Scanner
from sixfold.layers.testing import sandbox
from sixfold.layers.testing.dependencies import Dependencies, _imports_of
from sixfold.layers.testing.scanners import trees
from sixfold.layers.testing.scanners.audit import Audit
from sixfold.layers.testing.scanners.bandit import Bandit
from sixfold.layers.testing.scanners.ruff import Ruff
from sixfold.layers.testing.scanners.secrets import Secrets
from sixfold.layers.testing.scanners.semgrep import Semgrep
from sixfold.layers.testing.scanners.semgrep_program import Installed, find
from sixfold.layers.testing.scanners.suspicious import Suspicious

ROUNDS = 5
KINDS: tuple[Callable[..., Scanner], ...] = (Ruff, Audit, Suspicious, Secrets, Dependencies)


class Folder:
    """A folder read as one tree: what scanners need of a repository."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def checkout(self, tree: Tree, folder: Path) -> None:
        """Copy."""
        shutil.copytree(self.place, folder, dirs_exist_ok=True)

    def files(self, tree: Tree) -> tuple[FileEntry, ...]:
        """All files."""
        return tuple(
            FileEntry(
                path=file.name,
                mode="120000" if file.is_symlink() else "100644",
                digest=digest(file.read_bytes()),
                size_bytes=file.stat().st_size,
            )
            for file in sorted(self.place.iterdir())
        )

    def store(self, folder: Path) -> Tree:
        """Nothing is ever stored."""
        raise NotImplementedError

    def read(self, tree: Tree, path: str) -> bytes | None:
        """Bytes."""
        return (self.place / path).read_bytes()


def module(number: int) -> str:
    """About 110 typed lines, a seeded flaw in every tenth module."""
    lines = ["from __future__ import annotations", "", "import sqlite3", "import subprocess", ""]
    for part in range(12):
        lines += [
            "",
            f"def work_{number}_{part}(items: list[int], limit: int = {part}) -> dict[str, int]:",
            '    """Count what is above a limit."""',
            "    found: dict[str, int] = {}",
            "    for place, item in enumerate(items):",
            "        if item > limit:",
            '            found[f"item {place}"] = item * limit',
            "    return found",
            "",
        ]
    if number % 10 == 0:
        lines += ["", "def flaw(name: str, db: sqlite3.Connection) -> None:"]
        lines += ["    subprocess.run('ls ' + name, shell=True)", "    db.execute('SELECT 1 FROM t WHERE a = ' + name)"]
    return "\n".join(lines) + "\n"


async def median_ms(work: Callable[[], Awaitable[object]], *, rounds: int = ROUNDS) -> float:
    """Median wall milliseconds after one uncounted round."""
    await work()
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        await work()
        took.append((time.perf_counter() - began) * 1000)
    return round(statistics.median(took), 1)


def forget() -> None:
    """What is remembered of files that were seen before."""
    _imports_of.cache_clear()
    trees.module.cache_clear()


async def alone(kind: Callable[..., Scanner], repository: Folder, tree: Tree) -> None:
    """One scanner, on files it never saw."""
    forget()
    await kind(repository).scan(tree)


async def semgrep_ms(repository: Folder, tree: Tree, asked: str) -> float | None:
    """One scan by Semgrep in the sandbox; None when it is not installed."""
    found = find(asked)
    if not isinstance(found, Installed):
        print(f"semgrep {found.why}", file=sys.stderr)
        return None
    with tempfile.TemporaryDirectory() as scratch:
        cage = await sandbox.choose(repository.checkout, repository.store, Path(scratch))
        scanner = Semgrep(repository, cage, found)  # type: ignore[arg-type]
        return await median_ms(lambda: scanner.scan(tree), rounds=2)


async def measure(count: int, semgrep: str) -> dict[str, float | int | None]:
    """All figures for a number of files."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for number in range(count):
            (place / f"module_{number}.py").write_text(module(number), encoding="utf-8")
        repository, tree = Folder(place), Tree("0" * 40)
        quick = [kind(repository) for kind in KINDS]

        async def style(*paths: str) -> None:
            argv = (
                str(Path(sys.executable).with_name("ruff")),
                "format",
                "--check",
                "--no-cache",
                "--isolated",
                "-q",
                name,
            )
            await asyncio.to_thread(subprocess.run, argv, check=False, capture_output=True)

        async def change_one() -> None:
            file = place / "module_0.py"
            file.write_text(file.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
            await inner([file.name])

        async def cold() -> None:
            quick[:] = [kind(repository) for kind in KINDS]
            forget()
            await inner()

        async def inner(paths: Sequence[str] = ()) -> None:
            await asyncio.gather(
                style(*(f"{name}/{path}" for path in paths)), *(one.scan(tree, paths) for one in quick)
            )

        found = sum([len(await scanner.scan(tree)) for scanner in quick])
        return {
            "files": count,
            "scan_ms": await median_ms(cold),
            "incremental_ms": await median_ms(change_one),
            "bandit_ms": await median_ms(lambda: Bandit(repository).scan(tree)),  # type: ignore[arg-type]
            "semgrep_ms": await semgrep_ms(repository, tree, semgrep),
            "findings": found,
            **{
                f"{kind.__name__.lower()}_ms": await median_ms(lambda kind=kind: alone(kind, repository, tree))
                for kind in KINDS
            },  # type: ignore[attr-defined,misc]
        }


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object (the default)")
    parser.add_argument("--semgrep", default="auto", metavar="PATH", help="its program; the one on PATH unless told")
    options = parser.parse_args()
    sizes = [asyncio.run(measure(count, options.semgrep)) for count in (1, 10, 100)]
    whole = sizes[-1]
    print(
        json.dumps(
            {"scan_ms": whole["scan_ms"], "incremental_ms": whole["incremental_ms"], "types_ms": None, "sizes": sizes}
        )
    )


if __name__ == "__main__":
    main()
