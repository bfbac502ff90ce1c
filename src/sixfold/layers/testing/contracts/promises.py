"""What a contract's text promises, as far as a machine can read it. What it cannot read is said, never passed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from sixfold.domain import syntax
from sixfold.domain.data import Data
from sixfold.domain.plan import Contract, Plan
from sixfold.layers.testing.harness.listing import is_test_file


class Parameter(Data, frozen=True, kw_only=True):
    """One parameter of a promised signature, without the receiver."""

    name: str
    kind: str = "positional"
    """`positional`, `keyword`, `rest` (`*args`, `**kwargs`)."""
    optional: bool = False


class Name(Data, frozen=True, kw_only=True):
    """A promised function, class, method (`Store.add`) or field (`Entry.date`)."""

    name: str
    what: str
    """`function`, `class`, `field`."""
    parameters: tuple[Parameter, ...] = ()


class Usage(Data, frozen=True, kw_only=True):
    """A promised command line."""

    words: tuple[str, ...]
    """Subcommands in front of the first argument."""
    options: tuple[str, ...] = ()


class Route(Data, frozen=True, kw_only=True):
    """A promised HTTP route; `{…}` in the path is a parameter."""

    method: str
    path: str


class Table(Data, frozen=True, kw_only=True):
    """A promised table."""

    name: str
    columns: tuple[str, ...]


class Promise(Data, frozen=True, kw_only=True):
    """Everything one contract says that can be tried."""

    contract: str
    kind: str
    modules: tuple[str, ...] = ()
    """Where the names are looked for, in order."""
    names: tuple[Name, ...] = ()
    usages: tuple[Usage, ...] = ()
    routes: tuple[Route, ...] = ()
    tables: tuple[Table, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def readable(self) -> bool:
        """False when nothing in the text could be turned into a test."""
        return bool(self.names or self.usages or self.routes or self.tables or self.files)


MOST_CHARS = 20_000
_FENCE = re.compile(r"```[\w-]*\n(.*?)```", re.DOTALL)
_DOTTED = re.compile(r"\b([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)\b")
_FILE = re.compile(r"\b([\w./-]+\.py)\b")
_CALL = re.compile(r"^(?:[a-z_]\w*\.)*([A-Za-z_]\w*)\((.*)\)\s*(?:->|→|:|$|—|–|,)", re.DOTALL)
_ROUTE = re.compile(r"\b(GET|POST|PUT|PATCH|DELETE|HEAD)\s+`?(/[^\s`'\",;:)\]]*)")
_CREATE = re.compile(
    r"(?is)create\s+table\s+(?:if\s+not\s+exists\s+)?[`\"]?(\w+)[`\"]?\s*\((.*?)\)\s*(?:;|$|\n\s*\n|```)"
)
_TABLE = re.compile(r"(?i)\btable\s+`?(\w+)`?\s*[:(]\s*([^\n)]+)")
_WORD = re.compile(r"[a-z][a-z0-9_-]*")
_OPTION = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
_NAMED_FILE = re.compile(r"`([\w./-]+\.(?:json|jsonl|csv|tsv|txt|sqlite|sqlite3|db|ini|toml|yaml|yml|html|xml|log))`")
_CONSTRAINTS = ("primary", "foreign", "unique", "check", "constraint")


def promises(plan: Plan, programs: Sequence[str] = ()) -> tuple[Promise, ...]:
    """What each contract of the plan promises, in plan order.

    Args:
        plan: contracts, and the tasks that provide them.
        programs: words a command line of the product may begin with, e.g. the entry's name.
    """
    return tuple(_promise(contract, plan, programs) for contract in plan.contracts)


def _promise(contract: Contract, plan: Plan, programs: Sequence[str]) -> Promise:
    text = contract.text[:MOST_CHARS]
    files = [path for task in plan.tasks if contract.id in task.provides for path in task.files]
    if contract.kind == "python":
        return Promise(
            contract=contract.id, kind="python", modules=tuple(_modules(text, files)), names=tuple(_names(text))
        )
    if contract.kind == "cli":
        return Promise(contract=contract.id, kind="cli", usages=tuple(dict.fromkeys(_usages(text, programs))))
    if contract.kind == "http":
        routes = [Route(method=method, path=path.split("?")[0]) for method, path in _ROUTE.findall(text)]
        return Promise(contract=contract.id, kind="http", routes=tuple(dict.fromkeys(routes)))
    if contract.kind == "schema":
        return Promise(contract=contract.id, kind="schema", tables=tuple(_tables(text)))
    return Promise(contract=contract.id, kind="file", files=tuple(dict.fromkeys(_NAMED_FILE.findall(text))))


def _modules(text: str, files: Sequence[str]) -> Iterator[str]:
    """Modules the text names, then those of the files that provide it."""
    seen: dict[str, None] = {}
    for path in _FILE.findall(text):
        seen[_module_of(path)] = None
    own = [_module_of(path) for path in files if path.endswith(".py") and not is_test_file(path)]
    packages = {module.split(".")[0] for module in own}
    for dotted in _DOTTED.findall(text):
        parts = dotted.split(".")
        if packages and parts[0] not in packages:
            continue
        for end in range(len(parts), 0, -1):
            if parts[end - 1].islower():
                seen[".".join(parts[:end])] = None
    yield from dict.fromkeys([*own, *seen])


def _module_of(path: str) -> str:
    parts = path.removesuffix(".py").removeprefix("./").split("/")
    if parts[0] == "src" and len(parts) > 1:
        parts = parts[1:]
    if parts[-1] == "__init__":
        parts = parts[:-1]
    return ".".join(parts)


def _names(text: str) -> Iterator[Name]:
    """Definitions, in code or in running text; indented ones belong to the class above them."""
    owner, depth = "", -1
    for line in _code_lines(text):
        bare = re.sub(r"\s+(#|//|—|–).*$", "", line).rstrip()
        indent = len(bare) - len(bare.lstrip(" -*"))
        words = bare.strip(" -*").strip("`")
        if owner and indent <= depth and words:
            owner = ""
        if found := re.match(r"class\s+(\w+)", words):
            owner, depth = found[1], indent
            yield Name(name=owner, what="class")
            continue
        if found := re.match(r"(?:async\s+)?def\s+(\w+)\s*\((.*)\)\s*(?:->.*)?:?\s*(?:\.\.\.|pass)?$", words):
            parameters = _parameters(found[2], method=bool(owner))
            if parameters is not None and (found[1] == "__init__" or not found[1].startswith("_")):
                yield Name(name=f"{owner}.{found[1]}" if owner else found[1], what="function", parameters=parameters)
            continue
        if owner and (found := re.match(r"([a-z_]\w*)\s*:\s*\S", words)):
            yield Name(name=f"{owner}.{found[1]}", what="field")
            continue
        for part in [words, *re.findall(r"`([^`]+)`", line)]:
            if (found := _CALL.match(part.strip())) and not owner:
                parameters = _parameters(found[2], method=False)
                if parameters is not None and "->" in part + line:
                    yield Name(name=found[1], what="function", parameters=parameters)
                    break


def _code_lines(text: str) -> list[str]:
    """Logical lines: a signature that goes over several is joined."""
    blocks = _FENCE.findall(text)
    lines = ("\n".join(blocks) if blocks else text).splitlines()
    joined: list[str] = []
    for line in lines:
        if joined and joined[-1].count("(") > joined[-1].count(")") and len(joined[-1]) < 2000:
            joined[-1] += " " + line.strip()
        else:
            joined.append(line)
    rest = _FENCE.sub("", text) if blocks else ""
    return joined + [part for part in re.findall(r"`([^`\n]+->[^`\n]+)`", rest)]


def _parameters(text: str, *, method: bool) -> tuple[Parameter, ...] | None:
    """None when the text is no parameter list."""
    try:
        function = syntax.parse(f"def f({text}): ...").body[0]
    except (SyntaxError, ValueError):
        return None
    if not isinstance(function, ast.FunctionDef):
        return None
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    first_default = len(positional) - len(given.defaults)
    found = [
        Parameter(name=argument.arg, optional=number >= first_default) for number, argument in enumerate(positional)
    ]
    if method and found and found[0].name in ("self", "cls"):
        found = found[1:]
    if given.vararg:
        found.append(Parameter(name=given.vararg.arg, kind="rest"))
    for argument, default in zip(given.kwonlyargs, given.kw_defaults, strict=True):
        found.append(Parameter(name=argument.arg, kind="keyword", optional=default is not None))
    if given.kwarg:
        found.append(Parameter(name=given.kwarg.arg, kind="rest"))
    return tuple(found)


def _usages(text: str, programs: Sequence[str]) -> Iterator[Usage]:
    snippets = [*re.findall(r"`([^`\n]+)`", text), *"\n".join(_FENCE.findall(text)).splitlines()]
    snippets = snippets or text.splitlines()
    for snippet in snippets:
        words = snippet.strip(" $-").split()
        at = _after_program(words, programs)
        if at is None:
            continue
        commands = []
        for word in words[at:]:
            if not _WORD.fullmatch(word):
                break
            commands.append(word)
        yield Usage(words=tuple(commands), options=tuple(dict.fromkeys(_OPTION.findall(" ".join(words[at:])))))


def _after_program(words: Sequence[str], programs: Sequence[str]) -> int | None:
    """Where the arguments begin; None when the words are no call of the product."""
    if words[:2] and words[0] in ("python", "python3") and words[1] == "-m" and len(words) > 2:
        return 3
    if words and words[0].rsplit("/", 1)[-1] in programs:
        return 1
    return None


def _tables(text: str) -> Iterator[Table]:
    found: dict[str, tuple[str, ...]] = {}
    for name, body in [*_CREATE.findall(text + "\n\n"), *_TABLE.findall(text)]:
        if name.lower() in found:
            continue
        columns = []
        for part in re.sub(r"\([^()]*\)", "", body).split(","):
            words = re.findall(r"\w+", part)
            if words and words[0].lower() not in _CONSTRAINTS:
                columns.append(words[0])
        found[name.lower()] = tuple(columns)
        yield Table(name=name, columns=tuple(columns))
