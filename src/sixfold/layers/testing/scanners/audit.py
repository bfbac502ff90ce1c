"""Our own rules for Python where blocking needs context that line-based rules lack: constants, request data, guards."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.layers.testing.scanners.files import checked_out, chosen, in_order, is_test, line_of
from sixfold.layers.testing.scanners.taint import Taint, functions, last_name

PASSWORD = re.compile(r"(?i)passw|passphrase|pwd|credential")
SECRET_NAME = re.compile(
    r"(?i)(^|_)(password|passwd|passphrase|pwd|secret|secret_key|api_?key|auth_?token|access_token)$"
)
NOT_A_SECRET = re.compile(
    r"(?i)^(|.{1,3}|[a-z]+([_ .:-][a-z]+)+[?:]?|.*[<{%$].*|.*\s.*|none|null|true|false|password|string)$"
)


class Problem(NamedTuple):
    """One hit, before it knows its file."""

    node: ast.AST
    rule: str
    cwe: str
    message: str
    severe: bool = True


class Audit:
    """Context-aware rules; quick enough for the coder's loop."""

    name = "audit"

    def __init__(self, repository: Repository) -> None:
        self._repository = repository

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings in Python files."""
        with checked_out(self._repository, tree) as folder:
            return in_order(
                finding
                for path in chosen(folder, paths, ".py")
                for finding in audit(path, (folder / path).read_bytes())
            )


def audit(path: str, content: bytes) -> Iterator[Finding]:
    """Findings in one Python file; a file that does not parse gives none (the tests say so)."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return
    text = content.decode(errors="replace")
    for problem in _problems(tree):
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


def _problems(tree: ast.Module) -> Iterator[Problem]:
    constants = _constants(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for rule in CALL_RULES:
                yield from rule(node, constants)
        yield from _credentials(node)
    for function, handler in functions(tree):
        taint = Taint(function, handler=handler)
        yield from _sql(function)
        for part in taint.body:
            if isinstance(part, ast.Call):
                yield from _tainted_call(part, taint)
            elif (
                isinstance(part, ast.Return)
                and isinstance(part.value, (ast.JoinedStr, ast.BinOp))
                and part.value in taint
            ) and "<" in ast.unparse(part.value):
                yield Problem(part, "cross-site-scripting", "CWE-79", "request data goes into HTML unescaped")
    yield from _sql(tree)


def _constants(tree: ast.Module) -> set[str]:
    """Module-level names bound to literals only."""
    return {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and _is_literal(node.value, set())
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _is_literal(node: ast.AST | None, constants: set[str]) -> bool:
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return all(_is_literal(part, constants) for part in node.elts)
    return node is None or isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in constants)


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _is(node: ast.AST | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _shell(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    name = ast.unparse(call.func)
    command = call.args[0] if call.args else _keyword(call, "args")
    through_shell = _is(_keyword(call, "shell"), True) or name in (
        "os.system",
        "os.popen",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "asyncio.create_subprocess_shell",
        "commands.getoutput",
    )
    if through_shell and not _is_literal(command, constants):
        yield Problem(call, "shell-injection", "CWE-78", "a command that is not constant goes through a shell")


def _code(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    if isinstance(call.func, ast.Name) and call.func.id in ("eval", "exec") and call.args:
        if not _is_literal(call.args[0], constants):
            yield Problem(call, "code-injection", "CWE-95", f"{call.func.id} runs code that is not constant")


def _deserialise(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    owner, _, verb = ast.unparse(call.func).rpartition(".")
    module = owner.rsplit(".", 1)[-1]
    if module in ("pickle", "cPickle", "_pickle", "dill", "marshal", "cloudpickle") and verb in (
        "load",
        "loads",
        "Unpickler",
    ):
        yield Problem(
            call, "unsafe-deserialisation", "CWE-502", f"{module}.{verb} can run code of whoever wrote the data"
        )
    elif (module, verb) in (("jsonpickle", "decode"), ("shelve", "open"), ("joblib", "load")):
        severe = module == "jsonpickle"
        yield Problem(call, "unsafe-deserialisation", "CWE-502", f"{module}.{verb} can run code of its data", severe)
    elif module == "yaml" and verb in ("load", "load_all", "unsafe_load", "full_load"):
        loader = _keyword(call, "Loader") or (call.args[1] if len(call.args) > 1 else None)
        if loader is None or "Safe" not in ast.unparse(loader):
            yield Problem(
                call, "unsafe-deserialisation", "CWE-502", f"yaml.{verb} builds any object; use yaml.safe_load"
            )


def _crypto(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    name = ast.unparse(call.func)
    if re.fullmatch(r"(hashlib\.)?(md5|sha1)|MD5\.new|SHA\.new", name) or (
        name == "hashlib.new" and call.args and ast.unparse(call.args[0]).strip("'\"").lower() in ("md5", "sha1")
    ):
        if not _is(_keyword(call, "usedforsecurity"), False):
            severe = bool(PASSWORD.search(ast.unparse(call)))
            yield Problem(call, "weak-hash", "CWE-328", f"{name} is broken for security; use hashlib.scrypt", severe)
    elif re.fullmatch(r"(hashlib\.)?sha(224|256|384|512)", name) and PASSWORD.search(ast.unparse(call)):
        yield Problem(
            call, "fast-password-hash", "CWE-916", f"{name} is too fast for passwords; use hashlib.scrypt", False
        )
    elif re.search(r"(^|\.)(DES3?|ARC4|RC4|Blowfish|ARC2)\.new$|modes\.ECB$", name):
        yield Problem(call, "weak-cipher", "CWE-327", f"{name} is a broken cipher")
    elif name.endswith("AES.new") and any("MODE_ECB" in ast.unparse(part) for part in call.args):
        yield Problem(call, "weak-cipher", "CWE-327", "AES in ECB mode shows patterns of the plain text")


def _trust(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    name = ast.unparse(call.func)
    if _is(_keyword(call, "verify"), False) and not name.endswith("decode"):
        yield Problem(call, "no-certificate-check", "CWE-295", "certificates are not verified")
    if name.endswith("_create_unverified_context"):
        yield Problem(call, "no-certificate-check", "CWE-295", "certificates are not verified")
    if name == "jwt.decode":
        options = _keyword(call, "options")
        off = options is not None and re.search(r"verify_signature['\"]: False", ast.unparse(options))
        algorithms = _keyword(call, "algorithms")
        none = algorithms is not None and "none" in ast.unparse(algorithms).lower()
        if off or none or _is(_keyword(call, "verify"), False):
            yield Problem(call, "unverified-token", "CWE-347", "the token's signature is not verified")
    if last_name(call.func) == "run" and _is(_keyword(call, "debug"), True):
        yield Problem(call, "debug-server", "CWE-489", "the debugger of the web server lets visitors run code")


def _files(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    name = ast.unparse(call.func)
    if name in ("tempfile.mktemp", "mktemp"):
        yield Problem(call, "race-prone-temporary", "CWE-377", "mktemp names a file others can create first")
    elif last_name(call.func) == "extractall" and _keyword(call, "filter") is None and "zip" not in name.lower():
        yield Problem(
            call, "archive-extraction", "CWE-22", 'extractall without filter="data" writes outside its folder', False
        )
    elif name == "os.chmod" and len(call.args) > 1 and isinstance(call.args[1], ast.Constant):
        mode = call.args[1].value
        if isinstance(mode, int) and mode & 0o002:
            yield Problem(call, "world-writable", "CWE-732", "everybody may write this file")


CALL_RULES: tuple[Callable[[ast.Call, set[str]], Iterator[Problem]], ...] = (
    _shell,
    _code,
    _deserialise,
    _crypto,
    _trust,
    _files,
)


def _tainted_call(call: ast.Call, taint: Taint) -> Iterator[Problem]:
    name, verb = ast.unparse(call.func), last_name(call.func)
    first = (
        call.args[0]
        if call.args
        else next((k.value for k in call.keywords if k.arg in ("url", "filename", "path")), None)
    )
    every = [*call.args, *(keyword.value for keyword in call.keywords)]
    tainted = first is not None and first in taint
    guarded = first is not None and taint.checked(first)
    opens = name in (
        "open",
        "io.open",
        "send_file",
        "os.remove",
        "os.unlink",
        "os.listdir",
        "shutil.rmtree",
        "FileResponse",
    )
    if (opens and tainted and not guarded) or (
        verb in ("save", "move") and any(_path_from(part, taint) for part in every)
    ):
        yield Problem(
            call, "path-traversal", "CWE-22", "a path from a request is used without keeping it inside a folder"
        )
    elif (
        verb in ("read_text", "read_bytes", "write_text", "write_bytes", "unlink", "open")
        and isinstance(call.func, ast.Attribute)
        and call.func.value in taint
        and not taint.checked(call.func.value)
        and verb != "open"
    ):
        yield Problem(call, "path-traversal", "CWE-22", "a path from a request is used without containment")
    if (
        re.match(
            r"(requests|httpx|urllib\.request|session|client)\.(get|post|put|head|request|urlopen|delete)$|urlopen$",
            name,
        )
        and tainted
        and not guarded
    ):
        yield Problem(call, "request-forgery", "CWE-918", "an address from a request is fetched unchecked")
    if verb in ("render_template_string", "from_string", "Template", "Markup") and tainted:
        cwe = "CWE-79" if verb == "Markup" else "CWE-1336"
        yield Problem(call, "template-injection", cwe, "request data becomes part of a template")
    if verb in ("make_response", "HttpResponse", "HTMLResponse") and tainted and "<" in ast.unparse(call):
        yield Problem(call, "cross-site-scripting", "CWE-79", "request data goes into HTML unescaped")
    if verb in ("redirect", "RedirectResponse", "HttpResponseRedirect") and tainted and not guarded:
        yield Problem(call, "open-redirect", "CWE-601", "the visitor decides where the answer redirects to", False)
    if verb in ("xpath", "XPath", "search_s", "search_ext_s") and any(part in taint for part in every):
        yield Problem(call, "query-injection", "CWE-643", "request data becomes part of a query")
    if (
        name in ("subprocess.run", "subprocess.Popen", "subprocess.call", "subprocess.check_output")
        and tainted
        and not guarded
    ):
        yield Problem(call, "command-from-request", "CWE-88", "request data becomes part of a command", False)
    if name in ("re.compile", "re.match", "re.search", "re.findall", "re.fullmatch") and tainted:
        yield Problem(call, "pattern-from-request", "CWE-1333", "a pattern from a request can run for ever", False)
    if re.match(r"(logging|logger|log|app\.logger|current_app\.logger)\.(info|warning|error|debug|critical)$", name):
        if any(part in taint for part in every):
            yield Problem(call, "log-injection", "CWE-117", "request data enters the log unescaped", False)
    if (
        verb in ("fromstring", "parse", "parseString", "XML")
        and re.search(r"etree|ElementTree|minidom|sax|ET\b", name)
        and tainted
    ):
        severe = "lxml" in name
        yield Problem(
            call, "xml-bomb", "CWE-776", "XML from a request is parsed without limits; use defusedxml", severe
        )


def _path_from(node: ast.AST, taint: Taint) -> bool:
    """A path made of a visitor's words, e.g. of an upload's `filename`."""
    named = any(isinstance(part, ast.Attribute) and part.attr == "filename" for part in ast.walk(node))
    return (
        (named or isinstance(node, (ast.Call, ast.BinOp, ast.JoinedStr, ast.Name)))
        and node in taint
        and not taint.checked(node)
    )


def _sql(scope: ast.AST) -> Iterator[Problem]:
    """Statements put together from text and handed to a database in the same scope."""
    built: dict[str, ast.AST] = {}
    own = list(_own_nodes(scope))
    for node in own:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            if _is_built_sql(node.value):
                built[node.targets[0].id] = node
            else:
                built.pop(node.targets[0].id, None)
    for node in own:
        if not (isinstance(node, ast.Call) and node.args):
            continue
        verb = last_name(node.func)
        if verb not in (
            "execute",
            "executemany",
            "executescript",
            "raw",
            "text",
            "read_sql",
            "read_sql_query",
            "fetch",
            "fetchrow",
        ):
            continue
        statement = node.args[0]
        if _is_built_sql(statement) or (isinstance(statement, ast.Name) and statement.id in built):
            yield Problem(node, "sql-injection", "CWE-89", "an SQL statement is put together from text; use parameters")


def _own_nodes(scope: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(scope):
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        yield child
        yield from _own_nodes(child)


def _is_built_sql(node: ast.AST) -> bool:
    parts: list[ast.AST] = []
    if isinstance(node, ast.JoinedStr):
        parts = [value.value for value in node.values if isinstance(value, ast.FormattedValue)]
    elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        parts = [part for part in _flat(node) if not isinstance(part, ast.Constant)]
    elif isinstance(node, ast.Call) and last_name(node.func) == "format" and isinstance(node.func, ast.Attribute):
        parts = [*node.args, *(keyword.value for keyword in node.keywords)]
    text = ast.unparse(node)
    if not re.search(
        r"(?is)\b(select\b.+\bfrom|insert\s+into|update\b.+\bset|delete\s+from|drop\s+table|where)\b", text
    ):
        return False
    return any(not _is_harmless(part) for part in parts)


def _flat(node: ast.AST) -> Iterator[ast.AST]:
    if isinstance(node, ast.BinOp):
        yield from _flat(node.left)
        yield from _flat(node.right)
    elif isinstance(node, (ast.Tuple, ast.Dict)):
        for child in ast.iter_child_nodes(node):
            yield from _flat(child)
    elif isinstance(node, ast.expr):
        yield node


def _is_harmless(node: ast.AST) -> bool:
    """Placeholders, constants by their name, and numbers."""
    text = ast.unparse(node)
    if isinstance(node, ast.Constant) or re.fullmatch(r"[\w.]*\b_?[A-Z][A-Z0-9_]*", text):
        return True
    joined = re.search(r"\.join\(", text) and re.search(r"['\"](\?|%s|:\w+)", text)
    repeated = re.search(r"['\"][?,% s]+['\"] \*|\* len\(", text)
    named = re.fullmatch(
        r"(placeholders?|marks|question_marks|where|conditions|clauses?|columns|assignments|sets|table|order)", text
    )
    return bool(joined or repeated or named or re.match(r"(int|len)\(", text))


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
        arguments = node.args.args[len(node.args.args) - len(node.args.defaults) :]
        pairs = [(argument.arg, value) for argument, value in zip(arguments, node.args.defaults, strict=True)]
    for name, value in pairs:
        if SECRET_NAME.search(name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
            if not NOT_A_SECRET.match(value.value):
                where = value if hasattr(value, "lineno") else node
                yield Problem(where, "hard-coded-credential", "CWE-798", f"{name} stands in the source")


def _subscript(node: ast.AST) -> str:
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return ""
