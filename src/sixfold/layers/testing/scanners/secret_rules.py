"""Rules on secrets that follow values through a module: keys, salts, nonces, passwords, comparisons."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from sixfold.layers.testing.scanners.call_rules import Problem
from sixfold.layers.testing.scanners.origins import Origins, parameters
from sixfold.layers.testing.scanners.taint import Function, dotted, last_name
from sixfold.layers.testing.scanners.trees import nodes, own_nodes

KEYED = {"hmac.new": 0, "hmac.digest": 0, "jwt.encode": 1, "jwt.decode": 1, "Fernet": 0, "AESGCM": 0, "AES.new": 0}
CIPHERS = re.compile(r"(^|\.)(AESGCM|ChaCha20Poly1305|AESCCM|AESSIV|AESOCB3)$")
MODES = re.compile(r"(^|\.)(CBC|CTR|CFB|OFB|GCM|CFB8)$")
DERIVES = {"pbkdf2_hmac": 2, "scrypt": 9, "PBKDF2HMAC": 9, "Scrypt": 9, "hashpw": 1, "hash_secret": 1, "PBKDF2": 1}
DIGESTS = re.compile(r"^(hashlib\.)?(md5|sha1|sha224|sha256|sha384|sha512|sha3_\d+|blake2[bs])$")
PASSWORD = re.compile(r"(?i)(^|_)(passw\w*|passphrase|pwd|passcode)(_|$)|^pw$|^(new|old)_?pw$")
SECRET = re.compile(
    r"(?i)(^|_)(token|secret|signature|sig|digest|hmac|mac|api_?key|access_?key|password|passcode|otp|checksum_key|tag"
    r"|expected_?(token|signature|sig|mac|digest|tag)?|csrf|seal|proof)(_?(hex|b64|value|hash|bytes))?$"
)
GUARDS = re.compile(r"(?i)\b(hmac|secrets|bearer|authorization|signature|x-[\w-]*(token|signature|key))\b")
MARKING = re.compile(r"(?i)(^|_)(kind|type|name|line|pos|text|id|count|len|index|version|class|style|color)$")
FEW_ROUNDS, FEW_COST = 50_000, 1 << 13
"""Below these a warning; at those that follow, an error."""
SERVES = re.compile(
    r"(?m)^\s*(?:from|import) (?:flask|fastapi|starlette|aiohttp|django|tornado|bottle|falcon|sanic|quart|wsgiref"
    r"|http\.server)\b"
    r"|def \w+\((?:self, )?(?:environ, start_response|method\b[^)]*\bpath\b|request\b)"
)
"""The module answers requests."""
PLAIN_DIGEST = re.compile(r"\b(sha\d+|sha3_\d+|blake2[bs])\(")
KEYED_DIGEST = re.compile(r"hmac|pbkdf2|scrypt|bcrypt|argon2|hashpw")
ROUNDS_LEAST, SCRYPT_LEAST = 1000, 512
NAMED_SALT = re.compile(r"(?i)salt|nonce|iv|vector|random|seed")


def secrets_kept(tree: ast.Module, text: str) -> Iterator[Problem]:
    """Problems of one module."""
    origins = Origins(tree)
    passwords = _passwords(tree, origins)
    guarded = GUARDS.search(text) is not None
    serves = SERVES.search(text) is not None
    for function in [*origins.functions.values(), None]:
        scope: ast.AST = function if function is not None else ast.Module(body=_loose(tree), type_ignores=[])
        for node in own_nodes(scope):
            if isinstance(node, ast.Call):
                yield from _key(node, function, origins)
                yield from _salt(node, function, origins, severe=not serves)
                yield from _nonce(node, function, origins)
                yield from _digest(node, function, passwords)
                yield from _collides(node, function, origins)
                yield from _temporary(node, function, origins)
            elif guarded and isinstance(node, ast.Compare):
                yield from _compared(node, origins, function)
    for node in nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _finding(node)


def _loose(tree: ast.Module) -> list[ast.stmt]:
    return [node for node in tree.body if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))]


def _argument(call: ast.Call, place: int, *names: str) -> ast.expr | None:
    named = next((one.value for one in call.keywords if one.arg in names), None)
    return named if named is not None else call.args[place] if len(call.args) > place else None


def _key(call: ast.Call, function: Function | None, origins: Origins) -> Iterator[Problem]:
    """A key that stands in the code, or that is fallen back to."""
    name = dotted(call.func)
    place = next((place for known, place in KEYED.items() if name == known or name.endswith("." + known)), None)
    if place is None:
        return
    given = _argument(call, place, "key", "secret")
    sources = origins.of(given, function)
    if "constant" in sources and not any(one.startswith("parameter:") or one == "random" for one in sources):
        told = "a key stands in the source; take it from the environment and refuse to start without it"
        yield Problem(call, "constant-key", "CWE-798", told)


def _salt(call: ast.Call, function: Function | None, origins: Origins, *, severe: bool) -> Iterator[Problem]:
    """Salts that are the same for everybody, or follow from the name; rounds that cost nothing.

    Each guess still costs what the function costs: in a whole service, one of many decisions that a reviewer is shown;
    it blocks where to keep passwords is what the module is for.
    """
    verb = last_name(call.func)
    if verb not in DERIVES:
        return
    given = origins.of(_argument(call, DERIVES[verb], "salt"), function)
    for sources in origins.handed(given, function):
        for problem in _salted(call, sources):
            yield problem._replace(severe=problem.severe and severe)
    rounds = _argument(call, {"pbkdf2_hmac": 3, "PBKDF2": 3}.get(verb, 9), "iterations", "rounds", "count", "n")
    least = FEW_COST if verb.lower() == "scrypt" else FEW_ROUNDS
    number = _number(rounds, function, origins)
    if number is not None and number < least and verb not in ("hashpw", "hash_secret"):
        quick = number <= (SCRYPT_LEAST if verb.lower() == "scrypt" else ROUNDS_LEAST)
        yield Problem(call, "few-rounds", "CWE-916", f"{number} rounds are guessed through quickly", quick and severe)


def _salted(call: ast.Call, sources: set[str]) -> Iterator[Problem]:
    named = {one.removeprefix("parameter:") for one in sources if one.startswith("parameter:")}
    if sources and sources <= {"constant"}:
        told = "every password gets the same salt; draw one with os.urandom"
        yield Problem(call, "constant-salt", "CWE-760", told)
    elif named and not sources & {"random", "unknown"} and not any(map(NAMED_SALT.search, named)):
        told = "the salt follows from what others know; draw one with os.urandom"
        severe = any(re.search(r"(?i)user|name|mail|login|account|member", one) for one in named)
        yield Problem(call, "derived-salt", "CWE-760", told, severe)


def _number(node: ast.expr | None, function: Function | None, origins: Origins) -> int | None:
    if isinstance(node, ast.Constant) and type(node.value) is int:
        return node.value
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.LShift, ast.Pow)):
        left, right = _number(node.left, function, origins), _number(node.right, function, origins)
        if left is not None and right is not None and right < 64:
            return left << right if isinstance(node.op, ast.LShift) else left**right
    if isinstance(node, ast.Name):
        return origins.number(node.id)
    return None


def _nonce(call: ast.Call, function: Function | None, origins: Origins) -> Iterator[Problem]:
    """Nonces and vectors without chance in them: equal for equal texts, or always the same."""
    name, verb = dotted(call.func), last_name(call.func)
    if MODES.search(name) and "mode" in name.lower():
        given = _argument(call, 0, "initialization_vector", "nonce")
    elif verb == "encrypt" and len(call.args) >= 2 and isinstance(call.func, ast.Attribute):
        owner = call.func.value
        made = owner if isinstance(owner, ast.Call) else origins.made(dotted(owner), function)
        if not (isinstance(made, ast.Call) and CIPHERS.search(dotted(made.func))):
            return
        given = call.args[0]
    elif re.search(r"(^|\.)(AES|ChaCha20\w*)\.new$", name):
        given = _argument(call, 9, "nonce", "iv")
    else:
        return
    for sources in origins.handed(origins.of(given, function), function):
        yield from _repeated(call, given, sources)


def _repeated(call: ast.Call, given: ast.expr | None, sources: set[str]) -> Iterator[Problem]:
    if not sources or sources & {"random", "unknown", "environment", "clock"}:
        return
    named = [one.removeprefix("parameter:") for one in sources if one.startswith("parameter:")]
    if any(NAMED_SALT.search(one) for one in named):
        return
    # What is handed over whole may be fresh; what is computed from it here is the same every time.
    if isinstance(given, ast.Name) and named and given.id in named:
        return
    yield Problem(call, "constant-iv", "CWE-329", "the nonce is the same for the same input; draw one per message")


def _passwords(tree: ast.Module, origins: Origins) -> dict[str, set[str]]:
    """Parameters that hold passwords, by function: by their name, or because one is handed to them."""
    found = {
        name: {one for one in parameters(function) if PASSWORD.search(one)}
        for name, function in origins.functions.items()
    }
    for _ in range(2):
        for name, function in origins.functions.items():
            for call in (node for node in own_nodes(function) if isinstance(node, ast.Call)):
                callee = origins.functions.get(last_name(call.func))
                if callee is None:
                    continue
                names = [one for one in parameters(callee) if one not in ("self", "cls")]
                for one, given in zip(names, call.args, strict=False):
                    if any(isinstance(part, ast.Name) and part.id in found[name] for part in nodes(given)):
                        found[callee.name].add(one)
    return found


def _digest(call: ast.Call, function: Function | None, passwords: dict[str, set[str]]) -> Iterator[Problem]:
    """A password under a plain digest, however often."""
    if function is None or not passwords.get(function.name):
        return
    name = dotted(call.func)
    named = name == "hashlib.new"
    if not (DIGESTS.match(name) or named) or not call.args:
        return
    # A digest first, to fit a longer password into bcrypt or to look it up among leaked ones, is no storage.
    text = ast.unparse(function)
    if re.search(r"pbkdf2|scrypt|bcrypt|argon2|hashpw|pwned|breach|leak|hmac", text):
        return
    words = passwords[function.name]
    if any(isinstance(part, ast.Name) and part.id in words for part in nodes(call)):
        told = f"{name} is too fast for passwords; use hashlib.scrypt"
        yield Problem(call, "fast-password-hash", "CWE-916", told)


def _collides(call: ast.Call, function: Function | None, origins: Origins) -> Iterator[Problem]:
    """A digest for which two contents can be made, and on which a comparison in constant time relies."""
    if last_name(call.func) != "compare_digest":
        return
    text = " ".join(origins.spelled(one, function) for one in call.args)
    if re.search(r"\b(md5|sha1)\(", text) and "hmac." not in text.replace("hmac.compare_digest", ""):
        told = "two contents with the same MD5 or SHA-1 can be made; use hashlib.sha256"
        yield Problem(call, "weak-hash", "CWE-328", told)


def _compared(node: ast.Compare, origins: Origins, function: Function | None) -> Iterator[Problem]:
    """Secrets held against each other by `==`, which ends at the first difference."""
    if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Eq, ast.NotEq)):
        return
    sides = (node.left, node.comparators[0])
    if any(isinstance(side, (ast.Constant, ast.Tuple, ast.List, ast.Dict)) for side in sides):
        return
    if any(_is_column(side) for side in sides):
        return
    names = [_named(side) for side in sides]
    if any(not name or MARKING.search(name) or name.isupper() for name in names):
        return
    if any(isinstance(side, ast.Call) and last_name(side.func) == "len" for side in sides):
        return
    if any(_looks_up(one, other, origins, function) for one, other in (sides, sides[::-1])):
        return
    if all(SECRET.search(name) for name in names) or (
        any(re.search(r"(?i)token|secret|signature|hmac|digest|api_?key|mac$", name) for name in names)
        and any(name.startswith(("expected", "computed", "correct", "given", "hexdigest", "digest")) for name in names)
    ):
        told = "secrets are compared by `==`, which ends at the first difference; use hmac.compare_digest"
        yield Problem(node, "timing-comparison", "CWE-208", told)


def _looks_up(side: ast.expr, other: ast.expr, origins: Origins, function: Function | None) -> bool:
    """A digest of what was given is held against one that is kept: nobody can lead a digest to the next sign."""
    made = origins.spelled(side, function)
    kept = origins.of(other, function)
    return (
        bool(PLAIN_DIGEST.search(made))
        and not KEYED_DIGEST.search(made)
        and not any(one.startswith("parameter:") for one in kept)
    )


def _is_column(node: ast.expr) -> bool:
    """`Member.token`, `members.c.token`: to compare it builds a statement, which the database answers."""
    if not isinstance(node, ast.Attribute):
        return False
    owner = last_name(node.value)
    return (isinstance(node.value, ast.Name) and owner[:1].isupper() and not owner.isupper()) or owner == "c"


def _named(node: ast.expr) -> str:
    """The name an expression goes by: a variable, an attribute, a key, a call."""
    if isinstance(node, ast.Call):
        inner = last_name(node.func)
        keeping = inner in ("encode", "decode", "strip", "lower", "upper", "str", "bytes")
        return _named(node.func.value) if keeping and isinstance(node.func, ast.Attribute) else inner
    if isinstance(node, ast.Subscript):
        key = node.slice
        return str(key.value) if isinstance(key, ast.Constant) else _named(node.value)
    return last_name(node)


def _temporary(call: ast.Call, function: Function | None, origins: Origins) -> Iterator[Problem]:
    """A file under a name that others can foresee, in the folder that all share."""
    name = dotted(call.func)
    mode = call.args[1].value if len(call.args) > 1 and isinstance(call.args[1], ast.Constant) else ""
    if name != "open" or not isinstance(mode, str) or not mode.startswith(("w", "a")):
        return
    text = origins.spelled(call.args[0], function)
    shared = "gettempdir" in text or re.search(r"['\"]/(var/)?tmp/", text)
    if shared and not re.search(r"urandom|token|uuid|mkdtemp|mkstemp|TemporaryDirectory|random|secrets|nonce", text):
        told = "a file in the shared folder for temporary files has a name that can be foreseen; use tempfile.mkstemp"
        yield Problem(call, "foreseeable-temporary", "CWE-377", told)


def _finding(node: ast.ClassDef) -> Iterator[Problem]:
    """An Unpickler that asks for the module and not for the name: `builtins` holds `eval`."""
    if not any(last_name(base) in ("Unpickler", "_Unpickler") for base in node.bases):
        return
    for method in node.body:
        if not isinstance(method, ast.FunctionDef) or method.name != "find_class" or len(method.args.args) < 3:
            continue
        if not any(isinstance(part, ast.Return) and part.value is not None for part in nodes(method)):
            continue
        name = method.args.args[2].arg
        verbs = ("get", "fullmatch", "match")
        asked = [
            part
            for part in nodes(method)
            if isinstance(part, (ast.Compare, ast.Subscript))
            or (isinstance(part, ast.Call) and last_name(part.func) in verbs)
        ]
        if not any(isinstance(inner, ast.Name) and inner.id == name for part in asked for inner in nodes(part)):
            told = (
                "find_class looks at the module alone: every name of it can be called; allow pairs of module and name"
            )
            yield Problem(method, "unsafe-deserialisation", "CWE-502", told)
