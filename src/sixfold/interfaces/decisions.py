"""What a person may decide, checked against what the log says is open. Pure: every door uses the same rules."""

from __future__ import annotations

from sixfold.domain.errors import UsageError
from sixfold.domain.run import Decision, offered_tree
from sixfold.domain.view import RunView


def check(view: RunView, decision: Decision) -> None:
    """Allow the decision, or say in one line why not.

    Raises:
        UsageError: no such subject, decided already, content changed since it was shown, or a rejection without words.
    """
    kind, _, name = decision.subject.partition(":")
    run = view.run or "RUN"
    if kind == "assumption":
        _check_assumption(view, decision, name, run)
        return
    if kind == "requirement":
        _check_requirement(view, decision, name, run)
        return
    if kind == "question" and _answered_anew(view, decision, name):
        _check_alive(view, run)
        return
    if view.outcome is not None:
        raise UsageError(f"{run} has ended ({view.outcome.status})", next=f"see it: sixfold show {run}")
    if kind == "question":
        _check_question(view, decision, name, run)
    elif kind == "increment":
        _check_increment(view, decision, name, run)
    elif kind == "release":
        _check_release(view, decision, name, run)
    else:
        raise UsageError(f"{decision.subject!r} is nothing that can be decided", next=f"sixfold questions {run}")
    if decision.verdict == "reject" and not decision.comment.strip():
        raise UsageError("a rejection needs a reason: it is what the rework is made from", next="add -m WHY")


def reopens(view: RunView, decision: Decision) -> bool:
    """Whether a decision changes a run that has ended: a new run takes over what does not rest on it."""
    return view.outcome is not None and decision.subject.startswith(("assumption:", "question:", "requirement:"))


def _check_assumption(view: RunView, decision: Decision, id: str, run: str) -> None:
    ledger = view.specification.assumptions if view.specification else ()
    found = next((item for item in ledger if item.id == id), None)
    if found is None:
        known = ", ".join(item.id for item in ledger) or "none is written yet"
        raise UsageError(
            f"{run} has no assumption {id!r}", why=f"assumptions: {known}", next=f"sixfold questions {run}"
        )
    if decision.verdict not in ("answer", "approve") or (decision.verdict == "answer" and not decision.value.strip()):
        raise UsageError(
            "a correction says what is wanted instead", next=f'sixfold answer {run} {id} "what you want instead"'
        )
    if decision.verdict == "answer" and " ".join(decision.value.split()) in (found.correction, found.text):
        raise UsageError(f"{id} says so already", next=f"sixfold show {run}")
    _check_alive(view, run)


def _check_requirement(view: RunView, decision: Decision, id: str, run: str) -> None:
    if view.specification is None or not view.specification.requirements:
        raise UsageError(f"{run} has no requirements yet", next=f"sixfold questions {run}")
    known = id in {item.id for item in view.specification.requirements}
    if decision.verdict not in ("answer", "reject") or (decision.verdict == "answer" and not decision.value.strip()):
        raise UsageError(f"{id} needs a sentence", next=f"sixfold spec {run} --edit")
    if decision.verdict == "reject" and not known:
        raise UsageError(f"{run} has no requirement {id!r}", next=f"sixfold spec {run}")
    _check_alive(view, run)


def _answered_anew(view: RunView, decision: Decision, id: str) -> bool:
    """Whether another answer is given to a question whose first answer is built already."""
    question = view.question(id)
    built = view.specification is not None and bool(view.specification.requirements)
    fresh = decision.verdict == "answer" and bool(decision.value.strip())
    return question is not None and question.status != "open" and built and fresh and decision.value != question.answer


def _check_alive(view: RunView, run: str) -> None:
    """An ended run is changed by a new one, which needs what the old one proved."""
    if view.outcome is not None and view.offer is None:
        raise UsageError(
            f"{run} ended ({view.outcome.status}) before a release was offered",
            next=f"begin anew from the questions: sixfold fork {run} --from input",
        )


def _check_question(view: RunView, decision: Decision, id: str, run: str) -> None:
    question = view.question(id)
    if question is None:
        known = ", ".join(item.id for item in view.questions) or "none was asked"
        raise UsageError(f"{run} has no question {id!r}", why=f"questions: {known}", next=f"sixfold questions {run}")
    if question.status != "open":
        raise UsageError(f"{id} is {question.status} already: {question.answer}", next=f"sixfold show {run}")
    if decision.verdict == "default" and not question.default:
        raise UsageError(f"{id} declares no default", next=f"sixfold answer {run} {id} VALUE")
    if decision.verdict == "answer" and not decision.value.strip():
        raise UsageError("the answer is empty", next=f"sixfold answer {run} {id} VALUE")
    if decision.verdict not in ("answer", "default"):
        raise UsageError(f"{id} is a question; it is answered, not approved", next=f"sixfold answer {run} {id} VALUE")


def _check_increment(view: RunView, decision: Decision, id: str, run: str) -> None:
    item = view.increment(id)
    if item is None:
        known = ", ".join(one.increment.id for one in view.increments) or "none was proposed yet"
        raise UsageError(f"{run} has no increment {id!r}", why=f"increments: {known}", next=f"sixfold review {run}")
    if item.replaced:
        raise UsageError(f"{id} was replaced by rework", next=f"sixfold review {run}")
    if item.decision is not None:
        said = {"approve": "approved", "reject": "rejected", "edit": "edited"}
        done = said.get(item.decision.verdict, item.decision.verdict)
        raise UsageError(f"{id} was {done} already by {item.decision.who}", next=f"sixfold show {run}")
    if decision.verdict == "edit":
        if decision.value in ("", item.increment.tree):
            raise UsageError(f"the edit leaves {id} as it is", next=f"sixfold review {run}")
    elif decision.verdict not in ("approve", "reject"):
        raise UsageError(f"{id} is an increment; approve, edit or reject it", next=f"sixfold review {run}")


def _check_release(view: RunView, decision: Decision, offer: str, run: str) -> None:
    if view.offer is None:
        raise UsageError(f"{run} offers no release yet", next=f"sixfold show {run}")
    tree = offered_tree(offer)
    if view.offer.tree != tree:
        raise UsageError(
            "the content changed since it was shown",
            why=f"shown {tree[:12]}, now {view.offer.tree[:12]}",
            next=f"look again: sixfold review {run}",
        )
    if view.offer.subject != decision.subject:
        raise UsageError("the same content was offered anew", next=f"look again: sixfold review {run}")
    before = view.decision_on(decision.subject)
    if before is not None:
        done = "approved" if before.verdict == "approve" else "rejected"
        raise UsageError(f"this release was {done} already by {before.who}", next=f"sixfold show {run}")
    if decision.verdict not in ("approve", "reject"):
        raise UsageError("a release is approved or rejected", next=f"sixfold review {run}")
