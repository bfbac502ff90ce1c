"""Contracts are read from their text and compared with what the product shows; what cannot be read is said."""

from __future__ import annotations

from typing import Any

import pytest

from sixfold.domain.plan import Contract, Plan, Task
from sixfold.layers.testing.contracts.edges import unused_contracts
from sixfold.layers.testing.contracts.promises import Promise, promises
from sixfold.layers.testing.contracts.verdicts import check

STORE = """Module `notes.store`.

```python
class Note(NamedTuple):
    id: int
    text: str

class Store:
    def __init__(self, path: str) -> None
    def add(self, text: str, urgent: bool = False) -> Note  # ValueError when empty
    def all(
        self,
        limit: int = 10,
    ) -> list[Note]
```
"""


def promised(kind: str, text: str, *programs: str) -> Promise:
    contract = Contract(id="c", kind=kind, text=text)  # type: ignore[arg-type]
    task = Task(id="T1", title="t", goal="g", files=("notes/store.py", "tests/test_store.py"), provides=("c",))
    (found,) = promises(Plan(tasks=(task,), contracts=(contract,)), programs)
    return found


def function(*names: str, optional: tuple[str, ...] = (), rest: bool = False) -> dict[str, Any]:
    shown = [{"name": name, "kind": "positional", "optional": name in optional} for name in names]
    shown += [{"name": "more", "kind": "rest", "optional": False}] if rest else []
    return {"callable": True, "parameters": shown}


def test_signatures_fields_and_classes_are_read_from_code() -> None:
    found = promised("python", STORE)
    assert found.modules[0] == "notes.store"
    names = ["Note", "Note.id", "Note.text", "Store", "Store.__init__", "Store.add", "Store.all"]
    assert [one.name for one in found.names] == names
    add = next(one for one in found.names if one.name == "Store.add")
    assert [(one.name, one.optional) for one in add.parameters] == [("text", False), ("urgent", True)]


def test_signatures_are_read_from_running_text() -> None:
    found = promised("python", "`notes.store.find(word: str, *, limit: int = 5) -> list[str]` looks a word up.")
    assert [one.name for one in found.names] == ["find"]
    assert [(one.name, one.kind) for one in found.names[0].parameters] == [("word", "positional"), ("limit", "keyword")]


@pytest.mark.parametrize(
    ("got", "problem"),
    [
        (function("text", "urgent", optional=("urgent",)), ""),
        (function("text", "urgent", "now", optional=("urgent", "now")), ""),
        (function(rest=True), ""),
        (function("urgent", "text"), "has urgent where the contract has text"),
        (function("text"), "takes no urgent"),
        (function("text", "urgent"), "needs urgent"),
        (function("text", "urgent", "now", optional=("urgent",)), "needs now"),
        ({"callable": False, "parameters": None}, "is none"),
    ],
)
def test_signature_that_breaks_a_promise_fails(got: dict[str, Any], problem: str) -> None:
    promise = promised(
        "python", "Module `notes.store`.\n```python\ndef add(text: str, urgent: bool = False) -> int\n```"
    )
    verdict = check(promise, {"names": {"add": got}, "trouble": ""})
    assert verdict.ok is not bool(problem)
    assert problem in verdict.detail


def test_missing_name_fails_and_says_where_it_was_looked_for() -> None:
    verdict = check(promised("python", STORE), {"names": {}, "trouble": "import notes.store: boom"})
    assert not verdict.ok
    assert not verdict.skipped
    assert "Store is promised and not there in notes.store" in verdict.detail
    assert "boom" in verdict.detail


def test_routes_are_tried_and_an_unknown_one_fails() -> None:
    promise = promised("http", "GET /items?page=N -> 200\nDELETE /items/{id} -> 204, 404")
    assert [(one.method, one.path) for one in promise.routes] == [("GET", "/items"), ("DELETE", "/items/{id}")]
    assert check(promise, {"services": {"web": [404, 404], "api": [200, 404]}}).ok
    verdict = check(promise, {"services": {"api": [404, 405]}})
    assert "GET /items answers 404" in verdict.detail
    assert "DELETE /items/{id} answers 405" in verdict.detail


def test_usages_name_subcommands_and_options() -> None:
    promise = promised("cli", "`notes add TEXT [--urgent]` and `python -m notes list --json`; not `rm -rf`", "notes")
    assert [(one.words, one.options) for one in promise.usages] == [(("add",), ("--urgent",)), (("list",), ("--json",))]
    helped = {"exit": 0, "stdout": "usage: add --urgent", "stderr": ""}
    refused = {"exit": 2, "stdout": "", "stderr": "invalid choice: 'list'"}
    verdict = check(promise, {"usages": [helped, refused], "root": ""})
    assert "`list` is promised and refused" in verdict.detail


@pytest.mark.parametrize(
    "text",
    [
        "CREATE TABLE IF NOT EXISTS items (\n id INTEGER PRIMARY KEY, name VARCHAR(9), UNIQUE (name)\n);",
        "Table items: id, name",
    ],
)
def test_tables_are_compared_by_their_columns(text: str) -> None:
    promise = promised("schema", text)
    assert [(one.name, one.columns) for one in promise.tables] == [("items", ("id", "name"))]
    assert check(promise, {"tables": {"Items": ["ID", "name", "extra"]}}).ok
    assert "no column name" in check(promise, {"tables": {"items": ["id"]}}).detail


@pytest.mark.parametrize(("kind", "text"), [("python", "Be kind."), ("http", "See the docs."), ("schema", "none")])
def test_text_that_cannot_be_read_is_not_verified_and_never_ok(kind: str, text: str) -> None:
    verdict = check(promised(kind, text), {})
    assert verdict.skipped
    assert not verdict.ok
    assert "not verified" in verdict.detail


EDGE = Plan(
    contracts=(
        Contract(id="store", kind="python", text="```python\nclass Store:\n    def add(self, text: str) -> int\n```"),
        Contract(id="board", kind="http", text="POST /notices -> 201"),
    ),
    tasks=(
        Task(id="T1", title="s", goal="g", files=("keep.py",), provides=("store", "board")),
        Task(id="T2", title="u", goal="g", files=("use.py", "tests/test_use.py"), consumes=("store", "board")),
    ),
)


@pytest.mark.parametrize(
    ("text", "unused"),
    [
        ("from keep import Store\nask('POST', '/notices')", []),
        ("def use(keeper):\n    keeper.add('x')\n    post(base + '/notices')", []),
        ("def use():\n    return sqlite3.connect('addresses')", ["store", "board"]),
    ],
    ids=["imported", "handed in", "rebuilt"],
)
def test_consumed_contract_that_nothing_in_the_task_names_is_a_warning(text: str, unused: list[str]) -> None:
    sources = {"keep.py": b"class Store: ...", "use.py": text.encode(), "tests/test_use.py": b"from keep import Store"}
    found = unused_contracts(EDGE, sources)
    assert [one.message.split()[4].rstrip(",") for one in found] == unused
    assert {one.severity for one in found} <= {"warning"}
