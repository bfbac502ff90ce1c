"""The blind-example check: readers who never saw the examples agree, and an example says otherwise.

The examples of a request are held back while its first candidates are written; the candidates then run on them. Where
they agree with each other and contradict an example, text and example cannot both be meant (measured on
HumanEvalComm, arXiv 2406.00215: this shows four of five planted inconsistencies, and almost no clear request).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal

from sixfold.domain.data import Data
from sixfold.domain.divergence import Divergence, Outcome, Part, Split, same, show
from sixfold.domain.requirements import Option, Question
from sixfold.layers.requirements.completeness import prose
from sixfold.layers.requirements.given import Given, conflicting

LEAST_MASS = 0.6
"""Three of five, or two of three: below that the readers do not agree, which is ambiguity rather than contradiction."""
_FEWEST, _MOST = 3, 5


class Inconsistency(Data, frozen=True, kw_only=True):
    """Two lines of one request that cannot both hold."""

    example: str
    """The example's line."""
    line: int
    """Where it stands, from 1."""
    statement: str
    """The other line: a second example, or the sentence of the text that the readers followed."""
    call: str
    expected: str
    """What the example says."""
    agreed: str
    """What the readers do."""
    mass: float
    """Share of readers, 0 to 1."""


class Fit(Data, frozen=True, kw_only=True):
    """How readers and examples fit together."""

    inconsistencies: tuple[Inconsistency, ...] = ()
    fitting: float = 1.0
    """Share of the readers that meet every example."""


def blind_check(
    text: str, examples: Sequence[Given], expected: Sequence[Outcome | None], splits: Sequence[Split]
) -> Fit:
    """Compare what blind candidates did on the examples with what the examples say.

    Args:
        text: the request.
        expected: canonical results of the examples, in their order; None where there is none.
        splits: the parties each example makes, in the same order.
    """
    found = [_of_examples(one, other) for one, other in conflicting(examples)]
    missing: set[str] = set()
    for example, result, split in zip(examples, expected, splits, strict=True):
        if result is None:
            continue
        for part in split.parts:
            if not meets(part, result, example.expected):
                missing.update(part.candidates)
        heaviest = split.parts[0]
        if heaviest.mass >= LEAST_MASS - 1e-9 and not meets(heaviest, result, example.expected):
            found.append(
                Inconsistency(
                    example=example.text,
                    line=example.line,
                    statement=statement(text),
                    call=example.call,
                    expected=show((result,)),
                    agreed=show(heaviest.outcomes),
                    mass=heaviest.mass,
                )
            )
    readers = sum(len(part.candidates) for part in splits[0].parts) if splits else 0
    return Fit(inconsistencies=tuple(found), fitting=1.0 - len(missing) / readers if readers else 1.0)


def meets(part: Part, expected: Outcome, literal: str) -> bool:
    """Whether candidates gave what an example says; a float is held to the digits that were written."""
    last = part.outcomes[-1]
    if last.kind != expected.kind:
        return False
    if same(last.value, expected.value):
        return True
    decimals = re.fullmatch(r"-?\d+\.(\d+)", literal)
    if decimals is None or not isinstance(last.value, float):
        return False
    return abs(last.value - float(literal)) <= 10.0 ** -len(decimals.group(1))


def expected_raise(example: Given) -> Outcome | None:
    """The outcome of an example that expects an exception; None for the others."""
    return Outcome(kind="raised", value=example.raises) if example.raises else None


Move = Literal["draw", "clear", "inconsistent", "choose"]
"""What the clarity check does next with the candidates it has."""


def next_move(drawn: int, fit: Fit, *, incomplete: bool, divergence: Divergence | None = None) -> Move:
    """Draw another candidate, or stop: 1 call for a clear request, 2 then 3, at most 5 for any other.

    One candidate that never saw the examples and meets them all is enough for a complete request, and it is the first
    development candidate: the check then costs no call of its own. Five samples show 70-77% of what twenty show.

    Args:
        drawn: candidates so far.
        incomplete: whether lint found a piece missing.
        divergence: of these candidates; looked at only where the examples do not settle it.
    """
    settled = fit.fitting >= LEAST_MASS - 1e-9
    if not incomplete and settled and (drawn == 1 or drawn >= _FEWEST):
        return "clear"
    if drawn < _FEWEST:
        return "draw"
    # On a clear request a good reader meets the examples: while one does, more are heard first.
    if fit.inconsistencies and (fit.fitting <= 0 or (drawn >= _MOST and fit.fitting < LEAST_MASS / 2)):
        return "inconsistent"
    parted = divergence is not None and not divergence.agreed
    if settled and not parted:
        return "clear"
    if drawn < _MOST:
        return "draw"
    return "choose" if parted else "clear"


def consistency_question(found: Inconsistency, *, number: int) -> Question:
    """The one question an inconsistency is worth: which of the two lines holds."""
    return Question(
        id=f"Q{number}",
        text=f"Two lines contradict each other: “{found.example}” and “{found.statement}”. Which one holds?",
        why=f"Read by the text alone, {found.call} gives {found.agreed}, not {found.expected}.",
        options=(
            Option(value="example", consequence=f"{found.call} gives {found.expected}; the text is read to fit it"),
            Option(value="text", consequence=f"{found.call} gives {found.agreed}; the example is corrected"),
            Option(value="neither", consequence="say in your own words what it gives"),
        ),
        # A person checks an example by hand less often than they mean a sentence.
        default="text",
    )


def statement(text: str) -> str:
    """The sentence of a request that says what the result is: the line an example is held against."""
    sentences = [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n\s*\n|\n\s*[-*•]\s", prose(text)) if part.strip()]
    if not sentences:
        return ""
    told = re.compile(
        r"\b(?:return\w*|output\w*|result\w*|should|must|sort\w*|comput\w*|count\w*|find\w*)\b", re.IGNORECASE
    )
    best = max(range(len(sentences)), key=lambda place: (len(told.findall(sentences[place])), -place))
    return " ".join(sentences[best].split())


def _of_examples(one: Given, other: Given) -> Inconsistency:
    return Inconsistency(
        example=one.text,
        line=one.line,
        statement=other.text,
        call=one.call,
        expected=one.expected or f"raises {one.raises}",
        agreed=other.expected or f"raises {other.raises}",
        mass=1.0,
    )
