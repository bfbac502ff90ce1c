"""Who said what about a run: the person's own words decide what a model's output may do; other texts decide nothing."""

from __future__ import annotations

from collections.abc import Sequence

from sixfold.domain.data import Data, canonical, from_json
from sixfold.domain.events import Event
from sixfold.domain.requirements import Request
from sixfold.domain.run import Decision


class Words(Data, frozen=True, kw_only=True):
    """What was said, apart by who said it."""

    person: str = ""
    """The request, the answers, the comments of reviewers."""
    specification: str = ""
    """Written by a model; the person can see it."""
    foreign: str = ""
    """Attachments: given by the person, written by whomever."""


def words_of(events: Sequence[Event]) -> Words:
    """What was said in a run so far; the first event must be its `run.created`."""
    request = from_json(events[0].data["request"], Request)
    spoken = [request.text]
    specification = ""
    for event in events:
        if event.kind == "decision.given":
            decision = from_json(event.data["decision"], Decision)
            if decision.who.startswith("human:"):
                spoken += [decision.value, decision.comment]
        elif event.kind in ("specification.written", "specification.drafted"):
            specification = canonical(event.data["specification"])
    foreign = "\n".join(attachment.text for attachment in request.attachments)
    return Words(person="\n".join(spoken), specification=specification, foreign=foreign)
