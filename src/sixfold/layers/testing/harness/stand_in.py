"""A product that is none: it agrees to everything or refuses all, without any process. For tests of the tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sixfold.layers.testing.harness.product import Product, Response, Result, Service, Services
from sixfold.layers.testing.harness.session import Raised


class StandIn(Product):
    """Answers every command, request and expression alike."""

    def __init__(self, folder: str, entries: Any, manner: Mapping[str, Any]) -> None:
        super().__init__(folder, entries)
        self.manner = manner
        """`exit`, `status`, `raises`."""
        self.folder.mkdir(parents=True, exist_ok=True)

    def run(self, *args: str, **options: Any) -> Result:
        """One exit code, no output."""
        self.entry("cli", name=options.get("entry", ""))
        return Result(self.manner["exit"], "", "")

    def call(self, code: str) -> None:
        """None, or an exception."""
        if self.manner["raises"]:
            raise Raised(("Exception",), "no")


class StandInServices(Services):
    """Services that are none."""

    def __getitem__(self, name: str) -> Service:
        return StandInService(self._product, self._product.entry("service", name=name), self._data, "")


class StandInService(Service):
    """One status for every request, no body."""

    def start(self) -> Service:
        """It is always there."""
        return self

    def stop(self) -> bool:
        """It stops when told."""
        return True

    def log(self) -> str:
        """It writes nothing."""
        return ""

    def request(self, method: str, path: str, **options: Any) -> Response:
        """One request."""
        manner = self._product.manner if isinstance(self._product, StandIn) else {"status": 500}
        return Response(manner["status"], {}, "", b"")
