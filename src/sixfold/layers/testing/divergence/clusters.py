"""Groups candidates by what they did, and ranks the inputs that part them."""

from __future__ import annotations

import math
from collections.abc import Sequence

from msgspec import structs

from sixfold.domain.data import canonical
from sixfold.domain.divergence import Candidate, Part, Reading, Split, agree
from sixfold.layers.testing.divergence.execute import Input, Outcomes

LIGHT = 0.2
"""A reading of at most this share that also crashes is a bad sample (one of five)."""
_CRASHED = -1


def split(steps: Input, candidates: Sequence[Candidate], row: Sequence[Outcomes]) -> Split:
    """The parties one input makes, heaviest first; equally heavy ones in the order of their first candidate."""
    total = sum(candidate.mass for candidate in candidates)
    groups: list[tuple[Outcomes, list[Candidate]]] = []
    for candidate, outcomes in zip(candidates, row, strict=True):
        for shown, members in groups:
            if agree(shown, outcomes):
                members.append(candidate)
                break
        else:
            groups.append((outcomes, [candidate]))
    parts = [
        Part(
            candidates=tuple(member.name for member in members),
            outcomes=shown,
            mass=sum(member.mass for member in members) / total,
        )
        for shown, members in groups
    ]
    parts.sort(key=lambda part: -part.mass)
    return Split(steps=tuple(steps), parts=tuple(parts), entropy_bits=entropy_bits(parts))


def entropy_bits(parts: Sequence[Part]) -> float:
    """How many bits an answer tells. Accidents are one party: which exception nonsense causes is nobody's wish."""
    shares = [part.mass for part in parts if not part.crashed]
    shares.append(sum(part.mass for part in parts if part.crashed))
    whole = sum(shares)
    return round(-sum(share / whole * math.log2(share / whole) for share in shares if share > 0) + 0.0, 9)


def readings(candidates: Sequence[Candidate], splits: Sequence[Split]) -> tuple[Reading, ...]:
    """Candidates that went the same way at every input, by mass; light ones that crash where most do not are broken."""
    total = sum(candidate.mass for candidate in candidates)
    groups: dict[tuple[int, ...], list[Candidate]] = {}
    for candidate in candidates:
        way = tuple(_side(one, candidate.name) for one in splits)
        groups.setdefault(way, []).append(candidate)
    found = []
    for way, members in groups.items():
        mass = sum(member.mass for member in members) / total
        broken = mass <= LIGHT + 1e-9 and any(
            side == _CRASHED and sum(part.mass for part in one.parts if not part.crashed) > 0.5
            for side, one in zip(way, splits, strict=True)
        )
        found.append(Reading(candidates=tuple(member.name for member in members), mass=mass, broken=broken))
    return tuple(sorted(found, key=lambda reading: -reading.mass))


def ranked(splits: Sequence[Split]) -> tuple[Split, ...]:
    """Inputs that split, the one worth asking about first: no accident in it, the most even, the smallest."""
    parting = [one for one in splits if one.entropy_bits > 0]
    return tuple(sorted(parting, key=_worth))


def without(one: Split, names: frozenset[str]) -> Split | None:
    """The same input with some candidates taken out; None when nobody is left."""
    kept = []
    for part in one.parts:
        members = tuple(name for name in part.candidates if name not in names)
        if members:
            share = part.mass * len(members) / len(part.candidates)
            kept.append(structs.replace(part, candidates=members, mass=share))
    whole = sum(part.mass for part in kept)
    parts = tuple(structs.replace(part, mass=part.mass / whole) for part in kept)
    return Split(steps=one.steps, parts=parts, entropy_bits=entropy_bits(parts)) if parts else None


def size(steps: Input) -> tuple[int, int, str]:
    """The order of inputs for a reader: fewer steps, fewer characters, then by text."""
    text = canonical([(step.call, step.argv, step.stdin, step.path, step.body) for step in steps])
    return (len(steps), len(text), text)


def _side(one: Split, name: str) -> int:
    """The party a candidate belongs to; all accidents are one."""
    place = next(place for place, part in enumerate(one.parts) if name in part.candidates)
    return _CRASHED if one.parts[place].crashed else place


def _worth(one: Split) -> tuple[bool, float, tuple[int, int, str]]:
    return (any(part.crashed for part in one.parts), -one.entropy_bits, size(one.steps))
