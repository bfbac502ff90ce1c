"""The divergence engine: find the input on which programs that claim the same differ most, and make it small.

One engine for the clarity check (which reading was meant), for selection (which candidate), for a stuck repair and for
review evidence. Semantics by execution beat every text measure of disagreement (arXiv 2502.11620, 2506.11021); asking
about the input that parts sampled programs best is worth more than questions thought up from the text
(arXiv 2502.04485, 2404.10100).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import islice

from sixfold.domain.divergence import Candidate, Divergence, Split
from sixfold.domain.evidence import Limits
from sixfold.domain.ports import Workspace
from sixfold.layers.testing.divergence.calls import class_inputs, function_inputs, smaller_inputs
from sixfold.layers.testing.divergence.clusters import ranked, readings, size, split, without
from sixfold.layers.testing.divergence.execute import LIMITS, Input, Target, execute
from sixfold.layers.testing.divergence.messages import command_inputs, request_inputs, smaller_messages

_MOST_INPUT_CHARS = 600
_ROUNDS = 6
_MOST_VARIANTS = 24


async def diverge(
    workspace: Workspace,
    candidates: Sequence[Candidate],
    target: Target,
    *,
    examples: Sequence[Input] = (),
    most_inputs: int = 40,
    seed: int = 0,
    limits: Limits = LIMITS,
    shown: bool = True,
) -> Divergence:
    """Run all candidates on generated inputs; same arguments, same result, as far as the candidates are deterministic.

    Args:
        candidates: at least one; distinct names.
        examples: inputs the request itself gives: they are tried first and their neighbours most.
        limits: of each candidate on each input.
        shown: somebody will look at the best input, so that it is worth making small.

    Raises:
        SandboxUnavailable: nothing could be run.
    """
    inputs = generate(candidates, target, examples=examples, most_inputs=most_inputs, seed=seed)
    table = await execute(workspace, candidates, target, inputs, limits=limits)
    splits = [split(steps, candidates, row) for steps, row in zip(inputs, table, strict=True)]
    found = readings(candidates, splits)
    broken = frozenset(name for reading in found if reading.broken for name in reading.candidates)
    parting = [left for one in splits if (left := without(one, broken)) is not None]
    best = ranked(parting)
    if best and shown:
        sound = [candidate for candidate in candidates if candidate.name not in broken]
        best = (await minimise(workspace, sound, target, best[0], limits=limits), *best[1:])
    return Divergence(readings=found, splits=best, inputs=len(inputs))


async def compare(
    workspace: Workspace,
    candidates: Sequence[Candidate],
    target: Target,
    inputs: Sequence[Input],
    *,
    limits: Limits = LIMITS,
) -> tuple[Split, ...]:
    """The parties that given inputs make, one split an input, in their order: the blind-example check reads these."""
    table = await execute(workspace, candidates, target, inputs, limits=limits)
    return tuple(split(steps, candidates, row) for steps, row in zip(inputs, table, strict=True))


async def minimise(
    workspace: Workspace, candidates: Sequence[Candidate], target: Target, one: Split, *, limits: Limits = LIMITS
) -> Split:
    """A smaller input that parts the candidates in the same way; the given one when none is found.

    "The same way" keeps the parties and which of them crashed, not what they answered.
    """
    best, wanted = one, _parties(one)
    for _ in range(_ROUNDS):
        shrunk = (
            smaller_messages(best.steps) if target.kind in ("cli", "http", "service") else smaller_inputs(best.steps)
        )
        distinct = {size(steps): steps for steps in islice(shrunk, _MOST_VARIANTS * 2)}
        variants = [steps for key, steps in sorted(distinct.items()) if key < size(best.steps)][:_MOST_VARIANTS]
        tried = await compare(workspace, candidates, target, variants, limits=limits)
        fitting = [found for found in tried if _parties(found) == wanted]
        if not fitting:
            break
        best = min(fitting, key=lambda found: size(found.steps))
    return best


def generate(
    candidates: Sequence[Candidate],
    target: Target,
    *,
    examples: Sequence[Input] = (),
    most_inputs: int = 40,
    seed: int = 0,
) -> tuple[Input, ...]:
    """Distinct inputs for a boundary, without running anything."""
    rng = random.Random(seed)  # noqa: S311  (reproducible inputs, not secrets)
    stream: Iterator[Input]
    if target.kind == "cli":
        stream = command_inputs(candidates, examples, rng)
    elif target.kind in ("http", "service"):
        stream = request_inputs(candidates, examples, rng)
    elif target.kind == "class":
        stream = class_inputs(candidates, target, examples, rng)
    else:
        stream = function_inputs(candidates, target, examples, rng)
    found: dict[str, Input] = {}
    # A function of one boolean has two inputs: the search for new ones must end.
    for steps in islice(stream, most_inputs * 10):
        text = repr(steps)
        if len(text) <= _MOST_INPUT_CHARS * len(steps) or steps in examples:
            found.setdefault(text, steps)
        if len(found) >= most_inputs:
            break
    return tuple(found.values())


def _parties(one: Split) -> frozenset[tuple[tuple[str, ...], bool]]:
    return frozenset((part.candidates, part.crashed) for part in one.parts)
