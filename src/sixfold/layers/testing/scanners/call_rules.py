"""Rules on a call by itself: shells, code, deserialisation, ciphers, certificates, files."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sixfold.layers.testing.scanners.taint import dotted, last_name

PASSWORD = re.compile(r"(?i)passw|passphrase|pwd|credential")


class Problem(NamedTuple):
    """One hit, before it knows its file."""

    node: ast.AST
    rule: str
    cwe: str
    message: str
    severe: bool = True


def constants_of(tree: ast.Module) -> set[str]:
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
    if isinstance(node, ast.Dict):
        return bool(node.values) and all(_is_literal(part, constants) for part in node.values)
    return node is None or isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in constants)


def _is_quoted(node: ast.AST | None, constants: set[str]) -> bool:
    """True when every changing part of a command's text went through `shlex.quote` or became a number."""
    if isinstance(node, ast.JoinedStr):
        return all(
            _is_quoted(value.value, constants) if isinstance(value, ast.FormattedValue) else True
            for value in node.values
        )
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Mod)):
        return _is_quoted(node.left, constants) and _is_quoted(node.right, constants)
    if isinstance(node, ast.Call):
        if last_name(node.func) in ("quote", "int", "join") and dotted(node.func) in (
            "shlex.quote",
            "quote",
            "pipes.quote",
        ):
            return True
        if dotted(node.func) in ("int", "shlex.join"):
            return True
        if isinstance(node.func, ast.Attribute) and node.func.attr == "format":
            return all(_is_quoted(part, constants) for part in [*node.args, *(one.value for one in node.keywords)])
    return _is_literal(node, constants)


def _keyword(call: ast.Call, name: str) -> ast.expr | None:
    return next((keyword.value for keyword in call.keywords if keyword.arg == name), None)


def _is(node: ast.AST | None, value: object) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _shell(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    name = dotted(call.func)
    command = call.args[0] if call.args else _keyword(call, "args")
    through_shell = _is(_keyword(call, "shell"), True) or name in (
        "os.system",
        "os.popen",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "asyncio.create_subprocess_shell",
        "commands.getoutput",
    )
    if through_shell and not _is_quoted(command, constants):
        yield Problem(call, "shell-injection", "CWE-78", "a command that is not constant goes through a shell")


def _code(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    named = isinstance(call.func, ast.Name) and call.func.id in ("eval", "exec")
    if named and call.args and not _is_literal(call.args[0], constants):
        yield Problem(call, "code-injection", "CWE-95", f"{last_name(call.func)} runs code that is not constant")


def _deserialise(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    owner, _, verb = dotted(call.func).rpartition(".")
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
            # A loader of the product's own may well build on the safe one.
            severe = loader is None or last_name(loader) in ("Loader", "UnsafeLoader", "FullLoader", "CLoader")
            told = f"yaml.{verb} builds any object; use yaml.safe_load"
            yield Problem(call, "unsafe-deserialisation", "CWE-502", told, severe)


def _crypto(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    name = dotted(call.func)
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
    elif re.search(r"(^|\.)(TripleDES|ARC4|Blowfish|IDEA|SEED|CAST5|RC2)$", name):
        yield Problem(call, "weak-cipher", "CWE-327", f"{last_name(call.func)} is a broken cipher; use AES-GCM")
    elif name.endswith("AES.new") and any("MODE_ECB" in ast.unparse(part) for part in call.args):
        yield Problem(call, "weak-cipher", "CWE-327", "AES in ECB mode shows patterns of the plain text")


def _trust(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    name = dotted(call.func)
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
    name = dotted(call.func)
    if name in ("tempfile.mktemp", "mktemp"):
        yield Problem(call, "race-prone-temporary", "CWE-377", "mktemp names a file others can create first")
    elif last_name(call.func) == "extractall" and _keyword(call, "filter") is None and "zip" not in name.lower():
        yield Problem(
            call, "archive-extraction", "CWE-22", 'extractall without filter="data" writes outside its folder', False
        )
    elif name in ("os.chmod", "os.open", "os.mkdir", "os.makedirs") and isinstance(given := _mode(call), ast.Constant):
        mode = given.value
        if isinstance(mode, int) and mode & 0o002:
            # What is created gets these bits less the umask, which is 022 nearly everywhere; chmod asks nobody.
            severe = name == "os.chmod"
            told = "everybody may write this file" if severe else "only the umask keeps others from writing this file"
            yield Problem(call, "world-writable", "CWE-732", told, severe)


def _mode(call: ast.Call) -> ast.expr | None:
    """The permission bits a call of `os` gives."""
    place = 2 if dotted(call.func) == "os.open" else 1
    return _keyword(call, "mode") or (call.args[place] if len(call.args) > place else None)


def _parser(call: ast.Call, constants: set[str]) -> Iterator[Problem]:
    """Lxml resolves entities of files only when it is told to."""
    if last_name(call.func) in ("XMLParser", "iterparse") and _is(_keyword(call, "resolve_entities"), True):
        told = "documents of visitors make the parser read files; pass resolve_entities=False"
        yield Problem(call, "external-entities", "CWE-611", told)


CALL_RULES: tuple[Callable[[ast.Call, set[str]], Iterator[Problem]], ...] = (
    _shell,
    _code,
    _deserialise,
    _crypto,
    _trust,
    _files,
    _parser,
)
