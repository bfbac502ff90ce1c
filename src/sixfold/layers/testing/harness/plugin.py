"""The acceptance harness: pytest fixtures that reach the product only through its public boundaries."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sixfold.layers.testing.harness.product import Product, Result, Service, Services, copy_of
from sixfold.layers.testing.harness.session import Opaque, Raised, Session, literal
from sixfold.layers.testing.harness.stand_in import StandIn, StandInServices


@pytest.fixture
def _product(tmp_path: Path) -> Product:
    said = json.loads(os.environ["SIXFOLD_PRODUCT"])
    if said.get("stand_in"):
        return StandIn(str(tmp_path / "product"), said["entries"], said["stand_in"])
    whole = Product(said["folder"], said["entries"], said["path"])
    return copy_of(whole, str(tmp_path / "product"))


@pytest.fixture
def product(_product: Product) -> Path:
    """The product's folder: a copy of its own for each test."""
    return _product.folder


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A fresh folder: what `{data}` in a start command stands for."""
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def cli(_product: Product, data: Path) -> Callable[..., Result]:
    """Run the command-line entry: `cli("add", "x", stdin=None, timeout=10, entry="")`."""

    def run(*args: str, stdin: str | bytes | None = None, timeout: float = 10, entry: str = "") -> Result:
        return _product.run(*args, data=str(data), stdin=stdin, timeout=timeout, entry=entry)

    return run


@pytest.fixture
def call(_product: Product) -> Iterator[Callable[..., Any]]:
    """Evaluate an expression over the library in a clean interpreter: `call("fizz.fizz(15)")`; state lasts one test."""
    sessions: dict[str, Session] = {}

    def evaluate(code: str, timeout: float = 10, entry: str = "") -> Any:
        if isinstance(_product, StandIn):
            return _product.call(code)
        if entry not in sessions:
            libraries = [one for one in _product.entries if one["kind"] == "library" and entry in ("", one["name"])]
            sessions[entry] = Session(_product, libraries[0]["module"] if libraries else "")
        return sessions[entry].call(code, timeout)

    yield evaluate
    for session in sessions.values():
        session.close()


@pytest.fixture
def services(_product: Product, data: Path) -> Iterator[Services]:
    """All services by name: `services["api"]`."""
    all_services = (StandInServices if isinstance(_product, StandIn) else Services)(_product, str(data))
    yield all_services
    all_services.stop()


@pytest.fixture
def service(services: Services) -> Service:
    """The product's (first) service, started."""
    return services[""]


class Example:
    """Runs the steps of a specification's example and compares; used by generated tests."""

    def __init__(self, call: Any, cli: Any, services: Services) -> None:
        self._call, self._cli, self._services = call, cli, services

    def python(self, code: str, *, entry: str = "", value: str | None = None, raises: str | None = None) -> None:
        """A library step."""
        try:
            got = self._call(code, entry=entry)
        except Raised as error:
            if raises is None or raises.rsplit(".", 1)[-1] not in error.kinds:
                wanted = f"{raises}" if raises is not None else f"{value}"
                raise AssertionError(f"{code} raised {error}, expected {wanted}") from None
            return
        if raises is not None:
            raise AssertionError(f"{code} gave {_show(got)}, expected {raises} to be raised")
        if value is not None and not same(got, self._wanted(value, entry)):
            raise AssertionError(f"{code} gave {_show(got)}, expected {value}")

    def _wanted(self, value: str, entry: str) -> Any:
        wanted = literal(value)
        if isinstance(wanted, Opaque):
            # Not a literal, e.g. `Decimal('1.5')` or `shop.Colour.RED`: what it evaluates to beside the product.
            try:
                return self._call(value, entry=entry)
            except Raised:
                return wanted
        return wanted

    def cli(
        self,
        argv: Sequence[str],
        *,
        entry: str = "",
        stdin: str = "",
        exit: int | None = None,
        stdout: str | None = None,
        contains: Sequence[str] = (),
    ) -> None:
        """A command-line step."""
        got = self._cli(*argv, stdin=stdin, entry=entry)
        shown = f"`{' '.join(argv)}` (exit {got.exit})\nstdout: {got.stdout[:800]}\nstderr: {got.stderr[-800:]}"
        if exit is not None and got.exit != exit:
            raise AssertionError(f"expected exit {exit}: {shown}")
        if exit is None and "Traceback (most recent call last)" in got.stderr:
            raise AssertionError(f"crashed: {shown}")
        if stdout is not None and _trimmed(got.stdout) != _trimmed(stdout):
            raise AssertionError(f"expected stdout {stdout!r}: {shown}")
        for text in contains:
            if text not in got.stdout and text not in got.stderr:
                raise AssertionError(f"expected {text!r} in the output: {shown}")

    def http(
        self,
        method: str,
        path: str,
        *,
        entry: str = "",
        body: Any = None,
        status: int | None = None,
        json: Any = None,
        contains: Sequence[str] = (),
    ) -> None:
        """A service step."""
        got = self._services[entry].request(method, path, json=body)
        shown = f"{method} {path} answered {got.status}: {got.text[:1200]}"
        if got.status != status if status is not None else got.status >= 500:
            raise AssertionError(f"expected status {status or 'below 500'}: {shown}")
        if json is not None:
            try:
                found = got.json()
            except ValueError:
                raise AssertionError(f"expected JSON: {shown}") from None
            if not holds(found, json):
                raise AssertionError(f"expected {json!r} within the body: {shown}")
        for text in contains:
            if text not in got.text:
                raise AssertionError(f"expected {text!r} in the body: {shown}")


@pytest.fixture
def example(call: Any, cli: Any, services: Services) -> Example:
    """Steps of generated examples."""
    return Example(call, cli, services)


def same(got: Any, wanted: Any) -> bool:
    """Equality by value: numbers with a relative tolerance of 1e-9, containers part by part."""
    if isinstance(got, Opaque) or isinstance(wanted, Opaque):
        if not (isinstance(got, Opaque) and isinstance(wanted, Opaque)):
            return False
        return "".join(str(got).split()) == "".join(str(wanted).split())
    if isinstance(got, bool) or isinstance(wanted, bool):
        return got is wanted
    if isinstance(got, (int, float)) and isinstance(wanted, (int, float)):
        if isinstance(got, int) and isinstance(wanted, int):
            return got == wanted
        return math.isclose(got, wanted, rel_tol=1e-9, abs_tol=1e-12) or (math.isnan(got) and math.isnan(wanted))
    if isinstance(got, (list, tuple)) and type(got) is type(wanted):
        return len(got) == len(wanted) and all(same(one, other) for one, other in zip(got, wanted, strict=True))
    if isinstance(got, dict) and isinstance(wanted, dict):
        return got.keys() == wanted.keys() and all(same(got[key], wanted[key]) for key in wanted)
    return type(got) is type(wanted) and bool(got == wanted)


def holds(found: Any, wanted: Any) -> bool:
    """True when `wanted` is a subset: objects may have more keys, lists must match in length."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(key in found and holds(found[key], wanted[key]) for key in wanted)
    if isinstance(wanted, list):
        if not isinstance(found, list) or len(found) != len(wanted):
            return False
        return all(holds(one, other) for one, other in zip(found, wanted, strict=True))
    return same(found, wanted)


def _show(value: Any) -> str:
    return str(value) if isinstance(value, Opaque) else repr(value)


def _trimmed(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]
