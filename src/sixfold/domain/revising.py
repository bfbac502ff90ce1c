"""Decisions that change something after the specification was written: their names, and which ones count when."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import structs

from sixfold.domain.data import Data, from_json
from sixfold.domain.events import Event
from sixfold.domain.run import Decision


class Revised(Data, frozen=True, kw_only=True):
    """What a `revision:2:assumption:A3#1` changes, and when it was given."""

    offer: int
    """Number, from 1, of the release offer it came before. A replay takes it up at the same place."""
    subject: str
    """`assumption:A3` or `question:Q1`."""


def revision_of(subject: str) -> Revised | None:
    """What a revision's subject says; None for any other subject."""
    kind, _, rest = subject.partition(":")
    number, _, revised = rest.partition(":")
    if kind != "revision" or not number.isdecimal():
        return None
    return Revised(offer=int(number), subject=revised.partition("#")[0])


def as_revision(decision: Decision, events: Sequence[Event]) -> Decision:
    """The decision as one that changes a written specification, under a subject of its own: people may change again."""
    offers = sum(1 for event in events if event.kind == "release.proposed")
    start = f"revision:{offers + 1}:{decision.subject}#"
    times = sum(1 for subject in _subjects(events) if subject.startswith(start))
    return structs.replace(decision, subject=f"{start}{times + 1}")


def revisions(events: Sequence[Event], offers: int) -> tuple[Decision, ...]:
    """Decisions to fold into the specification before offer `offers` is made, in the order they were given.

    Corrections that came while the specification was being written are among them; one that it has already changes
    nothing.
    """
    found = []
    for event in events:
        if event.kind != "decision.given":
            continue
        decision = from_json(event.data["decision"], Decision)
        revised = revision_of(decision.subject)
        if revised is not None and revised.offer <= offers:
            found.append(structs.replace(decision, subject=revised.subject))
        elif decision.subject.startswith("assumption:"):
            found.append(decision)
    return tuple(found)


def taken_back(offer: str, decision: Decision) -> Decision:
    """The rejection of an offered release whose specification a person has just changed.

    Args:
        offer: the subject of the offer.
    """
    comment = f"{decision.subject.partition(':')[2]} was decided anew: {decision.value or decision.comment}"
    return Decision(subject=offer, verdict="reject", comment=comment, who=decision.who)


def _subjects(events: Sequence[Event]) -> list[str]:
    return [str(event.data["decision"]["subject"]) for event in events if event.kind == "decision.given"]
