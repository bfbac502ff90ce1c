"""Plants faults in a product and sees whether any of its suites notices."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Sequence
from typing import Any, Literal

from sixfold.domain.data import Data
from sixfold.domain.evidence import Limits
from sixfold.domain.ports import Workspace
from sixfold.layers.testing.harness import BOUNDARIES, JUDGES, boot, modules
from sixfold.layers.testing.harness.channel import read_result
from sixfold.layers.testing.mutation import Mutant
from sixfold.layers.testing.runner import Product, run_tests

RUN_S = 60.0
"""Longest one suite may take over one fault; a fault that makes it hang is noticed."""
TEST_S = 10.0
"""Longest one test may take over one fault."""


class Sown(Data, frozen=True, kw_only=True):
    """A suite that faults are shown to; it passes on the product as it is."""

    suite: Literal["acceptance", "unit", "existing"]
    tests: tuple[str, ...]
    """Test files, relative to the workspace."""
    product: Product
    """For `acceptance`: what the harness starts. Its import folders count for every suite."""
    wall_s: float = 0.0
    """Seconds it took on the product as it is; a suite that is slow without a fault may be slow with one."""


class Planted(Data, frozen=True, kw_only=True):
    """What came of it."""

    noticed: tuple[Mutant, ...] = ()
    noticed_by: tuple[int, ...] = ()
    """Which suite noticed each of them first, as its place among the suites."""
    missed: tuple[Mutant, ...] = ()
    untried: tuple[Mutant, ...] = ()
    """Those there was no time for, or nothing to try them with."""


async def plant(
    workspace: Workspace, faults: Sequence[Mutant], suites: Sequence[Sown], *, wall_s: float = 60.0
) -> Planted:
    """Try each fault against the suites, in order, until one notices it.

    Faults are tried side by side in forks of one warm interpreter, each on a copy of the product. Where a suite does
    not pass there although it passes in the workspace (it insists on the folder's place, say), they are tried one by
    one in the workspace instead.

    Args:
        workspace: holds the product and the tests; the product in it is as it was when this returns.
        wall_s: seconds after which no further fault is tried.

    Raises:
        SandboxUnavailable: nothing more could be run.
    """
    began = time.monotonic()
    found = await _in_forks(workspace, faults, suites, wall_s)
    if found is None:
        left = max(wall_s / 4, wall_s - (time.monotonic() - began))
        found = await _one_by_one(workspace, faults, suites, left)
    return Planted(
        noticed=tuple(fault for number, fault in enumerate(faults) if found.get(number, -1) >= 0),
        noticed_by=tuple(by for number in range(len(faults)) if (by := found.get(number, -1)) >= 0),
        missed=tuple(fault for number, fault in enumerate(faults) if number in found and found[number] < 0),
        untried=tuple(fault for number, fault in enumerate(faults) if number not in found),
    )


async def _in_forks(
    workspace: Workspace, faults: Sequence[Mutant], suites: Sequence[Sown], wall_s: float
) -> dict[int, int] | None:
    """Which suite noticed each fault (-1: none), by its number; None when they do not pass there without a fault."""
    nonce = secrets.token_hex(32)
    job = {
        "main": "sixfold_planted",
        "modules": modules("planted", *JUDGES, *BOUNDARIES),
        "nonce": nonce,
        "folder": workspace.folder,
        "faults": [{"path": fault.path, "content": fault.content.decode()} for fault in faults],
        "suites": [_suite(one) for one in suites],
        "workers": min(8, 2 * (os.cpu_count() or 1)),  # tests mostly wait: for servers, for time to pass
        "wall_s": wall_s,
    }
    slowest_s = max((_longest_s(one) for one in suites), default=RUN_S)
    limits = Limits(wall_s=2 * wall_s + 8 * slowest_s, memory_bytes=4 << 30)
    result = await workspace.exec(boot(), limits=limits, stdin=json.dumps(job).encode())
    told = read_result(result.stdout, nonce)
    if told is None or told["failing"]:
        return None
    return {number: len(codes) - 1 if codes[-1] else -1 for number, codes in told["trials"]}


def _suite(sown: Sown) -> dict[str, Any]:
    return {
        "isolated": sown.suite == "acceptance",
        "paths": list(sown.tests),
        "path": list(sown.product.path),
        "entries": [dict(entry) for entry in sown.product.entries],
        "test_s": max(TEST_S, 3 * sown.wall_s),
        "run_s": _longest_s(sown),
    }


def _longest_s(sown: Sown) -> float:
    return max(RUN_S, 4 * sown.wall_s)


async def _one_by_one(
    workspace: Workspace, faults: Sequence[Mutant], suites: Sequence[Sown], wall_s: float
) -> dict[int, int]:
    found: dict[int, int] = {}
    until = time.monotonic() + wall_s
    if await _noticed(workspace, suites) >= 0:
        return found  # they fail without any fault, so their failing would say nothing
    for number, fault in enumerate(faults):
        if time.monotonic() > until:
            break
        whole = await workspace.get(fault.path)
        await workspace.put({fault.path: fault.content})
        found[number] = await _noticed(workspace, suites)
        await workspace.put({fault.path: whole or b""})
    return found


async def _noticed(workspace: Workspace, suites: Sequence[Sown]) -> int:
    """Place of the first suite that does not pass; -1 when all do."""
    for number, sown in enumerate(suites):
        report = await run_tests(
            workspace,
            suite=sown.suite,
            paths=sown.tests,
            limits=Limits(wall_s=_longest_s(sown)),
            product=sown.product,
            stop_early=True,
        )
        if not report.green:
            return number
    return -1
