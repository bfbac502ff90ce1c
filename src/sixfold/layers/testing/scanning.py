"""What is new: findings of several scanners on a tree, with those that stood in the origin marked as baseline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository, Scanner
from sixfold.layers.testing.scanners import baseline
from sixfold.layers.testing.scanners.files import in_order, line_of


async def new_findings(
    scanners: Sequence[Scanner], repository: Repository, origin: Tree, tree: Tree
) -> tuple[Finding, ...]:
    """Scan what changed since the origin; a finding that stood there already is marked, not hidden.

    Raises:
        ConfigurationError: a scanner is missing; absence is never shown as clean.
    """
    changed = await asyncio.to_thread(repository.changes, origin, tree)
    paths = [file.path for file in changed if file.status != "deleted" and not file.binary]
    if not paths:
        return ()
    modified = [file.path for file in changed if file.status == "modified" and not file.binary]
    found = await asyncio.gather(*(scanner.scan(tree, paths) for scanner in scanners))
    before = await asyncio.gather(*(scanner.scan(origin, modified) for scanner in scanners)) if modified else []
    return in_order(
        baseline(
            [finding for findings in found for finding in findings],
            [finding for findings in before for finding in findings],
            _lines(repository, tree),
            _lines(repository, origin),
        )
    )


def _lines(repository: Repository, tree: Tree) -> Callable[[str, int], str]:
    texts: dict[str, str] = {}

    def line(path: str, number: int) -> str:
        if path not in texts:
            texts[path] = (repository.read(tree, path) or b"").decode(errors="replace")
        return line_of(texts[path], number)

    return line
