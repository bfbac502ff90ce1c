"""Powers that code uses: starting programs, going out to the network, reading what is private to the person."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Literal, NamedTuple

from sixfold.layers.testing.scanners.taint import dotted
from sixfold.layers.testing.scanners.trees import nodes

Power = Literal["process", "network", "private"]

_CALLS: Mapping[Power, re.Pattern[str]] = {
    "process": re.compile(
        r"^(os\.(system|popen|exec\w+|spawn\w+|posix_spawn\w*|startfile)|subprocess\.\w+|pty\.spawn|commands\.\w+|"
        r"asyncio\.(subprocess\.)?create_subprocess_\w+|sh\.\w+|runpy\.\w+|ctypes\.(CDLL|cdll\.LoadLibrary))$"
    ),
    "network": re.compile(
        r"^(urllib\.request\.\w+|urllib3\.\w+|requests\.\w+|httpx\.\w+|aiohttp\.\w+|http\.client\.HTTPS?Connection|"
        r"socket\.(create_connection|gethostbyname\w*|getaddrinfo)|(smtplib|ftplib|telnetlib|poplib|imaplib|nntplib)\.\w+|"
        r"xmlrpc\.client\.\w+|asyncio\.open_connection|websockets?\.connect|paramiko\.\w+|webbrowser\.open\w*)$"
    ),
}
_HARMLESS = re.compile(
    r"\.(PIPE|DEVNULL|STDOUT|CompletedProcess|CalledProcessError|TimeoutExpired|SubprocessError|Request|HTTPError|"
    r"list2cmdline|ProxyHandler|HTTPException|ConnectError|Timeout|\w*Error|\w*Exception|gaierror)$"
)
_PRIVATE = re.compile(
    r"(^|[/~\\])\.(ssh|aws|gnupg|kube|docker|netrc|npmrc|pypirc|git-credentials|bash_history|zsh_history)\b|\bid_(rsa|ed25519|ecdsa)\b|"
    r"^/etc/(shadow|passwd|sudoers)|^/proc/(self|1)/environ"
)
_LOOPBACK = re.compile(r"^(https?|ws)://(127\.\d+\.\d+\.\d+|localhost|\[::1\])([:/]|$)|^(127\.0\.0\.1|localhost|::1)$")
_ADDRESS = re.compile(r"\b(?:https?|ftp|wss?|ssh|tcp|smtp)://[^\s'\"<>`)]+")


class Use(NamedTuple):
    """One place where a power is used."""

    power: Power
    line: int
    name: str
    """The function called, or the path read."""
    literals: tuple[str, ...]
    """Constant texts that say what is started or whom it talks to."""
    on_import: bool
    """It happens as soon as somebody imports the module."""


def uses(tree: ast.Module) -> Iterator[Use]:
    """Every use of a power in a module, in order of lines."""
    names = _imported(tree)
    constants = _constants(tree)
    found: list[Use] = []
    for node, on_import in _walk(tree.body, on_import=True):
        if isinstance(node, ast.Call):
            name = _full(dotted(node.func), names)
            literals = tuple(_texts(node, constants))
            for power, pattern in _CALLS.items():
                if pattern.search(name) and not _HARMLESS.search(name) and not _local(power, literals):
                    found.append(Use(power, node.lineno, name, literals, on_import))
            if name in ("dict", "str", "repr", "json.dumps") and node.args and _is_environment(node.args[0], names):
                found.append(Use("private", node.lineno, "the whole environment", (), on_import))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and _PRIVATE.search(node.value):
            found.append(Use("private", node.lineno, node.value, (node.value,), on_import))
    yield from sorted(set(found), key=lambda use: (use.line, use.name))


def addresses(text: str) -> tuple[str, ...]:
    """Addresses of other machines in a text, each once."""
    return tuple(dict.fromkeys(found for found in _ADDRESS.findall(text) if not _LOOPBACK.search(found)))


def _walk(body: list[ast.stmt], *, on_import: bool) -> Iterator[tuple[ast.AST, bool]]:
    """All nodes, and whether they run on import; what stands under `__name__ == "__main__"` does not."""
    for statement in body:
        inner = on_import and not _guards_main(statement)
        stack: list[tuple[ast.AST, bool]] = [(statement, inner)]
        while stack:
            node, now = stack.pop()
            yield node, now
            later = now and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
            stack.extend((child, later) for child in ast.iter_child_nodes(node))


def _guards_main(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test) and "__main__" in ast.unparse(node.test)


def _imported(tree: ast.Module) -> dict[str, str]:
    """What each imported name really is."""
    names: dict[str, str] = {}
    for node in nodes(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def _full(name: str, names: Mapping[str, str]) -> str:
    head, dot, rest = name.partition(".")
    return names.get(head, head) + dot + rest


def _constants(tree: ast.Module) -> dict[str, str]:
    return {
        target.id: node.value.value
        for node in nodes(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _texts(call: ast.Call, constants: Mapping[str, str]) -> Iterator[str]:
    """Constant texts among the arguments; concatenations of constants are put together."""
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        for node in nodes(argument):
            text = _folded(node, constants)
            if text:
                yield text


def _folded(node: ast.AST, constants: Mapping[str, str]) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.Name):
        return constants.get(node.id, "")
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _folded(node.left, constants) + _folded(node.right, constants)
    if isinstance(node, ast.JoinedStr):
        return "".join(_folded(part, constants) for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return _folded(node.value, constants)
    return ""


def _is_environment(node: ast.expr, names: Mapping[str, str]) -> bool:
    whole = node.func if isinstance(node, ast.Call) else node
    inner = whole.value if isinstance(whole, ast.Attribute) and whole.attr in ("copy", "items") else whole
    if isinstance(node, ast.Call) and node.args and not isinstance(whole, ast.Attribute):
        return _is_environment(node.args[0], names)
    return _full(dotted(inner), names) == "os.environ"


def _local(power: Power, literals: tuple[str, ...]) -> bool:
    return power == "network" and any(_LOOPBACK.search(text) for text in literals)
