"""A reviewer at a run's door: reads an offer, decides, is heard once."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sixfold import wiring
from sixfold.config import Settings
from sixfold.domain.code import Increment
from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding
from sixfold.domain.replies import Unreadable
from sixfold.domain.requirements import Assumption, Question, Request, Requirement, Specification
from sixfold.domain.run import ReleaseOffer
from sixfold.domain.view import IncrementView, RunView
from sixfold.evaluation import reviewer
from sixfold.evaluation.reviewer import Offer, Reviewer, ReviewerDoor, RuleReviewer, Verdict, read_reviews
from sixfold.layers.refinement.git import GitRepository

SQL = "+++ b/store.py\n+    rows = db.execute(f\"SELECT * FROM people WHERE name = '{name}'\")\n"


class Scripted:
    """Says what it was told to, and notes what it read."""

    name = "scripted"
    timed = True

    def __init__(self, *verdicts: Verdict) -> None:
        self.verdicts = list(verdicts)
        self.read_offers: list[Offer] = []

    async def read(self, offer: Offer) -> Verdict:
        self.read_offers.append(offer)
        return self.verdicts.pop(0)


class Visit:
    """A run's folder with one increment, and a door."""

    def __init__(self, folder: Path, *verdicts: Verdict) -> None:
        self.settings = Settings(home=folder / "home")
        self.journal = folder / "reviews.jsonl"
        self.scripted = Scripted(*verdicts)
        place = wiring.state_of(self.settings).folder("r-1")
        diff = GitRepository(place / "repository", place / "blobs").put_blob(SQL.encode())
        increment = Increment(
            id="I1", task="T1", title="Store", base=Tree("a"), tree=Tree("b"), diff=diff, requirements=("R2",)
        )
        finding = Finding(tool="audit", rule="sql", severity="warning", message="SQL is put together", path="store.py")
        self.view = RunView(
            run="r-1",
            request=Request(text="remember people"),
            specification=Specification(
                title="People",
                requirements=(Requirement(id="R1", text="It greets."), Requirement(id="R2", text="It remembers.")),
                assumptions=(Assumption(id="A1", text="one file holds them"),),
            ),
            increments=(IncrementView(increment=increment, findings=(finding,), scanned=True),),
            questions=(Question(id="Q1", text="How?", default="so"),),
            offer=ReleaseOffer(tree=Tree("b"), unverified=("R2",)),
        )

    @contextlib.asynccontextmanager
    async def reviewer(self) -> AsyncIterator[Reviewer]:
        yield self.scripted

    def door(self) -> ReviewerDoor:
        return ReviewerDoor(self.settings, "r-1", self.reviewer, self.journal)


async def test_a_reviewer_sees_the_evidence_and_the_change_and_is_heard(tmp_path: Path) -> None:
    visit = Visit(tmp_path, Verdict(verdict="reject", comment="use parameters"))
    decision = await visit.door().ask("increment:I1", visit.view)
    assert decision is not None
    assert (decision.subject, decision.verdict, decision.comment) == ("increment:I1", "reject", "use parameters")
    (offer,) = visit.scripted.read_offers
    assert "SQL is put together" in offer.shown
    assert offer.diff == SQL
    (noted,) = read_reviews(visit.journal)
    assert noted.waited_s is not None


async def test_a_reviewer_sees_what_was_asked_and_what_of_it_this_change_is_for(tmp_path: Path) -> None:
    visit = Visit(tmp_path, Verdict(verdict="approve"), Verdict(verdict="approve"))
    for subject in ("increment:I1", "release:b"):
        await visit.door().ask(subject, visit.view)
    increment, release = (offer.shown for offer in visit.scripted.read_offers)
    for shown in (increment, release):
        assert "request: remember people" in shown
        assert "R2: It remembers." in shown
        assert "assumed: one file holds them" in shown
    assert "R1: It greets." not in increment
    assert "R1: It greets." in release


def _file(path: str, lines: int) -> str:
    return f"diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n" + "+x = 1\n" * lines


def test_a_long_change_is_shown_in_whole_files_product_first_and_says_what_it_leaves_out() -> None:
    tests, product, last = _file("tests/test_store.py", 50), _file("store.py", 50), _file("web.py", 5)
    assert reviewer.shortened(tests + product + last) == product + last + tests
    shown = reviewer.shortened(tests + product + last, len(product + last))
    assert shown.startswith(product + last)
    assert "not shown, the change is too long: tests/test_store.py, 53 lines" in shown
    assert reviewer.shortened(product + last, len(last)).endswith(last) is False
    assert last in reviewer.shortened(product + last, len(last))


async def test_what_was_decided_is_not_asked_again(tmp_path: Path) -> None:
    visit = Visit(tmp_path, Verdict(verdict="approve"))
    first = await visit.door().ask("release:b", visit.view)
    assert await visit.door().ask("release:b", visit.view) == first
    assert len(visit.scripted.read_offers) == 1
    assert "not verified: R2" in visit.scripted.read_offers[0].shown


async def test_a_reviewer_who_never_agrees_ends_the_loop_and_the_journal_says_so(tmp_path: Path) -> None:
    rejections = [Verdict(verdict="reject", comment="no") for _ in range(reviewer.MOST_REJECTIONS)]
    visit = Visit(tmp_path, *rejections)
    for number in range(reviewer.MOST_REJECTIONS + 1):
        await visit.door().ask(f"release:{number}", visit.view)
    last = read_reviews(visit.journal)[-1]
    assert (last.verdict, last.by) == ("approve", "limit")
    assert last.waited_s is None


async def test_questions_take_their_defaults(tmp_path: Path) -> None:
    visit = Visit(tmp_path)
    decision = await visit.door().ask("question:Q1", visit.view)
    assert decision is not None
    assert (decision.verdict, decision.value) == ("default", "so")
    assert read_reviews(visit.journal) == ()


async def test_the_checklist_sends_back_findings_and_what_it_knows() -> None:
    finding = Finding(tool="audit", rule="x", severity="warning", message="unsafe", path="a.py", line=3)
    said = await RuleReviewer().read(Offer(subject="s", shown="", diff=SQL, findings=(finding,)))
    assert said.verdict == "reject"
    assert "a.py:3 unsafe" in said.comment
    assert "store.py: values go to SQL as parameters" in said.comment


@pytest.mark.parametrize(
    "diff",
    [
        '+++ b/store.py\n+    db.execute("SELECT * FROM people WHERE name = ?", (name,))\n',
        SQL.replace("store.py", "tests/test_store.py"),
        SQL.replace("+    rows", "-    rows"),
        "+++ b/a.py\n+    traceback.print_exc()\n",
        "+++ b/a.py\n+    literal_eval(text)\n+    token = secrets.choice(words)\n",
    ],
)
async def test_the_checklist_approves_sound_lines_tests_and_what_was_taken_away(diff: str) -> None:
    note = Finding(tool="ruff", rule="x", severity="note", message="hm", path="a.py")
    old = Finding(tool="ruff", rule="y", severity="error", message="old", path="a.py", baseline=True)
    said = await RuleReviewer().read(Offer(subject="s", shown="", diff=diff, findings=(note, old)))
    assert said.verdict == "approve", said.comment


def test_a_rejection_without_a_reason_is_unreadable() -> None:
    with pytest.raises(Unreadable):
        reviewer.read_verdict('```json\n{"verdict": "reject", "comment": " "}\n```')
