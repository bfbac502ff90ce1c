"""JavaScript and TypeScript of a server: where what a request holds must not arrive, and settings that are weak.

Only what is visible in one file: the parts of the request, and names that hold one of them and are tested nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

from sixfold.layers.testing.scanners.script_text import arguments

Use = tuple[int, str, str, Literal["warning", "error"], str]
"""Place, rule, weakness, severity, message."""

PART = (
    r"(?<![\w$.])(?:req|request|ctx|ctx\.req|ctx\.request)\."
    r"(?:query|body|params|headers|cookies|url|originalUrl)(?![\w$])"
)
TAKEN = re.compile(
    r"\b(?:const|let|var)\s+(?:\{([^{}]*)\}|([\w$]+))(?:\s*:\s*[\w<>\[\], ]+)?"
    rf"\s*=\s*(?:await\s+)?{PART}[\w$.?]*\s*(?=[;\n|?)])"
)
"""Names that hold a part of a request as it came."""
HARMLESS = re.compile(
    r"(?i)basename|escape|sanit|purif|encode|\bNumber\(|parseInt\(|parseFloat\(|Boolean\(|\.length\b|secure|hash|digest"
)
TESTED = (
    r"\.(?:includes|has|test|indexOf|hasOwn|startsWith|is\w+)\((?:[\w$.]+,)?\s*NAME(?![\w$.])|(?<![\w$.])NAME\.(?:startsWith|match)\("
    r"|(?<![\w$.])NAME\s+in\s|[!=]==?\s*NAME(?![\w$.])|(?<![\w$.])NAME\s*[!=]==?\s*['\"`]"
)
"""How a name is compared with something, in the whole file."""
SINKS: tuple[tuple[re.Pattern[str], int, str, str, Literal["warning", "error"], str], ...] = (
    (
        re.compile(
            r"\b(?:readFile|readFileSync|createReadStream|writeFile|writeFileSync|appendFile|appendFileSync|createWriteStream|"
            r"unlink|unlinkSync|rmSync|sendFile|download)\s*\("
        ),
        0,
        "path-traversal",
        "CWE-22",
        "error",
        "a path from a request is used without keeping it inside a folder",
    ),
    (
        re.compile(r"\b(?:res|response|reply|ctx)\.redirect\s*\("),
        -1,
        "open-redirect",
        "CWE-601",
        "error",
        "the visitor decides where the answer redirects to",
    ),
    (
        re.compile(r"(?<![\w$.])(?:fetch|axios|got|axios\.\w+|got\.\w+|https?\.(?:get|request))\s*\("),
        0,
        "request-forgery",
        "CWE-918",
        "error",
        "an address from a request is fetched unchecked",
    ),
    (
        re.compile(r"(?<![\w$.])(?:_|lodash)\.(?:merge|mergeWith|defaultsDeep)\s*\("),
        -1,
        "prototype-pollution",
        "CWE-1321",
        "error",
        'keys from a request are merged into an object, "__proto__" too',
    ),
    (
        re.compile(r"\bnew\s+RegExp\s*\("),
        0,
        "pattern-from-request",
        "CWE-1333",
        "warning",
        "a pattern from a request can run for ever",
    ),
)
"""Call, place of the argument, and what is told."""
ANSWER = re.compile(r"\b(?:res|response|reply)(?:\.status\([^()]*\))?\.(?:send|write|end)\s*\(")
QUERY = re.compile(r"\.(?:query|execute|raw|prepare|exec|all|get|run)\s*(?:<[\w\[\], ]*>)?\(")
SQL = re.compile(r"(?is)\b(select\b.*\bfrom|insert\s+into|update\b.*\bset|delete\s+from|drop\s+table)\b")
CLAUSE = re.compile(
    r"[A-Z][A-Z0-9_.]*|[\w$.]*(?i:placeholders?|marks|columns?|fields|clauses?|where|conditions|table|order|sets)"
)
"""Parts of a statement that are no data by their names."""
SECRET = re.compile(
    r"(?i)\b(?:[\w$.]*(?:token|secret|password|otp|salt|nonce|csrf)|[\w$.]*(?:session_?id|api_?key|reset_?code|invite_?code))"
    r"\s*(?::\s*string\s*)?[=:][^=>]"
)
"""A name that must not be guessed, and what it is given."""
HASH = re.compile(r"\bcreateHash\s*\(")


def find_flows(text: str, code: str) -> Iterator[Use]:
    """Request data that arrives where it must not, and SQL that is put together from text.

    Args:
        text: the file.
        code: the same with the insides of texts, comments and patterns blanked out.
    """
    if re.search(PART, code):
        yield from _from_request(text, code)
    for found in QUERY.finditer(code):
        given = arguments(code, found.end())
        if given and _is_built_sql(given[0], text[found.end() : found.end() + len(given[0])]):
            message = "an SQL statement is put together from text; use parameters"
            yield found.start(), "sql-injection", "CWE-89", "error", message


def _from_request(text: str, code: str) -> Iterator[Use]:
    data = _request_data(code)
    for call, at, rule, cwe, severity, message in SINKS:
        for found in call.finditer(code):
            given = arguments(code, found.end())
            if not given or not _reaches(given[at], data, code):
                continue
            if rule != "request-forgery" or _begins(given[at], data):
                yield found.start(), rule, cwe, severity, message
    for found in ANSWER.finditer(code):
        given = arguments(code, found.end())
        if given and _reaches(given[0], data, code):
            start = code.index(given[0], found.end())
            if re.search(r"</?[a-zA-Z]", text[start : start + len(given[0])]):
                message = "what a request holds is sent back as HTML without an escape"
                yield found.start(), "raw-markup", "CWE-79", "error", message


def find_settings(text: str, code: str) -> Iterator[Use]:
    """Certificates that are not verified, secrets that can be guessed, fast hashes of passwords."""
    for found in re.finditer(r"(?<![\w$.])rejectUnauthorized\s*:\s*false\b", code):
        yield found.start(), "no-certificate-check", "CWE-295", "error", "certificates are not verified"
    for found in re.finditer(r"\bprocess\.env\.NODE_TLS_REJECT_UNAUTHORIZED\s*=(?!=)", code):
        if re.match(r"\s*['\"`]?0", text[found.end() : found.end() + 10]):
            yield found.start(), "no-certificate-check", "CWE-295", "error", "certificates are not verified"
    for found in re.finditer(r"\bMath\.random\(\)", code):
        start = max(code.rfind(mark, 0, found.start()) for mark in ";{}\n,") + 1
        if SECRET.search(code[start : found.start()]):
            message = "Math.random can be predicted; use crypto.randomBytes or crypto.randomUUID"
            yield found.start(), "guessable-secret", "CWE-338", "error", message
    for found in HASH.finditer(code):
        after = re.match(r"[^()]*\)\s*\.update\(\s*([\w$.]*)", code[found.end() : found.end() + 200])
        if after and re.search(r"(?i)(passw(or)?d|passphrase|pwd)$", after[1]):
            message = "this hash is too fast for passwords; use crypto.scrypt"
            yield found.start(), "fast-password-hash", "CWE-916", "error", message


def _request_data(code: str) -> re.Pattern[str]:
    """Parts of a request and the names that hold one, as a pattern."""
    names = set()
    for found in TAKEN.finditer(code):
        names |= set(re.findall(r"([\w$]+)\s*(?=,|$|=)", found[1])) if found[1] else {found[2]}
    held = "".join(rf"|(?<![\w$.]){re.escape(name)}(?![\w$(:])" for name in sorted(names))
    return re.compile(rf"(?:{PART}{held})[\w$.?]*")


def _reaches(argument: str, data: re.Pattern[str], code: str) -> bool:
    """Whether an argument holds request data that nothing escaped and nothing in the file tests."""
    if HARMLESS.search(argument):
        return False
    return any(not re.search(TESTED.replace("NAME", re.escape(found[0])), code) for found in data.finditer(argument))


def _begins(argument: str, data: re.Pattern[str]) -> bool:
    """Whether an address begins with the data: behind a constant host they choose only a path."""
    return data.match(argument.lstrip().removeprefix("`${").lstrip()) is not None


def _is_built_sql(code: str, text: str) -> bool:
    """Whether the first argument is a statement with a value in it."""
    if not SQL.search(text) or not re.match(r"\s*['\"`]", code):
        return False
    inside = re.findall(r"\$\{([^{}]*)\}", code)
    joined = re.findall(r"['\"`]\s*\+\s*([\w$.\[\]]+(?:\([^()]*\))?)", code)
    parts = [part.strip() for part in (*inside, *joined)]
    return any(
        part and not CLAUSE.fullmatch(part) and not HARMLESS.search(part) and ".join(" not in part for part in parts
    )
