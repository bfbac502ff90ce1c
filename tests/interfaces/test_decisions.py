"""What may be decided, and what is refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import sample_run

from sixfold.domain.data import Tree
from sixfold.domain.errors import UsageError
from sixfold.domain.fold import fold
from sixfold.domain.run import Decision
from sixfold.domain.view import RunView
from sixfold.interfaces.decisions import check
from sixfold.workflow.log import EventLog

ANSWERED = "keep one"


def view_at(tmp_path: Path, until: str) -> RunView:
    path = sample_run.write_run(tmp_path, until=until)
    return fold(EventLog(path / "events.jsonl", sample_run.TickingClock()).read())


def decision(subject: str, verdict: Any, **more: str) -> Decision:
    return Decision(subject=subject, verdict=verdict, who="human:ann", **more)


@pytest.mark.parametrize(
    ("until", "subject", "verdict", "more"),
    [
        ("question", "question:Q1", "answer", {"value": "something else entirely"}),
        ("question", "question:Q1", "default", {}),
        ("work", "assumption:A1", "answer", {"value": "something else"}),
        ("work", "question:Q1", "answer", {"value": "something else"}),
        ("validated", "assumption:A1", "answer", {"value": "something else"}),
        ("validated", "question:Q1", "answer", {"value": "something else"}),
        ("increment", "increment:I1", "approve", {}),
        ("increment", "increment:I1", "reject", {"comment": "no"}),
        ("release", f"release:{sample_run.tree('final')}", "approve", {}),
        ("release", f"release:{sample_run.tree('final')}", "reject", {"comment": "no"}),
    ],
)
def test_open_subjects_can_be_decided(
    tmp_path: Path, until: str, subject: str, verdict: str, more: dict[str, str]
) -> None:
    check(view_at(tmp_path, until), decision(subject, verdict, **more))


@pytest.mark.parametrize(
    ("until", "subject", "verdict", "more", "why"),
    [
        ("question", "question:Q7", "answer", {"value": "x"}, "no question"),
        ("question", "question:Q1", "answer", {"value": "  "}, "empty"),
        ("question", "question:Q1", "approve", {}, "answered, not approved"),
        ("work", "question:Q1", "answer", {"value": ANSWERED}, "already"),
        ("work", "question:Q1", "default", {}, "already"),
        ("question", "assumption:A9", "answer", {"value": "x"}, "no assumption"),
        ("work", "assumption:A1", "answer", {"value": " "}, "what is wanted instead"),
        ("work", "assumption:A1", "reject", {"comment": "no"}, "what is wanted instead"),
        ("increment", "increment:I1", "reject", {}, "needs a reason"),
        ("increment", "increment:I1", "answer", {"value": "x"}, "approve, edit or reject"),
        ("increment", "increment:I2", "approve", {}, "no increment"),
        ("increment", "release:", "approve", {}, "no release yet"),
        ("release", "increment:I1", "approve", {}, "replaced by rework"),
        ("release", "increment:I2", "approve", {}, "approved already by policy:no-risk"),
        ("release", "release:" + "0" * 40, "approve", {}, "content changed"),
        ("release", "nonsense", "approve", {}, "nothing that can be decided"),
        ("validated", "question:Q1", "answer", {"value": ANSWERED}, "has ended"),
        ("validated", "increment:I1", "approve", {}, "has ended"),
    ],
)
def test_everything_else_is_refused_with_a_next_step(
    tmp_path: Path, until: str, subject: str, verdict: str, more: dict[str, str], why: str
) -> None:
    with pytest.raises(UsageError, match=why) as caught:
        check(view_at(tmp_path, until), decision(subject, verdict, **more))
    assert caught.value.next


def test_question_without_default_has_no_default_to_take(tmp_path: Path) -> None:
    view = view_at(tmp_path, "question")
    bare = msgspec.structs.replace(view, questions=(msgspec.structs.replace(view.questions[0], default=""),))
    with pytest.raises(UsageError, match="no default"):
        check(bare, decision("question:Q1", "default"))


def test_release_is_signed_once(tmp_path: Path) -> None:
    view = view_at(tmp_path, "release")
    assert view.offer is not None
    subject = f"release:{view.offer.tree}"
    from sixfold.domain.run import Approval

    signed = Approval(subject=subject, verdict="approve", who="human:bob", tree=Tree(view.offer.tree))
    with pytest.raises(UsageError, match="already by human:bob"):
        check(msgspec.structs.replace(view, approvals=(signed,)), decision(subject, "approve"))
