"""The audit trail: who decided what on which content, with the chain that shows any later change."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from sixfold.domain.data import Json, canonical, digest, to_json
from sixfold.domain.events import Event
from sixfold.domain.result import result
from sixfold.domain.view import RunView
from sixfold.interfaces.export.provenance import provenance
from sixfold.workflow.log import broken_link


def document(view: RunView, events: Sequence[Event]) -> str:
    """One JSON object: the result, every decision, the verdict on the hash chain, and the events themselves.

    `docs/guides/audit.md` says how a stranger checks it.
    """
    broken = broken_link(list(events))
    content: dict[str, Json] = {
        "schema_version": 1,
        "run": view.run,
        "sixfold": view.version,
        "chain": {"whole": broken is None, "broken_at": broken, "events": len(events), "head": view.head},
        "decisions": [
            {"at": event.at, "seq": event.seq, "recorded_by": event.who, **event.data["decision"]}
            for event in events
            if event.kind == "decision.given"
        ],
        "approvals": to_json(view.approvals),
        "provenance": provenance(events),
        "result": result(view),
        "events": to_json(list(events)),
    }
    content["digest"] = digest(canonical(content))
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode() + "\n"
