"""What every backend does when a sandbox is opened: copy, cage, workspace, and the way back in the same order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from sixfold.domain.data import Tree
from sixfold.domain.ports import Environment
from sixfold.layers.testing.sandbox.channel import Supervision
from sixfold.layers.testing.sandbox.copies import Copy
from sixfold.layers.testing.sandbox.files import CopyFiles, Files
from sixfold.layers.testing.sandbox.inside import Places
from sixfold.layers.testing.sandbox.policy import Enforced
from sixfold.layers.testing.sandbox.workspace import IsolatedWorkspace


class Backend(ABC):
    """A way to build a cage. A further one tells how to launch a supervisor in it, what is where, what it enforces."""

    name: str

    def __init__(self, checkout: Callable[[Tree, Path], None], store: Callable[[Path], Tree], scratch: Path) -> None:
        """Remember where trees come from and go to.

        Args:
            checkout: writes a tree's files into an empty folder.
            store: makes a tree of a folder.
            scratch: folder for copies.
        """
        self._checkout = checkout
        self._store = store
        self._scratch = scratch

    @asynccontextmanager
    async def open(
        self, tree: Tree | None, *, environment: Environment | None = None
    ) -> AsyncIterator[IsolatedWorkspace]:
        """As the port says; None opens an empty copy."""
        copy = Copy(self._scratch, owner=self.owner())
        try:
            if tree is not None:
                self._checkout(tree, copy.work)
            copy.forget_git()
            copy.give()
            channel = await self.launch(copy, environment)
            try:
                await channel.ready()
                places = self.places(copy, environment)
                workspace = IsolatedWorkspace(channel, places, loopback=self.loopback)
                workspace.files = self.files(copy, workspace)
                await workspace.files.fill()
                try:
                    yield workspace
                finally:
                    await workspace.close()
            finally:
                await channel.close()
        finally:
            copy.remove()

    loopback = True
    """Whether the cage has a loopback of its own."""

    def owner(self) -> int | None:
        """User id the guest has on the host; None when it is our own."""
        return None

    def files(self, copy: Copy, workspace: IsolatedWorkspace) -> Files:
        """How files get in and out: by the copy, where the guests have it mounted."""
        return CopyFiles(copy, self._store)

    @abstractmethod
    async def launch(self, copy: Copy, environment: Environment | None) -> Supervision:
        """Start a supervisor in a new cage around the copy.

        Raises:
            SandboxUnavailable: it cannot be started.
        """

    @abstractmethod
    def places(self, copy: Copy, environment: Environment | None) -> Places:
        """Where things lie as seen from inside."""

    @abstractmethod
    def enforced(self) -> tuple[Enforced, ...]:
        """What holds in this backend, for the table of `sixfold doctor`."""
