"""Choosing among candidates by what they did when they ran; what a model says about them is never asked.

The order of evidence: examples of the specification, then properties, then findings that block, then agreement on
executed inputs, and only among equals the candidate's own tests and its place in the order. A test that its author
wrote is last because it shares the author's misreading: it may accuse code only where an example, a property or the
agreement of other candidates says the same (CodeT, arXiv 2207.10397; S*, arXiv 2502.14382).
"""

from __future__ import annotations

from collections.abc import Sequence

from sixfold.domain.data import Data
from sixfold.domain.divergence import Divergence


class Standing(Data, frozen=True, kw_only=True):
    """What executing one candidate showed. Counts are of failures: 0 is best."""

    name: str
    examples: int = 0
    """Failing examples of the specification, and tests older than the run."""
    properties: int = 0
    """Tests tied to a requirement for which a counterexample was found."""
    findings: int = 0
    """Findings that block a release."""
    own: int = 0
    """Other failing tests: those the candidate brought itself."""
    blocked: bool = False
    """It could not be applied, or its tests gave no verdict."""


class Selection(Data, frozen=True, kw_only=True):
    """The chosen candidate, and why."""

    name: str
    reason: str
    """One line of counts and shares."""
    ranking: tuple[str, ...]
    """All candidates, best first."""


def survivors(standings: Sequence[Standing]) -> tuple[str, ...]:
    """Candidates that nothing confirmed speaks against more than against the best; in their order.

    Only these are worth executing against each other.
    """
    best = min(map(_confirmed, standings))
    return tuple(one.name for one in standings if _confirmed(one) == best)


def agreement(name: str, divergences: Sequence[Divergence]) -> float:
    """Mean share of candidates that did the same as this one on the inputs that part them; 1 when none does.

    A candidate that crashes where most give an answer agrees with nobody there.
    """
    shares = []
    for divergence in divergences:
        known = {each for reading in divergence.readings for each in reading.candidates}
        broken = {each for reading in divergence.readings if reading.broken for each in reading.candidates}
        if name in broken:
            shares.append(0.0)
            continue
        for split in divergence.splits:
            part = next((part for part in split.parts if name in part.candidates), None)
            shares.append(part.mass if part is not None and not part.crashed else 0.0)
        if not divergence.splits and name in known:
            shares.append(1.0)
    return sum(shares) / len(shares) if shares else 1.0


def select(standings: Sequence[Standing], divergences: Sequence[Divergence] = ()) -> Selection:
    """The best candidate.

    Args:
        standings: at least one; their order breaks ties.
        divergences: the survivors on distinguishing inputs, one a public boundary; empty when none could be executed.
    """
    mass = {one.name: round(agreement(one.name, divergences), 6) for one in standings}
    ranked = sorted(standings, key=lambda one: (_confirmed(one), -mass[one.name], one.own))
    first, left = ranked[0], survivors(standings)
    parts = [f"{len(left)} of {len(standings)} candidates stand after examples, properties and findings"]
    inputs = sum(divergence.inputs for divergence in divergences)
    if inputs and len(left) > 1:
        parted = sum(len(divergence.splits) for divergence in divergences)
        parts.append(f"{parted} of {inputs} inputs part them, {mass[first.name]:.0%} agree with {first.name}")
    elif len(left) > 1:
        parts.append("no input could be executed on them, the one with the fewest failing tests of its own comes first")
    return Selection(name=first.name, reason="; ".join(parts), ranking=tuple(one.name for one in ranked))


def _confirmed(one: Standing) -> tuple[bool, int, int, int]:
    return (one.blocked, one.examples, one.properties, one.findings)
