"""Edges of the plan that nobody walks: a task consumes a contract, and nothing in its files names what it promises."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from sixfold.domain.evidence import Finding
from sixfold.domain.plan import Plan
from sixfold.layers.testing.contracts.promises import Promise, promises
from sixfold.layers.testing.harness.listing import is_test_file


def unused_contracts(plan: Plan, sources: Mapping[str, bytes]) -> tuple[Finding, ...]:
    """A warning for each consumed contract of which no word stands in the consumer's modules.

    Whether a contract is kept is tried on its provider; a consumer that rebuilt it, or forgot it, is seen here alone.

    Args:
        plan: who consumes what.
        sources: the product's Python files by path; a task without one among them is passed over.
    """
    promised = {promise.contract: promise for promise in promises(plan)}
    found = []
    for task in plan.tasks:
        files = [path for path in task.files if path in sources and not is_test_file(path)]
        text = "\n".join(sources[path].decode(errors="replace") for path in files)
        for contract in task.consumes:
            words = set(_words(promised[contract])) if contract in promised else set()
            if not files or not words or contract in task.provides:
                continue
            if not any(re.search(rf"(?<![A-Za-z0-9]){re.escape(word)}(?![A-Za-z0-9])", text) for word in words):
                told = f"task {task.id} consumes contract {contract}, and nothing in its modules names what it promises"
                found.append(Finding(tool="contracts", rule="unused", severity="warning", message=told, path=files[0]))
    return tuple(found)


def _words(promise: Promise) -> Iterator[str]:
    """What a user of the contract would have to write, at least one of them."""
    for name in promise.names:
        yield from name.name.split(".")
    for module in promise.modules:
        yield module.rpartition(".")[2]
    for route in promise.routes:
        yield from (part for part in route.path.split("/") if part and not part.startswith(("{", "<", ":")))
    for usage in promise.usages:
        yield from (*usage.words, *usage.options)
    yield from (table.name for table in promise.tables)
    yield from (path.rpartition("/")[2] for path in promise.files)
