"""Names, signatures and examples that the text of a contract declares, however the architect wrote it down.

Understood are Python declarations without bodies (`def`, `class`, dataclass fields, constants), bare signatures at the
start of a line (`parse(text: str) -> int: what it does`) and signatures inside a sentence (`money.show(cents: int) ->
str`, `.add(code: str) -> None` after the class it belongs to). Whatever Python would not accept is left out.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field

from sixfold.domain import syntax

_MODULE = re.compile(r"\bmodule\s+`?([\w./]+)`?", re.IGNORECASE)
_CLASS = re.compile(r"^(\s*)class\s+([A-Za-z_]\w*)\s*(?:\(([^()]*)\))?\s*(?=[:,.]|$)")
_SENTENCE = re.compile(r"(?<=[.;])\s+(?=class\s+[A-Z]\w*[\s,:(])")
_DEF = re.compile(r"^(\s*)(async\s+def|def)\s+([A-Za-z_]\w*)\s*\(")
_BARE = re.compile(r"^(\s*)(?:[-*]\s+)?`?([A-Za-z_]\w*)\(")
_INLINE = re.compile(r"(?<![\w.])(?:([A-Za-z_]\w*)\.)?(\.?)([A-Za-z_]\w*)\(")
_FIELD = re.compile(r"^(\s+)([A-Za-z_]\w*)\s*:\s*([^#=]+?)\s*(?:=\s*([^#]+?))?\s*(?:#.*)?$")
_CONSTANT = re.compile(r"^([A-Z][A-Z0-9_]*)\s*(?::[^=]+)?=\s*([^#]+?)\s*(?:#.*)?$")
_DECORATOR = re.compile(r"^\s*@([\w.]+)(\([^()]*\))?\s*$")
_ARROW = re.compile(r"\s*->\s*")
_EQUALS = re.compile(r"\s*==\s*")
_KEPT = ("property", "staticmethod", "classmethod")


@dataclass
class Function:
    """A function or method: what Python needs to declare it."""

    name: str
    arguments: str
    returns: str = ""
    asynchronous: bool = False
    decorators: tuple[str, ...] = ()


@dataclass
class Class:
    """A class, with its methods in the order in which they are declared."""

    name: str
    bases: str = ""
    dataclass: str = ""
    """The decorator's arguments with their brackets, `()` for none; empty when it is no data class."""
    methods: dict[str, Function] = field(default_factory=dict)
    fields: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Name → annotation, default; as written."""


@dataclass
class Declared:
    """What one contract declares."""

    module: str = ""
    """Dotted name or path, as the text says; empty when it does not."""
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, Class] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    examples: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    """Function → (arguments, value), both literals."""


def read_signatures(text: str) -> Declared:
    """Everything in a contract's text that a stand-in can be made of; empty when there is nothing."""
    found = Declared()
    spoken = _MODULE.search(text)
    if spoken:
        found.module = spoken[1].rstrip(".")
    reader = _Reader(found)
    for line in text.splitlines():
        for part in _SENTENCE.split(line):
            reader.take(part)
    _examples(text, found)
    return found


class _Reader:
    """Goes through the lines and remembers which class it is in."""

    def __init__(self, found: Declared) -> None:
        self._found = found
        self._class: Class | None = None
        self._depth = -1
        """Indentation of the class; members stand deeper. -1 outside."""
        self._decorators: list[tuple[str, str]] = []

    def take(self, line: str) -> None:
        """Read one line."""
        if not line.strip():
            return
        depth = len(line) - len(line.lstrip())
        decorator = _DECORATOR.match(line)
        if decorator:
            self._decorators.append((decorator[1].rpartition(".")[2], decorator[2] or "()"))
            return
        if self._declared(line, depth):
            self._decorators = []
            return
        if self._class is not None and depth > self._depth >= 0 and self._member(line):
            return
        constant = _CONSTANT.match(line)
        if constant and _literal(constant[2]):
            self._found.constants[constant[1]] = constant[2]
            return
        self._inline(line)

    def _declared(self, line: str, depth: int) -> bool:
        """A `class`, a `def` or a bare signature that begins the line."""
        opened = _CLASS.match(line)
        if opened:
            marks = dict(self._decorators)
            self._class = self._of(opened[2])
            self._depth = depth
            bases = (opened[3] or "").strip()
            if ":" in bases:  # `class Stock, Stock(catalog: Catalog)`: these are the constructor's
                self._method(Function(name="__init__", arguments=f"self, {bases}"))
            else:
                self._class.bases = bases
            self._class.dataclass = marks.get("dataclass", "")
            rest = line[opened.end() :]
            again = re.search(rf"\b{self._class.name}\(", rest)
            if again:
                self._constructor(self._class, _bracketed(rest, again.end() - 1))
            return True
        defined = _DEF.match(line)
        if defined:
            self._function(line, defined.end() - 1, defined[3], depth, asynchronous="async" in defined[2])
            return True
        bare = _BARE.match(line)
        if bare and _ARROW.match(line, _close(line, bare.end() - 1) + 1):
            self._function(line, bare.end() - 1, bare[2], depth, bare=True)
            return True
        return False

    def _function(
        self, line: str, bracket: int, name: str, depth: int, *, asynchronous: bool = False, bare: bool = False
    ) -> None:
        arguments = _bracketed(line, bracket)
        if arguments is None:
            return
        first = arguments.split(",")[0].split(":")[0].strip()
        made = Function(
            name=name,
            arguments=arguments,
            returns=_returns(line, _close(line, bracket) + 1),
            asynchronous=asynchronous,
            decorators=tuple(mark for mark, _ in self._decorators if mark in _KEPT),
        )
        inside = self._class is not None and (depth > self._depth or (bare and first in ("self", "cls")))
        if inside:
            self._method(made)
        elif _sound(made):
            if not bare:
                self._class, self._depth = None, -1
            self._found.functions[name] = made

    def _member(self, line: str) -> bool:
        """A field of the class."""
        named = _FIELD.match(line)
        if named is None or self._class is None or not _expression(named[3]):
            return False
        if named[3].count(" ") > named[3].count(",") + 2 * named[3].count("|"):
            return False  # a sentence
        self._class.fields[named[2]] = (named[3], (named[4] or "").strip())
        return True

    def _inline(self, line: str) -> None:
        """Signatures within a sentence: of a module's function or class, or `.name(…)` of the class spoken of."""
        for call in _INLINE.finditer(line):
            owner, dot, name = call[1], call[2], call[3]
            arguments = _bracketed(line, call.end() - 1)
            end = _close(line, call.end() - 1) + 1
            arrow = _ARROW.match(line, end) is not None
            if arguments is None or _EQUALS.match(line, end):
                continue
            if dot and self._class is not None and (arrow or ":" in arguments):
                self._method(Function(name=name, arguments=_bound(arguments), returns=_returns(line, end)))
            elif owner and name[0].isupper() and not arrow and (":" in arguments or not arguments.strip()):
                self._found.module = self._found.module or owner
                self._class, self._depth = self._of(name), -1
                self._constructor(self._class, arguments)
            elif owner and arrow and owner not in self._found.classes and owner != "self":
                self._found.module = self._found.module or owner
                made = Function(name=name, arguments=arguments, returns=_returns(line, end))
                if _sound(made):
                    self._found.functions[name] = made

    def _of(self, name: str) -> Class:
        return self._found.classes.setdefault(name, Class(name=name))

    def _constructor(self, owner: Class, arguments: str | None) -> None:
        if arguments is not None and "__init__" not in owner.methods:
            made = Function(name="__init__", arguments=_bound(arguments))
            if _sound(made):
                owner.methods["__init__"] = made

    def _method(self, made: Function) -> None:
        if self._class is not None and _sound(made):
            self._class.methods[made.name] = made


def _bound(arguments: str) -> str:
    first = arguments.split(",")[0].strip()
    return arguments if first == "self" else f"self, {arguments}" if arguments.strip() else "self"


def _close(text: str, bracket: int) -> int:
    """Place of the bracket that closes the one at `bracket`; the end of the text when none does."""
    depth = 0
    for place in range(bracket, len(text)):
        depth += (text[place] in "([{") - (text[place] in ")]}")
        if not depth:
            return place
    return len(text)


def _bracketed(text: str, bracket: int) -> str | None:
    end = _close(text, bracket)
    return text[bracket + 1 : end].strip() if end < len(text) else None


def _returns(text: str, place: int) -> str:
    """The type after an arrow: as much of the text as Python takes for one."""
    arrow = _ARROW.match(text, place)
    if arrow is None:
        return ""
    rest = text[arrow.end() :].strip().strip("`")
    words = re.match(
        r"[\w.]+(?:\[[^;`]*?\](?=[\s:;,.`|(]|$))?(?:\s*\|\s*[\w.]+(?:\[[^;`]*?\](?=[\s:;,.`|(]|$))?)*", rest
    )
    named = words[0].rstrip(".") if words else ""
    return named if _expression(named) else ""


def _expression(text: str) -> bool:
    try:
        syntax.parse_expression(text.strip())
    except (SyntaxError, ValueError):
        return False
    return bool(text.strip())


def _literal(text: str) -> bool:
    try:
        ast.literal_eval(text.strip())
    except (SyntaxError, ValueError, TypeError, MemoryError, RecursionError):
        return False
    return True


def _sound(made: Function) -> bool:
    """Whether Python accepts the declaration."""
    try:
        syntax.parse(f"def {made.name}({made.arguments}): ...")
    except (SyntaxError, ValueError):
        return False
    return True


def _examples(text: str, found: Declared) -> None:
    """`parse('12') == 1200` for functions that are declared; both sides literals."""
    for call in re.finditer(r"(?<![\w.])(?:\w+\.)?([A-Za-z_]\w*)\(", text):
        if call[1] not in found.functions:
            continue
        arguments = _bracketed(text, call.end() - 1)
        equals = _EQUALS.match(text, _close(text, call.end() - 1) + 1)
        if arguments is None or equals is None or not _literal(f"({arguments},)" if arguments else "()"):
            continue
        value = _first_literal(text[equals.end() :].split("\n", 1)[0])
        if value:
            found.examples.setdefault(call[1], []).append((arguments, value))


def _first_literal(text: str) -> str:
    """The longest literal that the text begins with; empty when it begins with none."""
    cuts = [place for place, sign in enumerate(text) if sign in ",;.`)]} "] + [len(text)]
    spoken = (text[:cut].strip(" .,;") for cut in reversed(cuts[:60]))  # the sentence's own marks
    return next((part for part in spoken if _literal(part)), "")
