"""Constructs that hide something or game the tests: for code whose author must not be believed."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import unicodedata
from collections.abc import Iterator, Sequence

from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.layers.testing.scanners.files import FileRules, is_test, line_of
from sixfold.layers.testing.scanners.trees import module, nodes

BIDI = {0x202A, 0x202B, 0x202C, 0x202D, 0x202E, 0x2066, 0x2067, 0x2068, 0x2069}
"""Reorder what a reader sees (Boucher and Anderson, "Trojan Source", 2021)."""
HIDDEN = {0x200B, 0x2060, 0x2061, 0x2062, 0x2063, 0x2064, 0x180E, 0xFEFF, *range(0xE0000, 0xE0080)}
"""Take no place on screen. Joiners (U+200C, U+200D) and marks of direction are left out: real text needs them."""
DECODERS = re.compile(
    r"\b(b64decode|b32decode|b16decode|a85decode|unhexlify|fromhex|decompress|rot13|marshal\.loads)\b"
)
EFFECTS = re.compile(
    r"\b(os\.system|os\.popen|os\.exec\w+|subprocess\.\w+|socket\.\w+|urlopen|requests\.\w+|httpx\.\w+|http\.client\.\w+|"
    r"shutil\.rmtree|os\.remove|os\.unlink|eval|exec|__import__)\s*\("
)
TRIGGERS = re.compile(
    r"\b(datetime\.(?:now|utcnow|today)|date\.today|time\.time|time\.localtime|getpass\.getuser|os\.getlogin|gethostname|"
    r"platform\.node|getfqdn)\s*\("
)
GAMES = re.compile(
    r"(?i)pytest|unittest|sixfold|bwrap|bubblewrap|_exit|__eq__|__ne__|\bgc\b|settrace|setprofile|test_|acceptance|conftest"
)
"""Words without which no rule about gaming applies; looked for first."""
TEST_MARKS = re.compile(
    r"PYTEST_CURRENT_TEST|['\"]_?pytest['\"] (not )?in sys\.modules|['\"]unittest['\"] (not )?in sys\.modules"
)
SELF_LOOKS = re.compile(r"(?i)\b(environ|getenv|getcwd|cwd|argv|modules|exists|is_dir|is_file)\b")
TEST_WORDS = re.compile(r"(?i)pytest|unittest|sixfold|bubblewrap|\bbwrap\b")
"""A product that asks where it runs with one of these words in hand wants to behave differently there."""
TEST_FILES = re.compile(r"(?i)test_acceptance|acceptance/|sixfold_examples|(^|[/*])test_[\w*]*(\.py)?$|conftest\.py")
READERS = re.compile(r"(^|\.)(open|glob|iglob|rglob|walk|read_text|read_bytes|write_text|listdir|scandir|Path)$")
FORGERY = "sixfold-result"
TAMPERING = re.compile(r"\b(os\._exit|gc\.get_objects|gc\.get_referrers|sys\.settrace|sys\.setprofile)\s*\(")


class Suspicious:
    """Backdoor-like constructs in every text file."""

    name = "suspicious"

    def __init__(self, repository: Repository) -> None:
        self._files = FileRules(repository, find_suspicious)

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Findings with the offending text as evidence, invisible characters named."""
        return self._files.scan(tree, paths)


def find_suspicious(path: str, content: bytes) -> Iterator[Finding]:
    """Findings in one file's bytes."""
    if b"\0" in content[:8000]:
        return
    text = content.decode("utf-8", errors="replace")
    yield from _invisible(path, text)
    if not path.endswith(".py"):
        return
    if not text.isascii():
        yield from _homoglyphs(path, text)
    try:
        tree = module(content)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node, rule, cwe, message in _constructs(path, tree, text):
        line = getattr(node, "lineno", 0)
        yield _finding(path, line, rule, message, cwe, line_of(text, line))


def _constructs(path: str, tree: ast.Module, text: str) -> Iterator[tuple[ast.AST, str, str, str]]:
    # The text is searched first: most files hold none of these, and walking a tree costs a hundred times more.
    if DECODERS.search(text):
        yield from _payloads(tree)
    if TRIGGERS.search(text):
        yield from _triggers(tree)
    if not is_test(path) and GAMES.search(text):
        yield from _gaming(tree)


def _finding(path: str, line: int, rule: str, message: str, cwe: str, evidence: str) -> Finding:
    return Finding(
        tool="suspicious",
        rule=rule,
        severity="error",
        message=message,
        path=path,
        line=line,
        cwe=cwe,
        evidence=evidence,
    )


def _invisible(path: str, text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n") if not text.isascii() else (), 1):
        start = 1 if number == 1 and line.startswith("\ufeff") else 0  # a byte order mark is only bad manners
        odd = [char for char in line[start:] if ord(char) in BIDI or ord(char) in HIDDEN]
        if odd:
            names = ", ".join(dict.fromkeys(f"U+{ord(char):04X}" for char in odd))
            bidi = any(ord(char) in BIDI for char in odd)
            rule = "bidirectional-text" if bidi else "hidden-text"
            shown = "".join(f"<U+{ord(char):04X}>" if char in odd else char for char in line)[:200].strip()
            yield _finding(
                path, number, rule, f"invisible characters ({names}) hide what stands here", "CWE-1007", shown
            )


def _homoglyphs(path: str, text: str) -> Iterator[Finding]:
    try:
        tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
    except (tokenize.TokenError, SyntaxError):
        return
    for token in tokens:
        if token.type == tokenize.NAME and not token.string.isascii():
            scripts = {unicodedata.name(char, "?").split()[0] for char in token.string if char.isalpha()}
            compatible = unicodedata.normalize("NFKC", token.string) != token.string
            if compatible or ("LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}):
                message = f"a name that looks like another: {token.string!a}"
                yield _finding(
                    path, token.start[0], "look-alike-name", message, "CWE-1007", ascii(token.line.strip()[:200])
                )


def _payloads(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str, str]]:
    packed = {
        target.id
        for node in nodes(tree)
        if isinstance(node, ast.Assign) and DECODERS.search(ast.unparse(node.value))
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in nodes(tree):
        if not isinstance(node, ast.Call):
            continue
        name = ast.unparse(node.func)
        inside = " ".join(ast.unparse(argument) for argument in node.args)
        names = {part.id for argument in node.args for part in nodes(argument) if isinstance(part, ast.Name)}
        runs = name in ("exec", "eval", "compile", "__import__", "os.system", "importlib.import_module")
        if runs and (DECODERS.search(inside) or names & packed):
            yield node, "encoded-payload", "CWE-506", f"{name} runs something that was decoded first"


def _triggers(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str, str]]:
    for node in nodes(tree):
        if not isinstance(node, ast.If):
            continue
        test = ast.unparse(node.test)
        fixed = any(isinstance(part, ast.Constant) and part.value is not None for part in nodes(node.test))
        if TRIGGERS.search(test) and fixed:
            effect = EFFECTS.search("\n".join(ast.unparse(part) for part in node.body))
            if effect:
                message = f"{effect.group(1)} runs only on a certain date, user or host"
                yield node, "hidden-trigger", "CWE-511", message


def _gaming(tree: ast.Module) -> Iterator[tuple[ast.AST, str, str, str]]:
    for node in nodes(tree):
        if isinstance(node, (ast.If, ast.IfExp, ast.Compare, ast.Call)):
            own = ast.unparse(node.test if isinstance(node, (ast.If, ast.IfExp)) else node)
            about = node.test if isinstance(node, (ast.If, ast.IfExp)) else node
            if TEST_MARKS.search(own) or _looks_around(about):
                yield node, "behaves-differently-under-test", "CWE-912", "the product looks whether it is being tested"
        if isinstance(node, ast.Call) and _reads_tests(node):
            yield node, "reads-the-tests", "CWE-912", "product code reads or writes the files that judge it"
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and FORGERY in node.value:
            yield node, "result-forgery", "CWE-912", "product code holds the form of a test result"
        if isinstance(node, ast.Call) and TAMPERING.search(ast.unparse(node.func) + "("):
            yield (
                node,
                "test-tampering",
                "CWE-912",
                f"{ast.unparse(node.func)} can end or inspect a test run from inside",
            )
        if isinstance(node, ast.FunctionDef) and node.name in ("__eq__", "__ne__") and _always(node):
            yield (
                node,
                "equal-to-everything",
                "CWE-912",
                "an object that claims to equal everything satisfies any assertion",
            )
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            module = node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name
            if module.split(".")[0] in ("pytest", "_pytest"):
                yield node, "imports-test-runner", "CWE-912", "product code has no business in the test runner"


def _looks_around(node: ast.AST) -> bool:
    """True when a condition or a call asks about its surroundings with a word of testing in it."""
    words = [part.value for part in nodes(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return any(TEST_WORDS.search(word) for word in words) and SELF_LOOKS.search(ast.unparse(node)) is not None


def _reads_tests(node: ast.Call) -> bool:
    words = [part.value for part in nodes(node) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return READERS.search(ast.unparse(node.func)) is not None and any(TEST_FILES.search(word) for word in words)


def _always(node: ast.FunctionDef) -> bool:
    body = [part for part in node.body if not (isinstance(part, ast.Expr) and isinstance(part.value, ast.Constant))]
    if len(body) != 1 or not isinstance(body[0], ast.Return):
        return False
    value = body[0].value
    return isinstance(value, ast.Constant) and value.value is (node.name == "__eq__")
