"""The reviewer in the loop: sees what the review screen shows, and approves or sends back through a person's door."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from sixfold import wiring
from sixfold.config import Settings
from sixfold.domain.data import Data
from sixfold.domain.evidence import Finding
from sixfold.domain.model import Message, ModelRequest
from sixfold.domain.ports import Model
from sixfold.domain.prompt import Prompt, untrusted
from sixfold.domain.replies import Unreadable, json_in
from sixfold.domain.requirements import Requirement
from sixfold.domain.run import Decision
from sixfold.domain.view import IncrementView, RunView, outcomes
from sixfold.evaluation.asking import ask_again

WHO = "human:reviewer"
REVIEWER = Prompt.parse((Path(__file__).parent / "prompts" / "reviewer.md").read_text(encoding="utf-8"))
MOST_REJECTIONS = 3
"""Times a reviewer sends work of one run back; what is offered after that is signed as it is, and said to be so."""
MOST_DIFF_CHARS = 160_000
"""Of a change, what a model reviewer is given; the product's files come first, and what is left out is named."""

CHECKLIST: tuple[tuple[str, str], ...] = (
    (r"shell\s*=\s*True|os\.(system|popen)\(", "run programs with a list of arguments, never through a shell"),
    (r"(?<![\w.])(eval|exec)\(", "nothing a visitor sends may be evaluated as code"),
    (r"pickle\.loads?\(|marshal\.loads?\(", "stored or received bytes must not be unpickled"),
    (
        r"(?i)f\"[^\"]*\b(select|insert|update|delete)\b[^\"]*\{|f'[^']*\b(select|insert|update|delete)\b[^']*\{"
        r"|\b(select|insert|update|delete)\b[^\"']*[\"']\s*[%+]\s*\w",
        "values go to SQL as parameters, not into its text",
    ),
    (
        r"(?<!\w)random\.(choices?|randint|random|getrandbits|randrange|sample)\(",
        "secrets come from `secrets`, not `random`",
    ),
    (
        r"(?i)(md5|sha1|sha256|sha512)\([^)]*passw",
        "passwords need a slow salted hash (scrypt or pbkdf2), compared in constant time",
    ),
    (r"format_exc\(|print_exc\(.*file\s*=", "an error must not show its traceback to the visitor"),
)
"""Pattern of an added line, and what a reviewer with a checklist says to it."""


class Verdict(Data, frozen=True, kw_only=True):
    """What a reviewer said to an offer."""

    verdict: Literal["approve", "reject"]
    comment: str = ""


class Reviewed(Data, frozen=True, kw_only=True):
    """One line of the journal: what was offered, what came back."""

    subject: str
    verdict: Literal["approve", "reject"]
    comment: str = ""
    by: str
    waited_s: float | None = None
    """From offer to decision; None for a script, which needs no time worth telling."""


class Offer(Data, frozen=True, kw_only=True):
    """What stands before a reviewer."""

    subject: str
    shown: str
    """The review screen as text."""
    diff: str
    findings: tuple[Finding, ...] = ()


class Reviewer(Protocol):
    """Somebody who reads offers."""

    name: str
    timed: bool
    """Whether the time until the decision means anything."""

    async def read(self, offer: Offer) -> Verdict:
        """Approve, or reject with a reason."""
        ...


class RuleReviewer:
    """A reviewer with a checklist: sends back every finding that is no mere note, and every line the list names."""

    name = "rules"
    timed = False

    async def read(self, offer: Offer) -> Verdict:
        points = [
            f"{finding.path}:{finding.line} {finding.message}"
            for finding in offer.findings
            if finding.severity != "note" and not finding.baseline
        ]
        path = ""
        for line in offer.diff.splitlines():
            if line.startswith("+++ "):
                path = line[4:].removeprefix("b/")
            elif line.startswith("+") and not _is_test(path):
                points += [
                    f"{path}: {words} (`{line[1:].strip()[:80]}`)" for rule, words in CHECKLIST if _hit(rule, line)
                ]
        unique = list(dict.fromkeys(points))
        if not unique:
            return Verdict(verdict="approve")
        return Verdict(verdict="reject", comment="Put right:\n" + "\n".join(f"- {point}" for point in unique[:10]))


class ModelReviewer:
    """A model in the role `reviewer` that sees the offer and nothing else."""

    name = "model"
    timed = True

    def __init__(self, model: Model) -> None:
        self._model = model

    async def read(self, offer: Offer) -> Verdict:
        text = REVIEWER.render(shown=untrusted("offer", offer.shown), diff=untrusted("change", shortened(offer.diff)))
        request = ModelRequest(
            purpose="evaluation.review",
            role="reviewer",
            system=REVIEWER.system,
            messages=(Message(author="user", text=text),),
        )
        return await ask_again(self._model, request, read_verdict)


def shortened(diff: str, most_chars: int = MOST_DIFF_CHARS) -> str:
    """A change of a bounded length: tests last, whole files as long as they fit, and the names of those that do not."""
    files = [part for part in re.split(r"^(?=diff --git )", diff, flags=re.MULTILINE) if part]
    shown, left, room = [], [], most_chars
    for part in sorted(files, key=lambda part: _is_test(_path(part))):
        if len(part) <= room:
            shown.append(part)
            room -= len(part)
        else:
            left.append(f"(not shown, the change is too long: {_path(part)}, {part.count(chr(10))} lines)\n")
    return "".join((*shown, *left))


def read_verdict(text: str) -> Verdict:
    """A reviewer's answer.

    Raises:
        Unreadable: it is none, or a rejection without a reason.
    """
    verdict = json_in(text, Verdict)
    if verdict.verdict == "reject" and not verdict.comment.strip():
        raise Unreadable("a rejection needs a comment that says what must change")
    return verdict


class ReviewerDoor:
    """A reviewer at a run's door: `wiring.Door`. Questions take their defaults; increments and the release are read.

    The journal is on disk: what was decided is not decided again after an interruption.
    """

    def __init__(
        self, settings: Settings, run: str, reviewer: Callable[[], AbstractAsyncContextManager[Reviewer]], journal: Path
    ) -> None:
        self._settings = settings
        self._run = run
        self._reviewer = reviewer
        self._journal = journal

    async def ask(self, subject: str, view: RunView) -> Decision | None:
        kind, _, name = subject.partition(":")
        if kind == "question":
            question = view.question(name)
            return Decision(subject=subject, verdict="default", value=question.default if question else "", who=WHO)
        if kind not in ("increment", "release"):
            return Decision(subject=subject, verdict="approve", who=WHO)
        before = read_reviews(self._journal)
        said = next((item for item in before if item.subject == subject), None)
        if said is None:
            said = await self._decide(offer_of(self._settings, self._run, subject, view), before)
            with self._journal.open("ab") as file:
                file.write(msgspec.json.encode(said) + b"\n")
        return Decision(subject=subject, verdict=said.verdict, comment=said.comment, who=WHO)

    async def _decide(self, offer: Offer, before: Sequence[Reviewed]) -> Reviewed:
        if sum(1 for item in before if item.verdict == "reject") >= MOST_REJECTIONS:
            why = f"signed unread after {MOST_REJECTIONS} rejections"
            return Reviewed(subject=offer.subject, verdict="approve", comment=why, by="limit")
        began = time.monotonic()
        async with self._reviewer() as reviewer:
            verdict = await reviewer.read(offer)
            waited_s = round(time.monotonic() - began, 1) if reviewer.timed else None
            return Reviewed(
                subject=offer.subject,
                verdict=verdict.verdict,
                comment=verdict.comment,
                by=reviewer.name,
                waited_s=waited_s,
            )


def read_reviews(path: Path) -> tuple[Reviewed, ...]:
    """Every decision of a reviewer; a line cut off by a crash is left out."""
    if not path.exists():
        return ()
    lines = path.read_bytes().split(b"\n")[:-1]
    return tuple(msgspec.json.decode(line, type=Reviewed) for line in lines if line)


def offer_of(settings: Settings, run: str, subject: str, view: RunView) -> Offer:
    """What `sixfold review` shows of a subject, with its diff: the same record, no more than it."""
    kind, _, name = subject.partition(":")
    items = [item for item in view.live_increments if kind != "increment" or item.increment.id == name]
    diff = "".join(wiring.diff_text(settings, run, item.increment) for item in items)
    if kind == "increment" and items:
        return Offer(subject=subject, shown=_increment_text(view, items[-1]), diff=diff, findings=items[-1].findings)
    findings = view.offer.findings if view.offer else ()
    return Offer(subject=subject, shown=_release_text(view), diff=diff, findings=findings)


def _increment_text(view: RunView, item: IncrementView) -> str:
    increment = item.increment
    tests = outcomes(item.reports, ("unit", "existing", "acceptance", "examples"))
    lines = [f"{increment.id}: {increment.title}", *_asked(view, view.wanted(increment.requirements))]
    lines += [f"{file.path} {file.status} +{file.added} -{file.removed}" for file in increment.files]
    lines.append("tests: " + ", ".join(f"{count} {name}" for name, count in tests.items()))
    return "\n".join(
        [
            *lines,
            *_finding_lines(item.findings),
            *(f"look: {risk.path}:{risk.line} {risk.kind}: {risk.text}" for risk in increment.risks),
        ]
    )


def _release_text(view: RunView) -> str:
    offer = view.offer
    if offer is None:
        return "no release is offered"
    lines = [f"Release of {view.title}"]
    lines += _asked(view, view.specification.requirements if view.specification else ())
    for check in offer.checks:
        verdict = "skipped" if check.skipped else "ok" if check.ok else "FAILED"
        lines.append(f"{verdict}: {check.name} {check.detail}")
    if offer.unverified:
        lines.append(f"not verified: {', '.join(offer.unverified)}")
    return "\n".join([*lines, *_finding_lines(offer.findings)])


def _asked(view: RunView, wanted: Sequence[Requirement]) -> list[str]:
    """The person's words, what was made of them, and what nobody confirmed."""
    lines = [f"request: {view.request.text}", *(f"{one.id}: {one.text}" for one in wanted)]
    return lines + [f"assumed: {text}" for text in view.assumptions]


def _finding_lines(findings: Sequence[Finding]) -> list[str]:
    return [
        f"{finding.severity}: {finding.path}:{finding.line} {finding.rule} {finding.message}"
        for finding in findings
        if not finding.baseline
    ]


def _path(part: str) -> str:
    """The path of one file's part of a change."""
    found = re.search(r"^(?:\+\+\+ b|--- a)/(.+)$", part, re.MULTILINE)
    return found[1] if found else part.partition("\n")[0].rpartition(" b/")[2]


def _is_test(path: str) -> bool:
    name = path.rpartition("/")[2]
    return name.startswith("test_") or name.endswith("_test.py") or name == "conftest.py" or "tests/" in path


def _hit(rule: str, line: str) -> bool:
    return re.search(rule, line) is not None
