"""The sandbox and the toolchains the settings ask for; the same for runs, evaluations, bisections, single commands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from sixfold.config import Settings
from sixfold.domain.ports import Repository

if TYPE_CHECKING:
    from sixfold.layers.testing.environments import UvEnvironments
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


def open_environments(settings: Settings) -> UvEnvironments:
    """The toolchains, with the policy on young packages."""
    from sixfold.layers.testing.environments import UvEnvironments

    return UvEnvironments(settings.environments, os.environ, min_age_days=settings.min_package_age_days)
