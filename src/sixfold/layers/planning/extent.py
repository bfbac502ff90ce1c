"""Whether a specification is more than one increment, read off its text: the ladder's threshold, at no cost.

An analyst who judges by feel calls nearly everything small. Two things speak against one direct task and are seen
without a model: three tiers that are named as such, each another skill, and a size that nobody reviews in one sitting.
"""

from __future__ import annotations

import re

from sixfold.domain.requirements import Specification

_TIERS = (
    ("front end", re.compile(r"\bfront[- ]?ends?\b|\buser interface\b|\bweb UI\b", re.IGNORECASE)),
    ("back end", re.compile(r"\bback[- ]?ends?\b|\b(?:REST|HTTP|JSON) API\b", re.IGNORECASE)),
    ("database", re.compile(r"\bdatabases?\b|\bSQLite\b|\bPostgreSQL\b", re.IGNORECASE)),
)
_PROGRAM_LINES_A_WORD = 0.45
_LIBRARY_LINES_A_WORD = 0.17
"""Product lines a word of the requirements: fifteen live specifications and what was then written in one task gave 0.36
to 0.62 where a command or a service stands around the rules, 0.05 to 0.20 for modules and functions alone."""
MOST_LINES = 600
"""Two increments of 300 lines: one that is a little too large is cut for review afterwards (decision 27), which is
cheaper than a plan."""


def expected_lines(specification: Specification) -> int:
    """Product lines that a specification will probably take, tests not counted; rough, right within a factor of two."""
    words = sum(len(item.text.split()) for item in specification.requirements)
    program = any(entry.kind != "library" for entry in specification.entries)
    return round(words * (_PROGRAM_LINES_A_WORD if program else _LIBRARY_LINES_A_WORD))


def tiers(request_text: str, specification: Specification) -> tuple[str, ...]:
    """Which of front end, back end and database the person or the specification names as parts.

    The person's words count too: an analyst turns "a front end" into the name of its page.
    """
    requirements = [item.text for item in specification.requirements]
    text = "\n".join([request_text, specification.title, specification.summary, *requirements])
    return tuple(name for name, words in _TIERS if words.search(text))


def reason_to_divide(request_text: str, specification: Specification) -> str:
    """Why one direct task would be too much, in one line; empty when it is worth the attempt."""
    named = tiers(request_text, specification)
    if len(named) == len(_TIERS):
        return f"three tiers are named: {', '.join(named)}"
    lines = expected_lines(specification)
    return f"about {lines} lines are expected, more than two increments" if lines > MOST_LINES else ""
