"""The sandbox the settings ask for; the same for runs, evaluations, bisections and single commands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sixfold.config import Settings
from sixfold.domain.ports import Repository

if TYPE_CHECKING:
    from sixfold.layers.testing.sandbox import Backend


async def open_sandbox(settings: Settings, repository: Repository) -> Backend:
    """The strongest backend that holds here, or the one that is set.

    Raises:
        SandboxUnavailable: nothing here gives real isolation.
    """
    from sixfold.layers.testing import sandbox  # late, as everywhere in wiring: who only looks must not load layers

    return await sandbox.choose(
        repository.checkout,
        repository.store,
        settings.home / "scratch",
        only="" if settings.sandbox == "auto" else settings.sandbox,
        image=settings.sandbox_image,
        settings=os.environ,
    )
