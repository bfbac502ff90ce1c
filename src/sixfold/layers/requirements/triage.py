"""The first fork, without a model: is a request clear and small enough to be attempted directly?"""

from __future__ import annotations

import re
from typing import Literal

from sixfold.domain.data import Data
from sixfold.layers.requirements.lint import contradictions, lint

_FILE = re.compile(
    r"(?<![\w/.-])[\w.-]*(?:/[\w.-]+)*\.(?:py|pyi|js|mjs|ts|tsx|jsx|css|html|md|rst|txt|toml|ya?ml|json|ini|cfg"
    r"|sh|sql|go|rs|java|c|h|cpp|rb)\b"
)
_CODE = re.compile(r"`[^`\n]+`")
_CALL = re.compile(r"\b[A-Za-z_]\w*\([^()\n]{0,80}\)|(?<!\S)`?--[a-z][\w-]+")
_FUNCTION = re.compile(
    r"\b(?:def [a-z_]\w*\s*\(|(?:python |helper |single |pure |regular |lambda )?(?:function|method|regex"
    r"|one-liner|decorator|class) (?:to|that|which|for|named|called|using|with|takes)\b)",
    re.IGNORECASE,
)
_EDIT = re.compile(
    r"\b(?:fix|rename|change|replace|remove|delete|bump|update|correct|typo|move|inline|extract|add (?:a |an "
    r"|the |one )?(?:`?--?[\w-]+`? )?(?:test|docstring|comment|type hints?|parameter|option|flag|argument|field"
    r"|line|check|method|function))\b",
    re.IGNORECASE,
)
_SYSTEM = re.compile(
    r"\b(?:service|application|app|system|platform|website|web ?site|web ?page|dashboard|portal|server"
    r"|back[- ]?end|front[- ]?end|database|rest|api|gui|game|bot|chatbot|crawler|scraper|pipeline|framework"
    r"|marketplace|shop|store|tracker|manager|management|explorer|editor|analy[sz]er|simulator|planner"
    r"|scheduler|users?|accounts?|log ?in|sign ?up|authenticat\w+|roles|upload|notifications?|software|package"
    r"|library|project|suite|tool|cli)\b",
    re.IGNORECASE,
)
_VAGUE = re.compile(
    r"\b(?:better|nicer?|improve\w*|modern|user[- ]friendly|intuitive|robust|scalable|fast(?:er)?|efficient\w*"
    r"|easy|simple|basic|advanced|various|several|some kind of|something like|etc|and so on|appropriate"
    r"|something|somehow|stuff|things|seamless\w*|comprehensive|clean ?up|polish)\b",
    re.IGNORECASE,
)
_FUNCTION_WORDS = 250
_EDIT_WORDS = 60


class Triage(Data, frozen=True, kw_only=True):
    """Where a request goes first, and what was seen in it."""

    route: Literal["direct", "clarify"]
    """`direct`: its own words are the specification. `clarify`: the analyst drafts one."""
    signals: tuple[str, ...] = ()
    """`code: what was seen`, stable wording; the reason for the route stands first."""


def route(
    request_text: str,
    options_clarify: Literal["auto", "always", "never"],
    has_attachments: bool,
    repository_overview: str,
) -> Triage:
    """Decide by the request's own words, at no cost.

    `always` goes to the analyst whatever the size. `never` means that nobody is asked: a large request is still
    drafted, and the caller allows no questions.
    """
    found = lint(request_text)
    if options_clarify == "always":
        return Triage(route="clarify", signals=("always: the clarity check was asked for", *found))
    reason, clear = _judge(request_text, has_attachments, repository_overview.lower())
    return Triage(route="direct" if clear else "clarify", signals=(reason, *found))


def _judge(text: str, has_attachments: bool, overview: str) -> tuple[str, bool]:
    """The reason, and whether the request may go direct. What the repository has already is not a system to be made."""
    in_repository = bool(overview.strip())
    words = len(text.split())
    files = tuple(dict.fromkeys(_FILE.findall(text)))
    prose = _CODE.sub(" ", _FILE.sub(" ", text))
    system = sorted({match.lower() for match in _SYSTEM.findall(prose)} - set(re.findall(r"[a-z]+", overview)))
    vague = sorted({match.lower() for match in _VAGUE.findall(prose)})
    named = bool(files or _CODE.search(text) or _CALL.search(text))
    if has_attachments:
        return "attachment: what came with the request must be read into it", False
    if contradictions(text):
        return f"contradiction: {contradictions(text)[0]}", False
    if "def " in text and words <= _FUNCTION_WORDS and re.search(r"^\s*(?:async )?def \w+\s*\(", text, re.MULTILINE):
        return "function: a signature is given", True
    if (
        in_repository
        and words <= _EDIT_WORDS
        and _EDIT.search(text)
        and (named or (words > 3 and not (vague or system)))
    ):
        return "edit: a small named change in an existing repository", True
    if in_repository and 3 < words <= _EDIT_WORDS and not (vague or system or _several(text)):
        return "edit: a short request about what the repository has", True
    if len(files) > 3:
        return f"size: {len(files)} files are named", False
    if _FUNCTION.search(text) and words <= _FUNCTION_WORDS and len(system) <= 1 and not _several(text):
        return "function: one function is asked for", True
    if len(files) <= 2 and named and words <= _EDIT_WORDS and not system and not vague:
        return "file: a short request that names its file or function", True
    if system:
        return f"size: speaks of {', '.join(system[:5])}", False
    if vague:
        return f"vague: {', '.join(vague[:5])}", False
    return "open: neither a file, a function nor a small edit is named", False


def _several(text: str) -> bool:
    """Whether a list of deliverables is asked for rather than one."""
    return len(re.findall(r"^\s*(?:[-*•]|\d+[.)])\s+\w", text, re.MULTILINE)) > 5
