"""Rules on applications of web frameworks: guards that guard nothing, foreign origins, cookies, keys, traces."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.call_rules import Problem
from sixfold.layers.testing.scanners.taint import ROUTES, Function, Taint, dotted, last_name
from sixfold.layers.testing.scanners.trees import nodes

FRAMEWORK = re.compile(r"(?m)^\s*(from|import)\s+(flask|fastapi|starlette|quart)\b")
GUARD = re.compile(r"(?i)login|auth|requir|admin|staff|only|protect|permission|role|token|member|owner|guard|signed_in")
CREDENTIAL = re.compile(r"(?i)sess|token|auth|sid\b|jwt|remember|^user(_?id)?$|login")
KEY = re.compile(r"(?i)^(SECRET_KEY|secret_key|JWT_SECRET(_KEY)?|JWT_KEY)$")
ORIGIN, CREDENTIALS = "access-control-allow-origin", "access-control-allow-credentials"
OF_ERRORS = ("traceback.format_exc", "format_exc", "traceback.format_exception", "traceback.format_tb")
ANSWERS = ("jsonify", "make_response", "Response", "JSONResponse", "PlainTextResponse", "HTMLResponse", "abort")
CONFIGURED = {
    "SESSION_COOKIE_HTTPONLY": (False, "cookie-for-scripts", "CWE-1004", "scripts can read the session's cookie"),
    "SESSION_COOKIE_SECURE": (False, "cookie-in-the-clear", "CWE-614", "the session's cookie travels unencrypted"),
    "WTF_CSRF_ENABLED": (False, "no-request-token", "CWE-352", "forms of other sites are accepted"),
    "DEBUG": (True, "debug-server", "CWE-489", "the debugger of the web server lets visitors run code"),
    "PROPAGATE_EXCEPTIONS": (True, "errors-told", "CWE-209", "visitors see traces of errors"),
}
"""Settings of an application, and the value that is wrong."""


def framework_rules(tree: ast.Module, text: str) -> Iterator[Problem]:
    """Problems of one module that uses a web framework; none of others."""
    if not FRAMEWORK.search(text):
        return
    others = {one.name: one for one in tree.body if isinstance(one, Function)}
    for node in nodes(tree):
        if isinstance(node, Function):
            yield from _guarded(node)
            yield from _foreign_origins(node, others)
            yield from _traces(node)
        elif isinstance(node, ast.Assign):
            for target in node.targets:
                yield from _setting(_named(target), node.value, node)
                if ast.unparse(target).endswith("jinja_env.autoescape") and _is(node.value, False):
                    yield Problem(node, "no-autoescape", "CWE-79", "pages are rendered without escaping")
        elif isinstance(node, ast.Call):
            yield from _cookie(node)
            yield from _any_origin(node)
            yield from _tokens(node)
            if last_name(node.func) in ("update", "from_mapping") and "config" in dotted(node.func):
                for keyword in node.keywords:
                    yield from _setting(keyword.arg or "", keyword.value, node)


def _is(node: ast.AST | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((one.value for one in call.keywords if one.arg == name), None)


def _named(target: ast.expr) -> str:
    """`X` of `app.config["X"]`, `secret_key` of `app.secret_key`, `DEBUG` of `app.debug`."""
    if isinstance(target, ast.Subscript) and "config" in dotted(target.value):
        return str(target.slice.value) if isinstance(target.slice, ast.Constant) else ""
    if isinstance(target, ast.Attribute):
        return "DEBUG" if target.attr == "debug" else target.attr if target.attr == "secret_key" else ""
    return ""


def _guarded(function: Function) -> Iterator[Problem]:
    """A guard above the route is put around the function after the framework has taken it."""
    before: ast.expr | None = None
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        routes = isinstance(decorator, ast.Call) and isinstance(called, ast.Attribute) and called.attr in ROUTES
        if routes and before is not None and isinstance(called, ast.Attribute) and called.attr != "command":
            told = f"{last_name(before)} stands above the route, so the route is open: it must stand below"
            yield Problem(function, "guard-without-effect", "CWE-862", told)
            return
        if not routes and GUARD.search(last_name(called)) and isinstance(called, ast.Name):
            before = called


def _foreign_origins(function: Function, others: dict[str, Function]) -> Iterator[Problem]:
    """The origin that asks is allowed, whoever it is, together with its cookies."""
    pairs = {name: (node, value) for node, name, value in _headers(function)}
    node, origin = pairs.get(ORIGIN, (None, None))
    allowed = pairs.get(CREDENTIALS)
    if node is None or origin is None:
        return
    taint = Taint(function, handler=False, others=others)
    anybody = (origin in taint and not taint.checked(origin)) or (
        isinstance(origin, ast.Constant) and origin.value == "*"
    )
    with_cookies = allowed is not None and "true" in ast.unparse(allowed[1]).lower()
    if anybody and with_cookies:
        yield Problem(node, "any-origin", "CWE-942", "pages of every site may read what a visitor's cookies open")


def _headers(function: Function) -> Iterator[tuple[ast.AST, str, ast.expr]]:
    for node in nodes(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Subscript) and isinstance(target.slice, ast.Constant):
                    yield node, str(target.slice.value).lower(), node.value
        elif (
            isinstance(node, ast.Call) and last_name(node.func) in ("add", "set", "setdefault") and len(node.args) == 2
        ):
            if isinstance(node.args[0], ast.Constant):
                yield node, str(node.args[0].value).lower(), node.args[1]
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield node, key.value.lower(), value


def _any_origin(call: ast.Call) -> Iterator[Problem]:
    """`CORS(app, supports_credentials=True)`, `add_middleware(CORSMiddleware, allow_origins=["*"], …)`."""
    flask = last_name(call.func) == "CORS" and _is(_keyword(call, "supports_credentials"), True)
    fast = _is(_keyword(call, "allow_credentials"), True)
    if not flask and not fast:
        return
    origins = _keyword(call, "origins") if flask else _keyword(call, "allow_origins")
    pattern = _keyword(call, "allow_origin_regex")
    words = [one.value for one in ast.walk(origins) if isinstance(one, ast.Constant)] if origins is not None else ["*"]
    every = ("*" in words and not (fast and origins is None)) or (
        isinstance(pattern, ast.Constant) and pattern.value in (".*", "https?://.*", "^.*$")
    )
    if every or ".*" in words:
        yield Problem(call, "any-origin", "CWE-942", "pages of every site may read what a visitor's cookies open")


def _cookie(call: ast.Call) -> Iterator[Problem]:
    """A cookie that says who somebody is."""
    if last_name(call.func) != "set_cookie":
        return
    named = _keyword(call, "key") or (call.args[0] if call.args else None)
    name = str(named.value) if isinstance(named, ast.Constant) else ast.unparse(named) if named is not None else ""
    if not CREDENTIAL.search(name) or any(one.arg is None for one in call.keywords):
        return
    if _keyword(call, "httponly") is None or _is_false(call, "httponly"):
        yield Problem(call, "cookie-for-scripts", "CWE-1004", f"scripts can read the cookie {name}; pass httponly=True")
    if _keyword(call, "secure") is None or _is_false(call, "secure"):
        told = f"the cookie {name} travels unencrypted; pass secure=True"
        yield Problem(call, "cookie-in-the-clear", "CWE-614", told, _is_false(call, "secure"))


def _is_false(call: ast.Call, name: str) -> bool:
    return _is(_keyword(call, name), False)


def _setting(name: str, value: ast.expr, node: ast.AST) -> Iterator[Problem]:
    wrong = CONFIGURED.get(name)
    if wrong is not None and _is(value, wrong[0]):
        yield Problem(node, wrong[1], wrong[2], wrong[3])
    if KEY.match(name) and _literal(value):
        told = "whoever reads the source can sign sessions; take the key from outside"
        yield Problem(node, "hard-coded-key", "CWE-798", told)


def _literal(node: ast.expr) -> bool:
    """A fixed text, or one that stands in where nothing is configured."""
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (str, bytes)) and bool(node.value)
    if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
        return _literal(node.values[-1])
    return (
        isinstance(node, ast.Call)
        and re.search(r"(environ\.get|getenv)$", dotted(node.func)) is not None
        and len(node.args) > 1
        and _literal(node.args[1])
    )


def _traces(function: Function) -> Iterator[Problem]:
    """The trace of an error becomes part of an answer."""
    calls = [node for node in nodes(function) if isinstance(node, ast.Call)]
    held = {
        target.id
        for node in nodes(function)
        if isinstance(node, ast.Assign) and any(_is_trace(one) for one in ast.walk(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    answers: list[ast.AST] = [node for node in nodes(function) if isinstance(node, ast.Return) and node.value]
    for answer in [*answers, *(call for call in calls if last_name(call.func) in ANSWERS)]:
        for part in ast.walk(answer):
            if _is_trace(part) or (isinstance(part, ast.Name) and part.id in held):
                yield Problem(answer, "errors-told", "CWE-209", "the answer holds the trace of an error")
                return


def _is_trace(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and dotted(node.func) in OF_ERRORS


def _tokens(call: ast.Call) -> Iterator[Problem]:
    """Tokens signed with a text of the source, or good for ever."""
    if dotted(call.func) not in ("jwt.encode", "jwt.decode"):
        return
    if len(call.args) > 1 and _literal(call.args[1]):
        yield Problem(call, "hard-coded-key", "CWE-798", "whoever reads the source can sign tokens")
    options = _keyword(call, "options")
    if options is not None and re.search(r"verify_exp['\"]: False", ast.unparse(options)):
        yield Problem(call, "endless-token", "CWE-613", "tokens that have ended are still accepted", False)
