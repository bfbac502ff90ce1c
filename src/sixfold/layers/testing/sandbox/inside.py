"""Where a guest finds its folders and programs: under names of its own root, or under the host's."""

from __future__ import annotations

from sixfold.domain.data import Data
from sixfold.domain.ports import Environment
from sixfold.layers.testing.sandbox.copies import Copy
from sixfold.layers.testing.sandbox.policy import CAGE, toolchain

WORK, HOME, TEMPORARY = "/work", "/home/sixfold", "/tmp"  # noqa: S108  (inside)
PLACES = (WORK, HOME, TEMPORARY)
"""The folders a guest may write in, where it has a root of its own."""


class Places(Data, frozen=True, kw_only=True):
    """Where things lie as seen from inside."""

    work: str
    home: str
    temporary: str
    python: str
    batch: str
    """The program behind `Workspace.batch`."""
    hides_memory: bool
    """Whether a guest may make itself unreadable; sandlock must read its guests' memory to judge their system calls."""


def in_own_root(environment: Environment | None) -> Places:
    """Fixed names, for a guest that sees nothing of the host's."""
    return Places(
        work=WORK,
        home=HOME,
        temporary=TEMPORARY,
        python=toolchain(environment)[0],
        batch="/.sixfold/cage/batch.py",
        hides_memory=True,
    )


def in_host(copy: Copy, environment: Environment | None) -> Places:
    """The host's own names: there are no others."""
    return Places(
        work=str(copy.work),
        home=str(copy.home),
        temporary=str(copy.tmp),
        python=toolchain(environment)[0],
        batch=str(CAGE / "batch.py"),
        hides_memory=False,
    )
