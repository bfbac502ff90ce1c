"""The report page."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

from sixfold.domain.view import RunView
from sixfold.interfaces.escape import visible


def render(view: RunView, blobs: Callable[[str], bytes | None]) -> str:
    """The run's timeline as one HTML page."""
    rows = "".join(f"<li>{escape(moment.at)} {escape(visible(moment.text))}</li>" for moment in view.timeline)
    return f"<!doctype html><meta charset=utf-8><title>{escape(view.run)}</title><ol>{rows}</ol>"
