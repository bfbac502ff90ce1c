"""What a file defines and imports: Python by its syntax tree, other languages by light patterns."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterator, Sequence

from sixfold.domain import syntax
from sixfold.domain.data import Data

_BLOCK_LINES = 40
_SCRIPT = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".vue", ".svelte")
_OTHER = (".go", ".rs", ".java", ".kt", ".c", ".h", ".cc", ".cpp", ".hpp", ".cs", ".rb", ".php", ".swift", ".scala")
_SCRIPT_SYMBOL = re.compile(
    r"^\s*(?:export\s+)?(?:default\s+)?(?:abstract\s+)?(?:async\s+)?"
    r"(?:(?P<kind>function|class|interface|enum|type)\*?\s+(?P<name>[A-Za-z_$][\w$]*)"
    r"|(?:const|let|var)\s+(?P<value>[A-Za-z_$][\w$]*)\s*(?::[^=]+)?=\s*(?:async\s*)?(?:\(|function\b|[A-Za-z_$][\w$]*\s*=>))"
)
_OTHER_SYMBOL = re.compile(
    r"^\s*(?:(?:pub(?:\([^)]*\))?|public|private|protected|static|final|abstract|async|unsafe|export|inline|virtual|override)\s+)*"
    r"(?P<kind>func|fn|def|class|struct|trait|enum|interface|module|type|impl)\s+(?:\([^)]*\)\s*)?(?P<name>[A-Za-z_]\w*)"
)
_SCRIPT_IMPORT = re.compile(r"""(?:\bfrom\s+|\bimport\s+|\brequire\(\s*|\bimport\(\s*)['"](?P<path>[^'"\n]+)['"]""")


class Symbol(Data, frozen=True, kw_only=True):
    """A definition."""

    name: str
    """Dotted inside its file: `Store.add`."""
    kind: str
    signature: str
    start_line: int
    """From 1, decorators included."""
    end_line: int


class Block(Data, frozen=True, kw_only=True):
    """Lines that are ranked and shown together: a function, a class head, a stretch of prose."""

    start_line: int
    end_line: int
    name: str = ""
    """Of the definition, when it is one."""


class FileFacts(Data, frozen=True, kw_only=True):
    """Everything the index keeps of one file's text."""

    symbols: tuple[Symbol, ...] = ()
    imports: tuple[str, ...] = ()
    """As written: dotted modules with leading dots for Python, paths for scripts."""
    blocks: tuple[Block, ...] = ()
    lines: int = 0


def file_facts(path: str, text: str) -> FileFacts:
    """Definitions, imports and blocks. A file with broken syntax is cut by lines alone."""
    lines = text.count("\n") + (0 if text.endswith("\n") or not text else 1)
    symbols: tuple[Symbol, ...] = ()
    imports: tuple[str, ...] = ()
    if path.endswith((".py", ".pyi")):
        symbols, imports = _python(text)
    elif path.endswith(_SCRIPT):
        symbols = _matched(text, _SCRIPT_SYMBOL, lines)
        imports = tuple(dict.fromkeys(match["path"] for match in _SCRIPT_IMPORT.finditer(text)))
    elif path.endswith(_OTHER):
        symbols = _matched(text, _OTHER_SYMBOL, lines)
    return FileFacts(symbols=symbols, imports=imports, blocks=_blocks(symbols, lines), lines=lines)


def _python(text: str) -> tuple[tuple[Symbol, ...], tuple[str, ...]]:
    try:
        with warnings.catch_warnings():
            # Odd escapes in somebody else's source are not our warning.
            warnings.simplefilter("ignore")
            module = syntax.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return (), ()
    lines = text.split("\n")
    symbols: list[Symbol] = []
    for node in module.body:
        symbols += _defined(node, "", lines)
    imports: list[str] = []
    for item in _statements(module):
        if isinstance(item, ast.Import):
            imports += [alias.name for alias in item.names]
        elif isinstance(item, ast.ImportFrom):
            base = "." * item.level + (item.module or "")
            # `from a import b` may name a module b of package a, so both are kept; what does not exist is ignored.
            prefix = base if base.endswith(".") else f"{base}."
            imports += [base, *(prefix + alias.name for alias in item.names)]
    return tuple(symbols), tuple(dict.fromkeys(imports))


def _statements(module: ast.Module) -> Iterator[ast.stmt]:
    """Every statement at any depth; expressions, most of a tree, are not entered."""
    waiting: list[ast.AST] = list(reversed(module.body))
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.stmt):
            yield node
        for field in ("body", "orelse", "handlers", "finalbody", "cases"):
            waiting += reversed(getattr(node, field, ()))


def _defined(node: ast.stmt, owner: str, lines: Sequence[str]) -> list[Symbol]:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return [_symbol(node, owner, "function", lines)]
    if isinstance(node, ast.ClassDef):
        inside = [found for child in node.body for found in _defined(child, f"{owner}{node.name}.", lines)]
        return [_symbol(node, owner, "class", lines), *inside]
    if isinstance(node, (ast.Assign, ast.AnnAssign)) and not owner:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [target.id for target in targets if isinstance(target, ast.Name)]
        end = node.end_lineno or node.lineno
        return [
            Symbol(name=name, kind="value", signature=name, start_line=node.lineno, end_line=end)
            for name in names
            if name.isupper()
        ]
    return []


def _symbol(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, owner: str, kind: str, lines: Sequence[str]
) -> Symbol:
    start = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    end = node.end_lineno or start
    return Symbol(name=f"{owner}{node.name}", kind=kind, signature=_head(node, lines), start_line=start, end_line=end)


def _head(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, lines: Sequence[str]) -> str:
    """The definition's head as it stands in the source: `ast.unparse` writes it differently from version to version."""
    body = node.body[0]
    if body.lineno == node.lineno:
        # Columns of the syntax tree count UTF-8 bytes.
        head = lines[node.lineno - 1].encode()[: body.col_offset].decode(errors="replace")
    else:
        start = min([body.lineno, *(item.lineno for item in getattr(body, "decorator_list", ()))])
        head = " ".join(line.split("  #")[0] for line in lines[node.lineno - 1 : max(node.lineno, start - 1)])
    return " ".join(head.split()).rstrip(": ").replace("( ", "(").replace(", )", ")")[:200]


def _matched(text: str, pattern: re.Pattern[str], lines: int) -> tuple[Symbol, ...]:
    """Definitions found line by line; each is taken to reach to the next one."""
    found: list[tuple[int, str, str, str]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        match = pattern.match(line[:300])
        if match:
            groups = match.groupdict()
            found.append((number, groups.get("name") or groups.get("value") or "", groups["kind"] or "function", line))
    ends = [*(start - 1 for start, *_ in found[1:]), lines][: len(found)]
    return tuple(
        Symbol(
            name=name, kind=kind, signature=line.strip().rstrip("{ ")[:200], start_line=start, end_line=max(start, end)
        )
        for (start, name, kind, line), end in zip(found, ends, strict=True)
    )


def _blocks(symbols: tuple[Symbol, ...], lines: int) -> tuple[Block, ...]:
    """The file cut at definitions, long stretches cut again; every line lies in exactly one block."""
    if not lines:
        return ()
    starts = {1: ""}
    cutting = [symbol for symbol in symbols if symbol.kind != "value"]
    heads = {symbol.start_line for symbol in cutting}
    for symbol in cutting:
        starts[symbol.start_line] = symbol.name
        # What follows a definition belongs to nobody until the next one starts; a short gap stays with it.
        if not heads & set(range(symbol.end_line + 1, symbol.end_line + 4)):
            starts.setdefault(symbol.end_line + 1, "")
    places = sorted(place for place in starts if place <= lines)
    blocks = []
    for place, following in zip(places, [*places[1:], lines + 1], strict=True):
        for start in range(place, following, _BLOCK_LINES):
            blocks.append(
                Block(start_line=start, end_line=min(start + _BLOCK_LINES, following) - 1, name=starts[place])
            )
    return tuple(blocks)
