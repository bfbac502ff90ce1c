"""Asking a coder for a patch: the first attempt of a task, a repair, and the one cheap retry after a refused edit."""

from __future__ import annotations

from collections.abc import Sequence

from sixfold.domain.code import Patch, Refusal
from sixfold.domain.model import Message, ModelRequest, Role
from sixfold.domain.ports import Model
from sixfold.domain.prompt import render_system, untrusted
from sixfold.domain.replies import Answered, ask
from sixfold.layers.synthesis import protocol
from sixfold.layers.synthesis.formats import FORMATS

NOTHING = " If the orders accuse what is right as it stands, answer only `<nothing>one sentence why</nothing>`."
"""The end of the prompt for a task that was given back."""


async def write_patch(
    model: Model,
    brief: str,
    *,
    role: str,
    purpose: str,
    scope: str,
    notes: Sequence[str] = (),
    sample: int = 0,
    format: str = "blocks",
    may_decline: bool = False,
    asked: Role = "coder",
) -> tuple[Patch, Answered]:
    """Ask for a task's patch in a fresh context.

    Args:
        brief: what the coder sees of the task (layer 3's `brief`).
        role: speciality, e.g. `back end`.
        notes: evidence and orders that come after the brief: failing tests, a reviewer's comment, a lesson.
        sample: index among candidates.
        format: name of the edit format the model is asked in and read in.
        may_decline: it may answer that there is nothing to change; what comes of that, tests and scanners decide.
        asked: whose model answers: the coder's, or the expert's.

    Raises:
        InvalidReply: no readable patch after one correction round; otherwise as `Model.complete`.
    """
    request = ModelRequest(
        purpose=purpose,
        role=asked,
        system=render_system(
            __package__,
            "write",
            role=role,
            format=FORMATS[format].instruction,
            nothing=NOTHING if may_decline else "",
        ),
        messages=(Message(author="user", text="\n\n".join((brief, *notes))),),
        max_output_tokens=32_000,
        sample=sample,
    )
    return await ask(
        model, request, lambda text: protocol.parse(text, FORMATS[format], may_decline=may_decline), scope=scope
    )


def correction(refusals: Sequence[Refusal]) -> str:
    """The note that goes back once when a patch was refused: reasons, and the text as it stands now."""
    lines = ["Your patch was not applied, and nothing was changed, because:"]
    for refusal in refusals:
        lines.append(f"- {refusal.path}: {refusal.reason}")
        if refusal.current:
            lines.append(untrusted(f"{refusal.path} as it is now", refusal.current))
    lines.append("Answer with the whole patch again, corrected.")
    return "\n".join(lines)


def previous_answer(text: str) -> str:
    """A reminder of what was answered before, for a correction in a fresh context; empty for an empty answer."""
    return "Your previous answer was:\n" + untrusted("your previous answer", text) if text else ""
