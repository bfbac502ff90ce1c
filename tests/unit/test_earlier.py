"""What a person decided about a folder holds for later runs on it, and what a policy decided does not."""

from __future__ import annotations

from pathlib import Path

from sixfold import earlier
from sixfold.domain.data import to_json
from sixfold.domain.events import Event
from sixfold.domain.requirements import Assumption, Question, Request, Specification
from sixfold.domain.run import Decision, Options
from sixfold.layers.requirements.decide import decide_request, given_text, read_ledger
from sixfold.workflow.clock import SystemClock
from sixfold.workflow.log import EventLog

LEDGER = Specification(
    title="Count",
    questions=(
        Question(id="Q1", text="Does case matter?", default="no"),
        Question(id="Q2", text="Who?", default="all"),
    ),
    assumptions=(Assumption(id="A1", text="Order: newest first"), Assumption(id="A2", text="Delete: for good")),
)


def run(folder: Path, name: str, about: str, *decisions: Decision) -> list[Event]:
    log = EventLog(folder / name, SystemClock())
    log.append("run.created", "created", to_json({"request": {"text": "x"}, "options": Options(), "folder": about}))
    log.append("specification.drafted", "draft", to_json({"specification": LEDGER}))
    for question in LEDGER.questions:
        log.append("question.asked", question.id, to_json({"question": question}))
    for decision in decisions:
        log.append("decision.given", f"decision:{decision.subject}", to_json({"decision": decision}))
    return log.read()


def test_answers_and_corrections_of_people_on_the_same_folder_are_found_newest_first(tmp_path: Path) -> None:
    answered = Decision(subject="question:Q1", verdict="answer", value="yes", who="human:ann")
    older = Decision(subject="question:Q1", verdict="answer", value="no", who="human:ann")
    corrected = Decision(subject="assumption:A1", verdict="answer", value="oldest first", who="human:ann")
    policy = Decision(subject="question:Q2", verdict="default", value="all", who="policy:unanswered-default")
    logs = [
        run(tmp_path, "newest", "/work", answered, policy),
        run(tmp_path, "other", "/elsewhere", corrected),
        run(tmp_path, "oldest", "/work", older, corrected),
    ]
    assert earlier.decisions(logs, "/work") == ("Does case matter? yes", "oldest first")


def test_what_was_decided_earlier_is_told_to_the_analyst_and_not_assumed_again() -> None:
    request = Request(text="Count words", earlier=("Does case matter? yes",))
    assert "- Does case matter? yes" in decide_request(request, "", most_questions=5).messages[0].text
    text = '{"title": "Count", "lines": ["case does matter: yes", "Order: by word"]}'
    found = read_ledger(text, most_questions=5, given=given_text(request))
    assert [item.text for item in found.assumptions] == ["Order: by word"]
