"""The one choke point for secrets: what a request holds is cleaned before it leaves, is logged or recorded.

Two nets. Values of known secret variables are replaced wherever they stand, in requests, replies and error texts.
Patterns of keys, tokens, private keys and passwords in addresses are replaced in requests. The same text always gives
the same result, so cassette keys stay stable, and ordinary code passes unchanged (tested on Python's own library).
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from sixfold.domain.data import Json
from sixfold.domain.model import Message, ModelRequest

_SHORTEST_SECRET = 8
"""Shorter values ("test", "1234") stand in ordinary text and would tear holes into it."""

_REMEMBERED = 256

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "private-key",
        re.compile(
            r"-----BEGIN (?P<what>(?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?)-----\s"
            r"(?:(?!-----).){40,}?(?:-----END (?P=what)-----|\Z)",
            re.DOTALL,
        ),
    ),
    ("google-key", re.compile(r"\bAIza[0-9A-Za-z_-]{35}\b")),
    ("aws-key", re.compile(r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b")),
    ("github-token", re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})\b")),
    ("gitlab-token", re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}")),
    ("slack-token", re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{10,}")),
    ("package-token", re.compile(r"\b(?:pypi-AgE[A-Za-z0-9_-]{50,}|npm_[A-Za-z0-9]{36})\b")),
    ("stripe-key", re.compile(r"\b[rs]k_live_[A-Za-z0-9]{20,}\b")),
    ("huggingface-token", re.compile(r"\bhf_[A-Za-z]{34}\b")),
    ("jwt", re.compile(r"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{16,}")),
)

_API_KEY = re.compile(r"\b(?P<head>sk-)(?P<value>[A-Za-z0-9_-]{20,})")
"""OpenAI, Anthropic, OpenRouter and those who followed them; words may begin so too, hence `_random`."""

_PASSWORD_IN_URL = re.compile(
    r"(?P<head>\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@'\"<>{}$%()\[\]]{1,80}:)(?P<password>[^\s/:@'\"<>{}$()\[\]]{3,})@"
)
_PLACEHOLDERS = frozenset({"password", "passwd", "pass", "secret", "pwd", "port", "xxx", "***"})

_ASSIGNED = re.compile(
    r"(?P<head>\b(?:[A-Za-z0-9]+[_-])*(?:api[_-]?key|secret(?:[_-]?(?:access[_-]?)?key)?|access[_-]?token|auth[_-]?token|password|passwd)"
    r"[\"']?\s{0,4}[:=]\s{0,4}[\"'])(?P<value>[A-Za-z0-9+/_.=-]{20,})(?=[\"'])",
    re.IGNORECASE,
)
"""A quoted literal given to a name that says what it is; only values that look random are taken (see `_random`)."""


class Redactor:
    """Replaces secrets by `[redacted:KIND]`.

    `text(text)` gives a text without known secrets and without anything that looks like one.

    Args:
        secrets: value by name, e.g. `{"OPENAI_API_KEY": "…"}`; empty and very short values are left out.
    """

    def __init__(self, secrets: Mapping[str, str] | None = None) -> None:
        known: dict[str, str] = {}
        for name, value in sorted((secrets or {}).items()):
            if len(value.strip()) >= _SHORTEST_SECRET:
                for form in (value.strip(), quote(value.strip(), safe="")):
                    known.setdefault(form, name.lower().replace("_", "-"))
        self._kinds = known
        # The longest first, so that a secret that begins with another one is replaced whole.
        forms = sorted(known, key=lambda form: (-len(form), form))
        self._literal = re.compile("|".join(map(re.escape, forms))) if forms else None
        # A conversation is sent again with every turn; only its new part need be searched.
        self.text = functools.lru_cache(maxsize=_REMEMBERED)(self._clean)

    def known(self, text: str) -> str:
        """The text without the values of known secrets: for replies and errors, whose patterns may be real code."""
        if self._literal is None:
            return text
        return self._literal.sub(lambda match: f"[redacted:{self._kinds[match[0]]}]", text)

    def _clean(self, text: str) -> str:
        """The text without known secrets and without anything that looks like one."""
        text = self.known(text)
        for kind, pattern in _PATTERNS:
            text = pattern.sub(f"[redacted:{kind}]", text)
        text = _API_KEY.sub(_without_key, text)
        text = _PASSWORD_IN_URL.sub(_without_password, text)
        return _ASSIGNED.sub(_without_value, text)

    def request(self, request: ModelRequest) -> ModelRequest:
        """The request with every text in it cleaned; the very same object when there was nothing to clean."""
        cleaned = msgspec.structs.replace(
            request,
            system=self.text(request.system),
            messages=tuple(
                Message(author=message.author, text=self.text(message.text), images=message.images)
                for message in request.messages
            ),
            json_schema=self._json(request.json_schema),
        )
        return request if cleaned == request else cleaned

    def _json(self, value: Json) -> Json:
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, list):
            return [self._json(item) for item in value]
        if isinstance(value, dict):
            return {key: self._json(item) for key, item in value.items()}
        return value


def _without_password(match: re.Match[str]) -> str:
    password = match["password"]
    if password.lower() in _PLACEHOLDERS or password.startswith("[redacted:"):
        return match[0]
    return f"{match['head']}[redacted:password]@"


def _without_key(match: re.Match[str]) -> str:
    return "[redacted:api-key]" if _random(match["value"]) else match[0]


def _without_value(match: re.Match[str]) -> str:
    return f"{match['head']}[redacted:secret]" if _random(match["value"]) else match[0]


def _random(value: str) -> bool:
    """True for values no person would write: letters and several digits mixed, many different characters."""
    digits = sum(character.isdigit() for character in value)
    return digits >= 3 and digits < len(value) and len(set(value)) >= 10
