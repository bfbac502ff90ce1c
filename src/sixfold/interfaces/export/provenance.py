"""Where everything in a run came from: whose doing, which prompt and answer, which content, which approval.

All of it is read out of the event log, so it holds for runs that were recorded before this page existed, and a stranger
can work it out again. Calls are told by the number of their event; prompts, answers and contents by their hashes.
"""

from __future__ import annotations

from collections.abc import Sequence

from sixfold.domain.data import Json, canonical, digest
from sixfold.domain.events import Event
from sixfold.domain.run import offered_tree


def provenance(events: Sequence[Event]) -> list[Json]:
    """One entry for every event about content, in order.

    Fields: `seq`, `kind`, `by`; and where they apply `call` (event of the model call), `model`, `prompt` and `reply`
    (SHA-256), `input` (git tree or SHA-256 of what it worked on), `approval` (event of the decision).
    """
    book = _Book(events)
    return [entry for event in events if (entry := book.entry(event)) is not None]


class _Book:
    """What was known when each event was written."""

    def __init__(self, events: Sequence[Event]) -> None:
        created = next((event.data for event in events if event.kind == "run.created"), None)
        self._request = digest(canonical(created["request"])) if created else ""
        self._specification = ""
        self._product = str(created["snapshot"]["tree"]) if created else ""
        self._calls: dict[str, Event] = {}
        """Purpose, and purpose of a task, → last call."""
        self._trees: dict[str, str] = {}
        self._bases: dict[str, str] = {}
        self._released = ""
        self._signed = ""
        self._increments: dict[str, str] = {}
        self._questions: dict[str, str] = {}
        self._decisions: dict[str, Event] = {}
        self._examined = {
            event.key.split(":")[2]: str(event.data["tree"])
            for event in events
            if event.kind == "tests.ran" and event.key.startswith("tests:validation:")
        }

    def entry(self, event: Event) -> Json | None:
        """What is known about an event; None for one that made and judged nothing."""
        teller = getattr(self, "_" + event.kind.replace(".", "_"), None)
        if teller is None:
            return None
        facts: dict[str, Json] = teller(event, event.data)
        return {"seq": event.seq, "kind": event.kind, "by": event.who, **{k: v for k, v in facts.items() if v != ""}}

    def _asked(self, *purposes: str) -> dict[str, Json]:
        """The newest of these calls."""
        called = [self._calls[purpose] for purpose in purposes if purpose in self._calls]
        if not called:
            return {}
        call = max(called, key=lambda event: event.seq)
        return {"call": call.seq, **{name: call.data[name] for name in ("model", "prompt", "reply")}}

    def _approved(self, subject: str) -> dict[str, Json]:
        decision = self._decisions.get(subject)
        return {} if decision is None else {"approval": decision.seq, "approved_by": decision.who}

    def _run_created(self, event: Event, data: Json) -> dict[str, Json]:
        return {"input": self._request}

    def _model_called(self, event: Event, data: Json) -> dict[str, Json]:
        self._calls[data["purpose"]] = event
        self._calls[f"{data['purpose']}:{data.get('task') or ''}"] = event
        return {"call": event.seq, **{name: data[name] for name in ("model", "prompt", "reply")}}

    def _question_asked(self, event: Event, data: Json) -> dict[str, Json]:
        self._questions[data["question"]["id"]] = digest(canonical(data["question"]))
        return {"input": self._request, **self._asked("input.clarify", "input.attempt")}

    def _specification_drafted(self, event: Event, data: Json) -> dict[str, Json]:
        return {"input": self._request, **self._asked("input.clarify", "input.attempt")}

    def _specification_written(self, event: Event, data: Json) -> dict[str, Json]:
        self._specification = digest(canonical(data["specification"]))
        calls = ("input.clarify", "input.attempt", "input.specify", "input.consolidate")
        return {"input": self._request, "output": self._specification, **self._asked(*calls)}

    def _plan_made(self, event: Event, data: Json) -> dict[str, Json]:
        made = {} if data["plan"].get("author", "").startswith("rule") else self._asked("orchestration.plan")
        return {"input": self._specification, "output": digest(canonical(data["plan"])), **made}

    def _acceptance_written(self, event: Event, data: Json) -> dict[str, Json]:
        found = self._asked("validation.write_acceptance")
        return {"input": self._specification, "output": str(data.get("digest", "")), **found}

    def _acceptance_disputed(self, event: Event, data: Json) -> dict[str, Json]:
        return {"input": self._specification, **self._asked("validation.judge_tests")}

    def _patch(self, data: Json) -> dict[str, Json]:
        calls = (f"development.write_patch:{data['task']}", f"input.attempt:{data['task']}", "input.attempt:")
        self._bases.setdefault(data["task"], self._product)
        return {"input": self._trees.get(data["task"], self._bases[data["task"]]), **self._asked(*calls)}

    def _patch_applied(self, event: Event, data: Json) -> dict[str, Json]:
        facts = self._patch(data)
        self._trees[data["task"]] = data["tree"]
        return {**facts, "output": data["tree"]}

    def _patch_refused(self, event: Event, data: Json) -> dict[str, Json]:
        return self._patch(data)

    def _tests_ran(self, event: Event, data: Json) -> dict[str, Json]:
        return {"input": data["tree"]}

    _scan_done = _tests_ran

    def _repair_decided(self, event: Event, data: Json) -> dict[str, Json]:
        worked_on = self._trees.get(data["task"], "")
        if data.get("strategy") == "fresh":
            self._trees.pop(data["task"], None)  # the next patch starts from what the task began with
        return {"input": worked_on}

    def _check_done(self, event: Event, data: Json) -> dict[str, Json]:
        return {"input": self._examined.get(event.key.split(":")[1], "")}

    def _increment_proposed(self, event: Event, data: Json) -> dict[str, Json]:
        increment = data["increment"]
        self._increments[increment["id"]] = increment["tree"]
        return {"input": increment["base"], "output": increment["tree"], "diff": increment["diff"]}

    def _release_proposed(self, event: Event, data: Json) -> dict[str, Json]:
        return {"input": data["offer"]["tree"]}

    def _decision_given(self, event: Event, data: Json) -> dict[str, Json]:
        subject = data["decision"]["subject"]
        self._decisions[subject] = event
        kind, _, name = subject.partition(":")
        if kind == "release":
            self._signed = subject
            of = str(offered_tree(name))
        else:
            of = self._increments.get(name, "") if kind == "increment" else self._questions.get(name, "")
        if kind == "increment" and data["decision"]["verdict"] == "approve" and of:
            self._product = of
        return {"input": of, "subject": subject, "approval": event.seq}

    def _commit_made(self, event: Event, data: Json) -> dict[str, Json]:
        return {"input": data["tree"], **self._approved(f"increment:{data['increment']}")}

    def _branch_made(self, event: Event, data: Json) -> dict[str, Json]:
        self._released = data["tree"]
        return {"input": data["tree"], **self._approved(self._signed)}

    def _result_applied(self, event: Event, data: Json) -> dict[str, Json]:
        return {"input": self._released, **self._approved(self._signed)}

    _result_undone = _result_applied

    def _run_ended(self, event: Event, data: Json) -> dict[str, Json]:
        return {"input": str(data["outcome"].get("tree") or "")}
