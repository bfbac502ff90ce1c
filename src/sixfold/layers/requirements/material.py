"""What came with a request, in the form in which every prompt of this layer shows it."""

from __future__ import annotations

from sixfold.domain.model import Image
from sixfold.domain.prompt import untrusted
from sixfold.domain.requirements import Attachment, Request

_MOST_IMAGES = 20


def material(request: Request) -> str:
    """The attachments as fenced text with provenance; pictures are announced by name, in the order they are sent."""
    if not request.attachments and not request.earlier:
        return "Nothing is attached."
    blocks, number = [], 0
    if request.earlier:
        said = "\n".join(f"- {line}" for line in request.earlier)
        blocks.append(
            f"What this person decided earlier about this folder; it holds unless the request differs:\n{said}"
        )
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
