"""The report's middle: each increment with its evidence strip and its diff, folded per file."""

from __future__ import annotations

import re
from collections.abc import Callable

from sixfold.domain.code import Risk
from sixfold.domain.evidence import matters
from sixfold.domain.view import IncrementView, RunView, outcomes
from sixfold.interfaces.escape import hostile
from sixfold.interfaces.report.html import Child, Html, badge, code, join, section, tag

Blobs = Callable[[str], bytes | None]

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@(.*)")
_MOST_LINES = 1500
"""Lines of one file's diff that are shown; the rest is named, not dropped silently."""
_OPEN_LINES = 80
"""Files with longer diffs start folded."""


def changes(view: RunView, blobs: Blobs) -> Html | None:
    """Every increment that stands, then those that rework replaced."""
    if not view.increments:
        return None
    standing = [_increment(view, item, blobs) for item in view.live_increments]
    replaced = [_increment(view, item, blobs) for item in view.increments if item.replaced]
    folded = (
        tag("details", tag("summary", f"{len(replaced)} increment(s) replaced by rework"), replaced)
        if replaced
        else None
    )
    return section("changes", "Changes", standing, folded)


def _increment(view: RunView, item: IncrementView, blobs: Blobs) -> Html:
    increment = item.increment
    added, removed = sum(file.added for file in increment.files), sum(file.removed for file in increment.files)
    said = item.decision
    about = f" · “{said.comment}”" if said and said.comment else ""
    return tag(
        "article",
        tag("h3", tag("span", increment.id, class_="id"), increment.title),
        tag(
            "p",
            f"task {increment.task} · {_count(len(increment.files), 'file')}, +{added} −{removed}",
            f" · for {', '.join(increment.requirements)}" if increment.requirements else "",
            " · tree ",
            code(increment.tree[:12]),
            [" · commit ", code(item.commit[:12])] if item.commit else None,
            class_="quiet",
        ),
        _strip(view, item),
        tag("p", f"{said.who}{about}", class_="said") if said else None,
        tag("ul", [_risk(risk) for risk in increment.risks], class_="risks") if increment.risks else None,
        diff_files(blobs(increment.diff) if increment.diff else None, wanted=bool(increment.diff)),
        class_="increment",
        id=f"increment-{increment.id}",
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _strip(view: RunView, item: IncrementView) -> Html:
    """Facts only: what ran on exactly this content, and what did not."""
    tests = outcomes(item.reports, ("unit", "existing", "acceptance", "examples"))
    problems = [report.problem for report in item.reports if report.problem]
    parts: list[Child] = []
    if problems:
        parts.append(badge(f"tests without verdict: {problems[0]}", "bad"))
    elif item.reports:
        parts.append(
            badge(f"{tests['passed']} tests passed", "good" if tests["passed"] and not tests["failed"] else "")
        )
        parts += [
            badge(f"{tests[name]} {name}", tone)
            for name, tone in (("failed", "bad"), ("skipped", "warn"))
            if tests[name]
        ]
    else:
        parts.append(badge("no tests recorded", "warn"))
    new = [each[0] for each in matters(item.findings) if not each[0].baseline]
    blocking = sum(1 for finding in new if finding.blocks)
    if not item.scanned:
        parts.append(badge("no scan recorded", "warn"))
    elif blocking:
        parts.append(badge(f"{blocking} blocking findings", "bad"))
    else:
        parts.append(badge(_count(len(new), "finding") if new else "scan clean", "warn" if new else "good"))
    attempts = item.increment.attempts
    parts.append(badge(f"{attempts} attempt{'s' if attempts != 1 else ''}"))
    task = view.task(item.increment.task)
    if task and task.usage.calls:
        parts += [badge(task.model), badge(f"{task.usage.input_tokens + task.usage.output_tokens:,} tokens")]
    verdict = item.decision.verdict if item.decision else ""
    words = {"approve": ("approved", "good"), "reject": ("rejected", "bad")}
    parts.append(badge(*words.get(verdict, ("undecided", "warn"))))
    return tag("p", [[part, " "] for part in parts], class_="strip")


def _risk(risk: Risk) -> Html:
    where = f"{risk.path}:{risk.line}" if risk.line else risk.path
    return tag("li", badge(risk.kind, "warn"), " ", code(where) if where else None, " ", risk.text)


def diff_files(raw: bytes | None, *, wanted: bool = True) -> Child:
    """A unified diff, one folded block a file."""
    if raw is None:
        return tag("p", "The diff is not in the run's folder any more.", class_="quiet") if wanted else None
    content = raw.decode(errors="replace")
    warning = None
    if hostile(content):
        warning = tag(
            "p",
            badge("hidden characters", "bad"),
            " This diff holds control or bidirectional characters; they are spelled out below.",
        )
    parts = [part for part in re.split(r"(?m)^(?=diff --git )", content) if part.strip()]
    return join(warning, [_file(part) for part in parts])


def _file(part: str) -> Html:
    # Not splitlines(): it would also break at characters that are no line ends to git.
    lines = part.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    added = removed = old = new = 0
    shown: list[Html] = []
    inside = False
    for line in lines:
        hunk = _HUNK.match(line)
        if hunk:
            old, new, inside = int(hunk[1]), int(hunk[2]), True
            shown.append(_row("", "", line, "hunk"))
        elif inside and line.startswith("+"):
            added += 1
            shown.append(_row("", str(new), line, "add"))
            new += 1
        elif inside and line.startswith("-"):
            removed += 1
            shown.append(_row(str(old), "", line, "del"))
            old += 1
        elif inside and line.startswith("\\"):
            shown.append(_row("", "", line, "meta"))
        elif inside:
            shown.append(_row(str(old), str(new), line, ""))
            old, new = old + 1, new + 1
    rest = len(shown) - _MOST_LINES
    cut = tag("p", f"{rest} more lines: sixfold diff shows them.", class_="quiet") if rest > 0 else None
    body = (
        tag("table", shown[:_MOST_LINES], class_="diff")
        if shown
        else tag("p", "No text lines (binary, or a change of mode).", class_="quiet")
    )
    counts = join(tag("span", f"+{added}", class_="plus"), " ", tag("span", f"−{removed}", class_="minus"))
    name = tag("summary", code(_path(lines)), " ", counts)
    return tag("details", name, tag("div", body, class_="scroll"), cut, class_="file", open=len(shown) <= _OPEN_LINES)


def _path(lines: list[str]) -> str:
    for prefix in ("+++ b/", "--- a/"):
        for line in lines[:8]:
            if line.startswith(prefix):
                return line[len(prefix) :]
    return lines[0].rpartition(" b/")[2] if lines else ""


def _row(old: str, new: str, line: str, kind: str) -> Html:
    return tag(
        "tr",
        tag("td", old, class_="number"),
        tag("td", new, class_="number"),
        tag("td", line or " "),
        class_=kind or None,
    )
