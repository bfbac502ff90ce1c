"""Credentials that must not stand in a repository: exact formats first, entropy only beside a telling name."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence

from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Repository
from sixfold.layers.testing.scanners.files import FileRules, is_test

FORMATS: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    ("aws-key", ("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("github-token", ("_",), re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})\b")),
    ("gitlab-token", ("glpat-",), re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}\b")),
    ("slack-token", ("xox",), re.compile(r"\bxox[abposr]-[A-Za-z0-9-]{20,}\b")),
    ("stripe-key", ("k_live_",), re.compile(r"\b[rs]k_live_[A-Za-z0-9]{20,}\b")),
    ("google-key", ("AIza",), re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("openai-key", ("sk-",), re.compile(r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}\b")),
    ("pypi-token", ("pypi-",), re.compile(r"\bpypi-[A-Za-z0-9_-]{50,}\b")),
    ("npm-token", ("npm_",), re.compile(r"\bnpm_[A-Za-z0-9]{36}\b")),
    ("json-web-token", ("eyJ",), re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{20,}\b")),
    ("private-key", ("PRIVATE KEY-----",), re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")),
    ("url-password", ("://",), re.compile(r"\b[a-z][a-z0-9+]{2,12}://[^\s:/@{}<>$'\"]+:[^\s:/@{}<>$'\"]{4,}@[\w.-]+")),
)
"""Rule, texts of which every such credential holds one, form. To look for a text is a hundred times quicker."""
NAMED = re.compile(
    r"""(?ix) \b[\w.-]*(?:passw(?:or)?d|passphrase|secret|api_?key|access_?key|auth_?token|private_?key)[\w]*
    ["']? \s*[:=]\s* ["']([^"'\s]{12,})["']"""
)
NAMES = ("passw", "passphrase", "secret", "key", "token")
"""Of these holds one whatever `NAMED` fits, in lower case."""
PLACEHOLDER = re.compile(
    r"(?i)example|changeme|change[-_]me|placeholder|your[-_]|dummy|sample|xxxx|\.\.\.|<|\{|\$|%|test|fake|redacted|00000|12345"
)
MOST_ENTROPY_BITS = 3.5


class Secrets:
    """Our own patterns over every text file."""

    name = "secrets"

    def __init__(self, repository: Repository) -> None:
        self._files = FileRules(repository, find_secrets)

    async def scan(self, tree: Tree, paths: Sequence[str] = ()) -> tuple[Finding, ...]:
        """Credentials in any text file. The secret itself is never part of a finding."""
        return self._files.scan(tree, paths)


def find_secrets(path: str, content: bytes) -> Iterator[Finding]:
    """Secrets in one file's bytes; binary files hold none."""
    if b"\0" in content[:8000]:
        return
    text = content.decode(errors="replace")
    formats = [(rule, pattern) for rule, marks, pattern in FORMATS if any(mark in text for mark in marks)]
    low = text.lower()
    is_named = any(name in low for name in NAMES)
    if not formats and not is_named:
        return
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > 20_000:
            continue
        for rule, pattern in formats:
            match = pattern.search(line)
            if match and not PLACEHOLDER.search(match.group()):
                yield _finding(path, number, rule, match.group())
        named = NAMED.search(line) if is_named else None
        if named and entropy(named.group(1)) >= MOST_ENTROPY_BITS and not PLACEHOLDER.search(named.group(1)):
            yield _finding(path, number, "named-secret", named.group(1))


def entropy(text: str) -> float:
    """Bits per character, from the text's own frequencies (Shannon)."""
    counts = Counter(text)
    return -sum(count / len(text) * math.log2(count / len(text)) for count in counts.values())


def _finding(path: str, line: int, rule: str, secret: str) -> Finding:
    return Finding(
        tool="secrets",
        rule=rule,
        severity="warning" if is_test(path) else "error",
        message=f"looks like a credential ({rule.replace('-', ' ')}); read it from the environment instead",
        path=path,
        line=line,
        cwe="CWE-798",
        evidence=f"{secret[:4]}… ({len(secret)} characters)",
    )
