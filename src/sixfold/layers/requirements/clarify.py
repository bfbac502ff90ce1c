"""The clarity check of system-size requests: one call drafts specification, questions and assumptions."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from sixfold.domain.model import Image, Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompt import Prompt, untrusted
from sixfold.domain.replies import ask
from sixfold.domain.requirements import Attachment, Request, Specification
from sixfold.layers.requirements.answer import read_specification

CLARIFY = Prompt.parse((Path(__file__).parent / "prompts" / "clarify.md").read_text(encoding="utf-8"))
_MOST_IMAGES = 20


async def clarify(
    model: Model, request: Request, context: str, *, most_questions: int, packages: Sequence[str] = ()
) -> Specification:
    """A complete draft, written as if every default were accepted, with at most `most_questions` questions.

    Args:
        context: what is known of the repository (overview, passages); empty for a new product.
        packages: names the product may depend on besides what its repository declares.

    Raises:
        InvalidReply: the answer could not be read, twice.
        ModelError, BudgetExceeded, ReplayDrift: as `Model.complete`.
    """
    specification, _ = await ask(
        model,
        clarify_request(request, context, most_questions=most_questions, packages=packages),
        lambda text: read_specification(text, most_questions=most_questions),
    )
    return specification


def clarify_request(
    request: Request, context: str, *, most_questions: int, packages: Sequence[str] = ()
) -> ModelRequest:
    """The question that `clarify` asks; equal inputs give equal requests."""
    text = CLARIFY.render(
        request=request.text.strip(),
        material=material(request),
        repository=untrusted("repository", context) if context.strip() else "There is none yet: this is a new product.",
        most_questions=str(most_questions),
        packages=", ".join(packages) or "none",
    )
    return ModelRequest(
        purpose="input.clarify",
        role="analyst",
        system=CLARIFY.system,
        messages=(Message(author="user", text=text, images=pictures(request)),),
    )


def material(request: Request) -> str:
    """The attachments as fenced text with provenance; pictures are announced by name, in the order they are sent."""
    if not request.attachments:
        return "Nothing is attached."
    blocks, number = [], 0
    for attachment in request.attachments:
        about = f"Attachment {attachment.name} ({attachment.media_type})"
        if attachment.images:
            shown = range(number + 1, min(number + len(attachment.images), _MOST_IMAGES) + 1)
            number += len(attachment.images)
            about += f", picture {', '.join(map(str, shown))}" if shown else ", its pictures are not shown"
        if attachment.note:
            about += f". Lost in reading: {attachment.note}"
        blocks.append(about)
        if attachment.text:
            blocks.append(untrusted(f"attachment {attachment.name}", attachment.text))
    return "\n\n".join(blocks)


def pictures(request: Request) -> tuple[Image, ...]:
    """All pictures of all attachments, in order, as many as a message may hold."""
    found = [
        Image(digest=image, media_type=kind)
        for attachment in request.attachments
        for image, kind in zip(attachment.images, _image_types(attachment), strict=True)
    ]
    return tuple(found[:_MOST_IMAGES])


def _image_types(attachment: Attachment) -> tuple[str, ...]:
    if attachment.image_types:
        return attachment.image_types
    own = attachment.media_type if attachment.media_type.startswith("image/") else "image/png"
    return (own,) * len(attachment.images)
