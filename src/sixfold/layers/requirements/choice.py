"""Turns the input on which readings differ most into one concrete question, and its answer into an example.

A person judges a concrete result faster and better than a general rule (TiCoder, arXiv 2404.10100: one answered input
lifts what is built more than any later one).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Sequence

from msgspec import structs

from sixfold.domain.divergence import Divergence, Outcome, Part, Split, agree, show
from sixfold.domain.requirements import Expect, Option, Question, Step

OTHER, REJECT = "other", "reject"
LEAST_MASS = 0.2
"""A party lighter than this is not offered: one stray sample is not worth an interruption."""
_MOST_OPTIONS = 3
_MOST_CHARS = 80
_LETTERS = "ABC"


def worth_asking(divergence: Divergence) -> Split | None:
    """The input to ask about first, or None when what differs is too light, or mere accident."""
    for split in divergence.splits:
        if len(_offered(split)) > 1:
            return split
    return None


def concrete_choice(split: Split, *, number: int) -> Question:
    """One question with the results that readings of the request give for one input, heaviest first.

    Args:
        split: from `worth_asking`.
        number: of the question.
    """
    parts = _offered(split)
    place = _first_difference(parts)
    options = [
        Option(value=_LETTERS[at], consequence=f"{_shown(part, place)} ({round(part.mass * 100)}% of the readings)")
        for at, part in enumerate(parts)
    ]
    options.append(Option(value=OTHER, consequence="something else: say what it should give"))
    if not any(part.outcomes[-1].kind == "raised" for part in parts):
        options.append(Option(value=REJECT, consequence="this input is not allowed: it is refused with an error"))
    listed = ", ".join(_shown(part, place) for part in parts)
    return Question(
        id=f"Q{number}",
        text=f"What should {input_text(split.steps[: place + 1])} give: {listed}, something else, or is it refused?",
        why="The request can be read in these ways; each was written and run, and they differ here.",
        options=tuple(options),
        default=_LETTERS[0],
    )


def chosen(split: Split, answer: str) -> tuple[str, ...]:
    """The candidates that live on after an answer; none when the answer is another result or a refusal nobody made."""
    part = _answered(split, answer)
    if part is not None:
        return part.candidates
    if answer.strip().casefold() == REJECT:
        refusing = [item for item in split.parts if item.outcomes[-1].kind == "raised" and not item.crashed]
        return tuple(name for item in refusing for name in item.candidates)
    return ()


def as_steps(split: Split, answer: str) -> tuple[Step, ...]:
    """The answered input as the steps of an acceptance example; empty when the answer names none of the results."""
    part = _answered(split, answer)
    if part is None:
        return ()
    steps = []
    for step, outcome in zip(split.steps, part.outcomes, strict=False):
        expect = _expect(outcome)
        if expect is None:
            return ()
        steps.append(structs.replace(step, expect=expect))
    return tuple(steps)


def input_text(steps: Sequence[Step]) -> str:
    """An input in one line, as a person would write it."""
    words = []
    for step in steps:
        if step.call:
            words.append(step.call)
        elif step.path:
            body = "" if step.body is None else " " + json.dumps(step.body, sort_keys=True)
            words.append(f"{step.method} {step.path}{body}")
        else:
            line = " ".join(
                ["the command", *(json.dumps(word) if " " in word or not word else word for word in step.argv)]
            )
            words.append(line + (f" with the input {step.stdin!r}" if step.stdin else ""))
    return _cut("; then ".join(words), 3 * _MOST_CHARS)


def _offered(split: Split) -> tuple[Part, ...]:
    """The results to choose from; accidents are no offer, and alike ones are one."""
    parts = [part for part in split.parts if part.mass >= LEAST_MASS - 1e-9 and not part.crashed]
    return tuple(parts[:_MOST_OPTIONS])


def _answered(split: Split, answer: str) -> Part | None:
    place = _LETTERS.find(answer.strip().upper()) if len(answer.strip()) == 1 else -1
    parts = _offered(split)
    return parts[place] if 0 <= place < len(parts) else None


def _first_difference(parts: Sequence[Part]) -> int:
    """The step at which the offered results part; what follows need not be read."""
    shortest = min(len(part.outcomes) for part in parts)
    for place in range(shortest):
        if any(not agree(parts[0].outcomes[place : place + 1], part.outcomes[place : place + 1]) for part in parts[1:]):
            return place
    return max(shortest - 1, 0)


def _shown(part: Part, place: int) -> str:
    return show(part.outcomes[: place + 1], _MOST_CHARS)


def _expect(outcome: Outcome) -> Expect | None:
    value = outcome.value
    if outcome.kind == "raised":
        return Expect(raises=str(value))
    if outcome.kind == "exited" and isinstance(value, list) and len(value) == 2:
        return Expect(exit=value[0], stdout=value[1]) if isinstance(value[1], str) else None
    if outcome.kind == "answered" and isinstance(value, list) and len(value) == 2:
        return Expect(status=value[0])
    literal = show((outcome,), 1 << 16)
    return Expect(value=literal) if outcome.kind == "returned" and _is_literal(literal) else None


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _is_literal(text: str) -> bool:
    """Whether a text can be read as a Python value."""
    try:
        ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return False
    return True
