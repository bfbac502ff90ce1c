"""A contract of kind python becomes a module that can be imported, called and told from the real thing."""

from __future__ import annotations

from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sixfold.domain.plan import Contract, Plan, Stub, Task
from sixfold.layers.planning.signatures import read_signatures
from sixfold.layers.planning.stubs import SERVED, stubs_for

BLOCK = """Module shopping/items.py. Pure rules, no files.

MAX_TEXT = 100

class TextError(ValueError): the text is refused.

@dataclasses.dataclass(frozen=True)
class Item:
    id: int
    text: str
    done: bool = False
    tags: list[str] = []
Exactly these fields.

def tidy(text: object) -> str
The text as it is kept. tidy(tidy(x)) == tidy(x).

class ItemList:
    def __init__(self, items: Iterable[Item] = (), clock: Clock = time.time) -> None
    next_id: int         # the id of the next new item
    def add(self, text: object) -> Item
        Tidies the text.
    @property
    def size(self) -> int
"""
PROSE = (
    "Module money.py in the root folder, standard library only.\n"
    "parse(text: str) -> int: cents, parse('12.34') == 1234, parse('0.05') == 5. Anything else raises: '1,00'.\n"
    "show(cents: int) -> str: show(5) == '0.05'."
)
INLINE = "catalog.Catalog(); .add(code: str, price: str) -> None; .price(code: str) -> int (cents)"
SENTENCE = (
    "Module stock.py. class Stock, Stock(catalog: catalog.Catalog): no pieces of anything at first.\n"
    "put(self, code: str, count: int) -> None: adds count pieces."
)


def plan_of(text: str, path: str, *, kind: str = "python", more: tuple[str, ...] = ()) -> Plan:
    files = (path, *more, "tests/test_it.py")
    provider = Task(id="T1", title="", goal="", files=files, provides=("it",))
    consumer = Task(id="T2", title="", goal="", files=("use.py", "tests/test_use.py"), consumes=("it",))
    contract = Contract(id="it", kind=kind, text=text)  # type: ignore[arg-type]  # every kind is tried
    return Plan(tasks=(provider, consumer), contracts=(contract,))


def served(text: str, path: str) -> tuple[Stub, ModuleType]:
    plan = plan_of(text, path)
    stubs = stubs_for(plan, plan.task("T2"), ["T1"], ())
    assert stubs is not None
    (stub,) = stubs
    module = ModuleType("stood_in")
    exec(compile(stub.text, stub.path, "exec"), module.__dict__)
    return stub, module


def test_declarations_without_bodies_become_a_module(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "stood_in", ModuleType("stood_in"))
    stub, module = served(BLOCK, "shopping/items.py")
    assert (stub.path, stub.contracts) == ("shopping/items.py", ("it",))
    assert module.MAX_TEXT == 100
    assert issubclass(module.TextError, ValueError)
    assert module.Item(1, "milk") == module.Item(id=1, text="milk", done=False, tags=[])
    items = module.ItemList()
    for reach in (lambda: items.add("x"), lambda: items.size, lambda: items.next_id, lambda: module.tidy("x")):
        with pytest.raises(NotImplementedError, match=SERVED):
            reach()
    with pytest.raises(TypeError):
        module.tidy()


def test_values_given_by_example_are_answered_and_nothing_else_is() -> None:
    _, module = served(PROSE, "money.py")
    assert (module.parse("12.34"), module.parse("0.05"), module.show(5)) == (1234, 5, "0.05")
    with pytest.raises(NotImplementedError, match="contract it is served by a stub: parse"):
        module.parse("7")


@pytest.mark.parametrize(("text", "path"), [(INLINE, "catalog.py"), (SENTENCE, "stock.py")])
def test_signatures_within_sentences_are_understood(text: str, path: str) -> None:
    _, module = served(text, path)
    made = module.Catalog() if "Catalog" in vars(module) else module.Stock(None)
    with pytest.raises(NotImplementedError):
        getattr(made, "add" if hasattr(made, "add") else "put")("a", 1)


@pytest.mark.parametrize("kind", ["http", "cli", "schema", "file"])
def test_what_is_no_python_is_not_served(kind: str) -> None:
    plan = plan_of(PROSE, "money.py", kind=kind)
    assert stubs_for(plan, plan.task("T2"), ["T1"], ()) is None


def test_a_file_that_is_there_is_never_stood_in_for() -> None:
    plan = plan_of(PROSE, "money.py")
    assert stubs_for(plan, plan.task("T2"), ["T1"], ("money.py",)) is None


def test_a_contract_whose_file_cannot_be_told_is_not_served() -> None:
    plan = plan_of("f(n: int) -> int: doubles", "one.py", more=("two.py",))
    assert stubs_for(plan, plan.task("T2"), ["T1"], ()) is None


def test_providers_that_are_done_need_no_stand_in() -> None:
    plan = plan_of(PROSE, "money.py")
    assert stubs_for(plan, plan.task("T2"), [], ()) == ()


@given(st.text(max_size=200) | st.from_regex(r"(class|def) \w{0,5}[(:@=\[\n ,>\-]{0,20}", fullmatch=False))
def test_any_text_gives_a_module_that_python_accepts_or_none(text: str) -> None:
    read_signatures(text)
    plan = plan_of(text, "it.py")
    for stub in stubs_for(plan, plan.task("T2"), ["T1"], ()) or ():
        compile(stub.text, stub.path, "exec")
