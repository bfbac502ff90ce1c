"""The whole page: one file, no script, nothing loaded from anywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from sixfold.domain.view import RunView
from sixfold.interfaces.report import about, changes, proof
from sixfold.interfaces.report.html import Html, join, tag

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""Even if foreign text got through the escaping, no script would run and nothing would be fetched."""


def render(view: RunView, blobs: Callable[[str], bytes | None]) -> str:
    """The report of a run as one self-contained HTML page; says only what the events say.

    Args:
        view: the run, with its id set.
        blobs: bytes of a stored diff by digest, None when it is gone.
    """
    parts: list[tuple[str, str, Html | None]] = [
        ("request", "Request", about.request(view)),
        ("questions", "Questions", about.questions(view)),
        ("specification", "Specification", about.specification(view)),
        ("trace", "Traceability", about.matrix(view)),
        ("plan", "Plan", about.plan(view)),
        ("changes", "Changes", changes.changes(view, blobs)),
        ("validation", "Validation", proof.validation(view)),
        ("findings", "Scan results", proof.findings(view)),
        ("walk", "Before you sign", proof.before_signing(view)),
        ("approvals", "Approvals", proof.approvals(view)),
        ("cost", "Cost", proof.cost(view)),
        ("timeline", "Timeline", proof.timeline(view)),
        ("use", "Use it", proof.usage(view)),
    ]
    present = [(id, name, body) for id, name, body in parts if body is not None]
    links = [tag("li", tag("a", name, href=f"#{id}")) for id, name, _ in present]
    style = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    head = join(
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", f"{view.title or view.run} · Sixfold"),
        tag("style", Html(style)),
    )
    made = f"Made by Sixfold {view.version} from the {len(view.timeline)} events of {view.run or 'this run'}."
    body = tag(
        "body",
        tag("nav", tag("ol", links), aria_label="Contents"),
        tag("main", about.header(view), [part for _, _, part in present], tag("footer", made)),
    )
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>{body}</html>\n'
