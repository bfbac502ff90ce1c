"""Projects of known shape for the scalability experiment: components and edges with an answer key, in six sizes.

And one project over three tiers, for the paper's second experiment: front end, back end and database.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from sixfold.domain.data import Data, from_json
from sixfold.evaluation.sample import Benchmark, Row, Sample

SIZES = (2, 4, 6, 8, 10, 12)
_TEST = '''\
"""What each component must do, seen from outside."""

import importlib
import os
import sys

import pytest

sys.path.insert(0, os.environ["SUT_DIR"])
CHECKS = {checks!r}


@pytest.mark.core
@pytest.mark.parametrize(
    "expression, expected",
    [pytest.param(*check, marks=pytest.mark.req(row), id=f"{{row}}-{{n}}") for row, n, check in CHECKS],
)
def test_the_component_does_what_is_wanted(expression, expected):
    space = {{name: importlib.import_module(name) for name in {names!r} if f"{{name}}." in expression}}
    assert eval(expression, space) == eval(expected)
'''
_TIERS_TEST = '''\
"""The three tiers, seen from outside."""

import importlib
import os
import sys

import pytest

sys.path.insert(0, os.environ["SUT_DIR"])


@pytest.mark.core
@pytest.mark.req("R1")
def test_entries_outlive_the_process_that_wrote_them(tmp_path):
    store = importlib.import_module("store")
    store.Store(str(tmp_path / "book.db")).add("Ada", "Hello")
    assert store.Store(str(tmp_path / "book.db")).entries() == [("Ada", "Hello")]


@pytest.mark.core
@pytest.mark.req("R2")
def test_the_back_end_refuses_an_empty_name(tmp_path):
    api, store = importlib.import_module("api"), importlib.import_module("store")
    book = api.Api(store.Store(str(tmp_path / "book.db")))
    assert book.handle("POST", {"name": " ", "text": "x"})[0] == 400
    assert book.handle("POST", {"name": "Ada", "text": "x"})[0] == 201
    assert book.handle("GET", {}) == (200, [{"name": "Ada", "text": "x"}])


@pytest.mark.core
@pytest.mark.req("R3")
@pytest.mark.security("CWE-79")
def test_the_page_escapes_what_visitors_wrote():
    page = importlib.import_module("page")
    assert "<script>" not in page.render([{"name": "<script>", "text": "&"}])
    assert "&lt;script&gt;" in page.render([{"name": "<script>", "text": "&"}])
'''


class Component(Data, frozen=True, kw_only=True):
    """One module of the shop, as the key has it."""

    name: str
    needs: tuple[str, ...] = ()
    wish: str
    interface: str
    checks: tuple[tuple[str, str], ...]


def shop() -> tuple[Component, ...]:
    """All twelve, each after those it needs."""
    listed = tomllib.loads((Path(__file__).parent / "components.toml").read_text(encoding="utf-8"))
    return from_json(listed["component"], tuple[Component, ...])


def scalability() -> Benchmark:
    """Six sizes of the shop, and the three tiers first."""
    return Benchmark(name="components", samples=(tiers(), *map(of_size, SIZES)))


def of_size(size: int) -> Sample:
    """The first components of the shop as one project."""
    parts = shop()[:size]
    wishes = "\n".join(f"- {part.name}: {part.wish}" for part in parts)
    interface = "\n".join(f"- `{part.name}.py`: {part.interface}" for part in parts)
    names = [part.name for part in parts]
    checks = [(f"R{n}", m, check) for n, part in enumerate(parts, 1) for m, check in enumerate(part.checks, 1)]
    return Sample(
        id=f"shop-{size:02}",
        kind="system",
        request=f"Build the core of a small shop as {size} Python modules, standard library only, tested:\n{wishes}",
        interface=f"Modules stand in the product's top folder and are imported by name:\n{interface}",
        rows=tuple(Row(id=f"R{n}", text=part.wish) for n, part in enumerate(parts, 1)),
        components=tuple(names),
        edges=tuple((part.name, other) for part in parts for other in part.needs),
        acceptance=(("test_shop.py", _TEST.format(checks=checks, names=names)),),
    )


def tiers() -> Sample:
    """A guest book that needs a database, a back end and a front end."""
    return Sample(
        id="tiers",
        kind="system",
        request=(
            "Build a guest book with a database, a back end and a front end, Python standard library only, tested.\n"
            "- Entries (name, text) are kept in an SQLite file, oldest first, and outlive the process.\n"
            "- The back end lists entries and adds one; a name that is empty or blank is refused with status 400.\n"
            "- The front end is a page that shows all entries; nothing a visitor wrote may run in a browser."
        ),
        interface=(
            "- `store.py`: store.Store(path: str); .add(name: str, text: str) -> None;"
            " .entries() -> list[tuple[str, str]]\n"
            "- `api.py`: api.Api(store: Store); .handle(method: str, body: dict) -> tuple[int, object]; GET gives"
            " (200, list of {name, text}), POST gives 201 or 400\n"
            "- `page.py`: page.render(entries: list[dict]) -> str, a whole HTML page"
        ),
        rows=(
            Row(id="R1", text="entries are kept in SQLite"),
            Row(id="R2", text="the back end lists and adds"),
            Row(id="R3", text="the page shows entries safely"),
        ),
        components=("store", "api", "page"),
        edges=(("api", "store"),),
        roles=("database", "back end", "front end"),
        acceptance=(("test_tiers.py", _TIERS_TEST),),
    )
