"""Our own rules for Python where blocking needs context that line-based rules lack: constants, request data, guards."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.layers.testing.scanners.call_rules import CALL_RULES, Problem, constants_of
from sixfold.layers.testing.scanners.checksum_rules import checksums
from sixfold.layers.testing.scanners.context_rules import contextual
from sixfold.layers.testing.scanners.files import FileRules, is_test, line_of
from sixfold.layers.testing.scanners.frame_rules import framework_rules
from sixfold.layers.testing.scanners.pattern_rules import endless_patterns
from sixfold.layers.testing.scanners.request_rules import tainted_call
from sixfold.layers.testing.scanners.secret_rules import secrets_kept
from sixfold.layers.testing.scanners.sql_rules import built_sql
from sixfold.layers.testing.scanners.taint import Function, Taint, functions, last_name
from sixfold.layers.testing.scanners.trees import module, nodes

SECRET_NAME = re.compile(
    r"(?i)(^|_)(password|passwd|passphrase|pwd|secret|secret_key|api_?key|auth_?token|access_token)$"
)
NOT_A_SECRET = re.compile(
    r"(?i)^(|.{1,3}|[a-z]+([_ .:-][a-z]+)+[?:]?|.*[<{%$].*|.*\s.*|none|null|true|false|password|string)$"
)


class Audit:
    """Context-aware rules; quick enough for the coder's loop."""

    name = "audit"

    def __init__(self, repository: Repository) -> None:
        self._files = FileRules(repository, audit, suffix=".py")

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings in Python files."""
        return self._files.scan(tree, paths)


def audit(path: str, content: bytes) -> Iterator[Finding]:
    """Findings in one Python file; a file that does not parse gives none (the tests say so)."""
    try:
        tree = module(content)
    except (SyntaxError, ValueError, RecursionError):
        return
    text = content.decode(errors="replace")
    for problem in _problems(tree, text):
        line = getattr(problem.node, "lineno", 0)
        yield Finding(
            tool="audit",
            rule=problem.rule,
            severity="note" if is_test(path) else "error" if problem.severe else "warning",
            message=problem.message,
            path=path,
            line=line,
            cwe=problem.cwe,
            evidence=line_of(text, line),
        )


def _problems(tree: ast.Module, text: str) -> Iterator[Problem]:
    yield from contextual(tree, text)
    yield from secrets_kept(tree, text)
    yield from checksums(tree, text)
    yield from endless_patterns(tree)
    yield from framework_rules(tree, text)
    constants = constants_of(tree)
    echoes = re.search(r"\bflask\b", text) is not None
    for node in nodes(tree):
        if isinstance(node, ast.Call):
            for rule in CALL_RULES:
                yield from rule(node, constants)
        yield from _credentials(node)
    speaks_sql = re.search(r"(?i)\b(select|insert|update|delete|drop|where)\b", text) is not None
    serves = re.search(r"request|\breq\b|RequestHandler|\.(route|get|post|put|delete|patch)\(", text) is not None
    others = {one.name: one for one in tree.body if isinstance(one, Function)}
    for function, handler in functions(tree) if speaks_sql or serves else ():
        if speaks_sql:
            yield from built_sql(function, constants)
        if not serves:
            continue
        taint = Taint(function, handler=handler, others=others)
        for part in taint.body:
            if isinstance(part, ast.Call):
                yield from tainted_call(part, taint, html=echoes)
            elif isinstance(part, ast.BinOp) and isinstance(part.op, (ast.Div, ast.FloorDiv, ast.Mod)):
                if _counted(part.right, taint) and not _is_tested(part.right, function):
                    yield Problem(part, "division-by-zero", "CWE-369", "a divisor from a request may be zero")
            elif (
                isinstance(part, ast.Return)
                and isinstance(part.value, (ast.JoinedStr, ast.BinOp))
                and part.value in taint
            ) and (echoes or "<" in ast.unparse(part.value)):
                # Flask sends a returned text as HTML unless told otherwise.
                yield Problem(part, "cross-site-scripting", "CWE-79", "request data goes into HTML unescaped")
    if speaks_sql:
        yield from built_sql(tree, constants)


def _counted(node: ast.AST, taint: Taint) -> bool:
    """True for a number that came from a request: harmless to a shell, not as a divisor."""
    names = {part.id for part in nodes(node) if isinstance(part, ast.Name)}
    for part in taint.body:
        if (
            isinstance(part, ast.Assign)
            and isinstance(part.value, ast.Call)
            and last_name(part.value.func) in ("int", "float")
        ):
            given = any(argument in taint for argument in part.value.args)
            if given and any(isinstance(target, ast.Name) and target.id in names for target in part.targets):
                return True
    return False


def _is_tested(node: ast.AST, function: ast.AST) -> bool:
    """True when a name of the expression stands in some condition of the function."""
    names = {part.id for part in nodes(node) if isinstance(part, ast.Name)}
    tests = [part.test for part in nodes(function) if isinstance(part, (ast.If, ast.IfExp, ast.While, ast.Assert))]
    caught = any("ZeroDivision" in ast.unparse(part) for part in nodes(function) if isinstance(part, ast.ExceptHandler))
    return caught or any(part.id in names for test in tests for part in nodes(test) if isinstance(part, ast.Name))


def _credentials(node: ast.AST) -> Iterator[Problem]:
    pairs: list[tuple[str, ast.AST | None]] = []
    if isinstance(node, ast.Assign):
        pairs = [(last_name(target) or _subscript(target), node.value) for target in node.targets]
    elif isinstance(node, ast.AnnAssign):
        pairs = [(last_name(node.target), node.value)]
    elif isinstance(node, ast.Call):
        pairs = [(keyword.arg or "", keyword.value) for keyword in node.keywords]
    elif isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
        pairs = [(last_name(node.left), node.comparators[0])]
    elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
        arguments = [*node.args.posonlyargs, *node.args.args]
        given = zip(reversed(arguments), reversed(node.args.defaults), strict=False)
        named = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
        pairs = [(argument.arg, value) for argument, value in (*given, *named)]
    for name, value in pairs:
        if not (isinstance(value, ast.Constant) and isinstance(value.value, str)):
            continue
        if SECRET_NAME.search(name) and not NOT_A_SECRET.match(value.value):
            yield Problem(value, "hard-coded-credential", "CWE-798", f"{name} stands in the source")


def _subscript(node: ast.AST) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return ""
