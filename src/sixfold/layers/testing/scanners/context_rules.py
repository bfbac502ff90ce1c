"""Rules that need the function around a line: what the code is for decides whether it is weak."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.call_rules import PASSWORD, Problem
from sixfold.layers.testing.scanners.query_rules import built_queries
from sixfold.layers.testing.scanners.taint import Function, dotted, last_name
from sixfold.layers.testing.scanners.trees import nodes

SENSITIVE = re.compile(
    r"(?i)certif|signature|passw|passphrase|token|secret|credential|verif|authent|session|otp\b|nonce"
)
UNGUESSABLE = re.compile(r"(?i)token|passw|secret|otp\b|session|salt|nonce|api_?key|csrf|reset|invit|verification")
RANDOM = re.compile(
    r"(^|\.)random\.(choice|choices|randint|randrange|random|sample|getrandbits|randbytes|uniform|shuffle)$"
)
HASH = re.compile(r"^(hashlib\.)?(md5|sha1|sha(224|256|384|512))$")
DOMAIN = re.compile(r"(?i)^(?:\w+://)?[\w.-]*\.(com|org|net|io|dev|edu|gov|test|example|local)(/|:\d+)?$")
LOOSE_DOT = re.compile(r"(?i)(?<!\\)[\w)\]](?<!\\)\.(?:[a-z0-9-]+(?:\\?\.))*(?:com|org|net|io|edu|gov)\b")
ADDRESS = re.compile(r"(?i)url|uri|link|address|redirect|referr?er|origin")
HOST = re.compile(r"(?i)host|domain|netloc")
HTML_FILTER = re.compile(r"(?i)<\\?/?\(?(script|iframe|style|[\w|]*script)")
PATTERNS = ("compile", "match", "fullmatch", "search", "findall", "sub", "subn", "split", "finditer")
TAG = re.compile(r"<[a-zA-Z][^<]*>")
RAW_VALUE = re.compile(r"\{\{(?![^}]*\|\s*(?:e|escape|tojson|urlencode|int|float|length)\b)")
"""A value of a jinja2 template that no filter escapes."""
NARROWING = (*PATTERNS, "startswith", "issubclass", "isinstance")


def contextual(tree: ast.Module, text: str) -> Iterator[Problem]:
    """Problems of one module."""
    constants = _constants(tree)
    html = "html" in text.lower()
    for node in nodes(tree):
        if isinstance(node, ast.Call):
            yield from _keys(node)
            yield from _fixed_bytes(node, constants)
            yield from _addresses(node)
            yield from _patterns(node, tree)
            if "jinja2" in text and last_name(node.func) == "Template":
                yield from _plain_template(node, tree)
            if html and last_name(node.func) == "Environment" and "jinja2" in text and not _has(node, "autoescape"):
                yield Problem(
                    node, "no-autoescape", "CWE-79", "pages are rendered without escaping; pass autoescape=True"
                )
        elif isinstance(node, ast.Assign):
            yield from _trusting(node)
        elif isinstance(node, ast.ClassDef):
            yield from _unpickler(node)
        elif isinstance(node, Function):
            yield from _by_purpose(node)
            yield from _chosen_code(node)
    yield from built_queries(tree)


def _constants(tree: ast.Module) -> set[str]:
    return {
        target.id
        for node in nodes(tree)
        if isinstance(node, ast.Assign) and _is_fixed(node.value, set())
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _has(call: ast.Call, name: str) -> bool:
    return any(keyword.arg == name for keyword in call.keywords)


def _argument(call: ast.Call, place: int, name: str) -> ast.expr | None:
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return named if named is not None else call.args[place] if len(call.args) > place else None


def _is_fixed(node: ast.expr | None, constants: set[str]) -> bool:
    if isinstance(node, ast.Constant):
        return isinstance(node.value, (str, bytes)) and bool(node.value)
    if isinstance(node, ast.Name):
        return node.id in constants
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in ("encode", "fromhex"):
        return _is_fixed(node.func.value, constants) or bool(node.args and _is_fixed(node.args[0], constants))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return isinstance(node.left, ast.Constant) and isinstance(node.right, ast.Constant)
    return (
        isinstance(node, ast.Call)
        and last_name(node.func) == "bytes"
        and all(isinstance(part, ast.Constant) for part in node.args)
    )


def _keys(call: ast.Call) -> Iterator[Problem]:
    """RSA, DSA and DH keys below 2,048 bits (NIST SP 800-131A)."""
    if not re.search(
        r"(?i)(^|\.)(rsa|dsa|dh)\.(generate\w*|newkeys)$|(^|\.)(RSA|DSA)\.(generate|construct)$", dotted(call.func)
    ):
        return
    sizes = [keyword.value for keyword in call.keywords if keyword.arg in ("key_size", "bits", "nbits")] or call.args
    for size in sizes:
        if isinstance(size, ast.Constant) and isinstance(size.value, int) and 0 < size.value < 2048:
            yield Problem(call, "short-key", "CWE-326", f"a key of {size.value} bits can be broken; use 3072")


def _fixed_bytes(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    """Initialisation vectors that never change."""
    name, verb = dotted(call.func), last_name(call.func)
    if re.search(r"(^|\.)modes\.(CBC|CTR|CFB|OFB|GCM|CFB8)$|^(CBC|CTR|CFB|OFB|GCM)$", name):
        if _is_fixed(_argument(call, 0, "initialization_vector"), constants):
            yield Problem(
                call, "constant-iv", "CWE-329", "the initialisation vector never changes; draw one per message"
            )
    elif re.search(r"(^|\.)(AES|DES3?|Blowfish|ChaCha20\w*)\.new$", name):
        given = [_argument(call, 2, "iv"), _argument(call, 9, "nonce"), _argument(call, 9, "initial_value")]
        if any(_is_fixed(one, constants) for one in given):
            yield Problem(
                call, "constant-iv", "CWE-329", "the initialisation vector never changes; draw one per message"
            )
    elif verb == "encrypt" and call.args and _is_fixed(call.args[0], constants) and len(call.args) > 2:
        yield Problem(call, "constant-iv", "CWE-329", "the nonce never changes; draw one per message")


def _addresses(call: ast.Call) -> Iterator[Problem]:
    """Addresses judged by how their text begins or ends."""
    if not isinstance(call.func, ast.Attribute) or call.func.attr not in ("endswith", "startswith") or not call.args:
        return
    owner = ast.unparse(call.func.value)
    parts = call.args[0].elts if isinstance(call.args[0], ast.Tuple) else [call.args[0]]
    for part in parts:
        if not (isinstance(part, ast.Constant) and isinstance(part.value, str) and DOMAIN.match(part.value)):
            continue
        text, loose = part.value, False
        if call.func.attr == "endswith":
            loose = bool(ADDRESS.search(owner)) and not HOST.search(owner)
            loose = loose or (bool(HOST.search(owner)) and not text.startswith((".", "@")))
        elif ADDRESS.search(owner) or HOST.search(owner):
            loose = "://" in text and not text.endswith("/")
        if loose:
            yield Problem(
                call,
                "loose-address-check",
                "CWE-20",
                f"a foreign address passes for {text}; compare the parsed host name",
            )


def _patterns(call: ast.Call, tree: ast.Module) -> Iterator[Problem]:
    """Patterns that let too much through: any character for a dot, markup filtered by a pattern."""
    name = dotted(call.func)
    if not re.match(r"(re|regex)\.\w+$", name) or last_name(call.func) not in PATTERNS or not call.args:
        return
    given = call.args[0]
    if isinstance(given, ast.Constant) and isinstance(given.value, str):
        if LOOSE_DOT.search(given.value):
            yield Problem(call, "unescaped-dot", "CWE-20", "a dot of a host name stands for any character; write \\.")
        if last_name(call.func) in ("sub", "subn") and HTML_FILTER.search(given.value):
            yield Problem(call, "markup-filter", "CWE-116", "markup cannot be filtered by a pattern; escape it")


def _trusting(node: ast.Assign) -> Iterator[Problem]:
    for target in node.targets:
        if not isinstance(target, ast.Attribute):
            continue
        value = ast.unparse(node.value)
        if (target.attr == "verify_mode" and value.endswith("CERT_NONE")) or (
            target.attr == "check_hostname" and value == "False"
        ):
            yield Problem(node, "no-certificate-check", "CWE-295", "certificates are not verified")


def _unpickler(node: ast.ClassDef) -> Iterator[Problem]:
    bases = [last_name(base) for base in node.bases]
    guarded = any(isinstance(part, Function) and part.name == "find_class" for part in node.body)
    if "Unpickler" in bases and not guarded:
        yield Problem(
            node,
            "unsafe-deserialisation",
            "CWE-502",
            "an Unpickler without find_class runs code of whoever wrote the data",
        )


def _by_purpose(function: Function) -> Iterator[Problem]:
    """Weak hashes and guessable numbers where the function is about secrets."""
    about = (
        function.name + " " + " ".join(argument.arg for argument in (*function.args.args, *function.args.kwonlyargs))
    )
    for node in nodes(function):
        if not isinstance(node, ast.Call):
            continue
        name = dotted(node.func)
        if not HASH.match(name) and not RANDOM.search(name):
            continue
        plain = ast.unparse(node)
        safe = re.search(r"usedforsecurity\s*=\s*False", plain)
        if (
            re.fullmatch(r"(hashlib\.)?(md5|sha1)", name)
            and not safe
            and (SENSITIVE.search(about) or SENSITIVE.search(plain))
        ):
            yield Problem(node, "weak-hash", "CWE-328", f"{name} is broken for security; use hashlib.sha256 or scrypt")
        if re.fullmatch(r"(hashlib\.)?sha(224|256|384|512)", name) and PASSWORD.search(plain):
            yield Problem(
                node, "fast-password-hash", "CWE-916", f"{name} is too fast for passwords; use hashlib.scrypt"
            )
        if RANDOM.search(name) and UNGUESSABLE.search(function.name):
            yield Problem(node, "guessable-secret", "CWE-338", f"{name} can be predicted; use the secrets module")


def _plain_template(call: ast.Call, tree: ast.Module) -> Iterator[Problem]:
    """A page made by `jinja2.Template`, which escapes nothing unless it is told to."""
    given = call.args[0] if call.args else None
    if isinstance(given, ast.Name):
        bound = [
            node.value
            for node in nodes(tree)
            if isinstance(node, ast.Assign) and any(dotted(target) == given.id for target in node.targets)
        ]
        given = bound[0] if len(bound) == 1 else None
    text = given.value if isinstance(given, ast.Constant) and isinstance(given.value, str) else ""
    if not _has(call, "autoescape") and TAG.search(text) and RAW_VALUE.search(text):
        yield Problem(call, "no-autoescape", "CWE-79", "pages are rendered without escaping; pass autoescape=True")


def _chosen_code(function: Function) -> Iterator[Problem]:
    """A function of a module is called, and the caller names both of them."""
    body = nodes(function)
    calls = [node for node in body if isinstance(node, ast.Call)]
    loads = [
        call
        for call in calls
        if last_name(call.func) in ("import_module", "__import__")
        and call.args
        and not isinstance(call.args[0], ast.Constant)
    ]
    picked = {
        dotted(target)
        for node in body
        if isinstance(node, ast.Assign) and _is_picked(node.value)
        for target in node.targets
    }
    used = any(dotted(call.func) in picked or _is_picked(call.func) for call in calls)
    # A comparison with a list, a pattern, or a constant table in the function may be what narrows the choice.
    narrowed = any(
        (isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.In, ast.NotIn)))
        or (
            isinstance(node, ast.Call) and last_name(node.func) in (*PATTERNS, "startswith", "issubclass", "isinstance")
        )
        or (isinstance(node, ast.Name) and node.id.isupper())
        for node in body
    )
    if loads and used and not narrowed:
        told = "whoever names the module and the function calls any there is; look them up in a table of those meant"
        yield Problem(loads[0], "chosen-code", "CWE-470", told)


def _is_picked(node: ast.expr) -> bool:
    """`getattr` with a name that is not fixed."""
    return (
        isinstance(node, ast.Call)
        and dotted(node.func) == "getattr"
        and len(node.args) > 1
        and not isinstance(node.args[1], ast.Constant)
    )
