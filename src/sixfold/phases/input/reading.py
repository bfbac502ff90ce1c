"""Function-size requests: the direct attempt, read blind where the request has examples, and the choice it may need.

The examples of a request are held back from whoever writes the first candidate. Where it meets them and nothing is
missing in the text, the check has cost no call of its own. Otherwise up to four further readings are drawn and run
against each other; what parts them becomes one concrete question, and the chosen reading goes on as the candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from sixfold.domain.data import Data
from sixfold.domain.divergence import Candidate, Divergence, Split
from sixfold.domain.flow import Intent
from sixfold.domain.ports import Ports
from sixfold.domain.requirements import Question, Request, Specification, Step
from sixfold.domain.run import Decision, Options
from sixfold.layers.requirements import blind, choice, completeness, functions, specify
from sixfold.layers.requirements.answer import read_specification
from sixfold.layers.requirements.given import Given, conflicting, given_examples
from sixfold.layers.synthesis import direct
from sixfold.layers.testing import divergence
from sixfold.phases.input.deciding import answers
from sixfold.workflow.run import Run

_MOST_INPUTS = 32
_MOST_EXAMPLES = 12


class _Looked(Data, frozen=True, kw_only=True):
    """What lint sees in a request for one function; a step's result, because its word lists change with versions."""

    name: str = ""
    """Empty: this is not a request for one function, so nothing more is looked at."""
    examples: tuple[Given, ...] = ()
    missing: tuple[str, ...] = ()


class _Compared(Data, frozen=True, kw_only=True):
    """What the readings so far did."""

    fit: blind.Fit
    divergence: Divergence
    move: blind.Move


class _Reading(Data, frozen=True, kw_only=True):
    """One candidate with the specification it was written to."""

    name: str
    path: str
    """The file of the function, with its text in `source`."""
    source: str
    answer: direct.Direct


async def read(run: Run, ports: Ports, request: Request, options: Options, context: str) -> Intent | None:
    """The direct attempt; None when the model finds the request unclear or too large after all."""
    looked = _Looked()
    if functions.function_of(request.text) and not context and options.clarify != "never":
        looked = await run.step("input.lint", partial(_look, request.text), _Looked)
    shown = request
    if looked.examples:
        shown = replace(request, text=functions.held_back(request.text, looked.examples))
    first = await _attempt(run, ports, shown, context, sample=0)
    if first.specification is None:
        run.emit("note", "note:unclear", {"text": f"not a direct task after all: {first.unclear}"})
        return None
    plain = Intent(specification=first.specification, candidate=first.patch)
    reading = _reading(looked.name, first, 0)
    if reading is None or not (looked.examples or looked.missing):
        return plain
    return await _check(run, ports, request, options, looked, reading)


async def _look(text: str) -> _Looked:
    name = functions.function_of(text)
    examples = given_examples(text, name)[:_MOST_EXAMPLES]
    return _Looked(name=name, examples=examples, missing=completeness.incomplete(text))


async def _attempt(run: Run, ports: Ports, request: Request, context: str, *, sample: int) -> direct.Direct:
    async def attempt() -> direct.Direct:
        reader = partial(read_specification, most_questions=0)
        answer, _ = await direct.attempt(ports.model, request, context, reader, sample=sample)
        return answer

    return await run.step("input.attempt" if not sample else f"input.attempt:{sample}", attempt, direct.Direct)


def _reading(name: str, answer: direct.Direct, number: int) -> _Reading | None:
    """An answer as a candidate; None when no whole file of its patch defines the function."""
    written = {edit.content: edit.path for edit in answer.patch.edits if edit.kind == "write"} if answer.patch else {}
    source = functions.source_of(tuple(written), name) if name else ""
    if not source:
        return None
    return _Reading(name=f"c{number + 1}", path=written[source], source=source, answer=answer)


async def _check(
    run: Run, ports: Ports, request: Request, options: Options, looked: _Looked, first: _Reading
) -> Intent:
    """Draw readings until they settle it, then ask what they could not settle."""
    readings, blind_request = [first], replace(request, text=functions.held_back(request.text, looked.examples))
    drawn = 1
    while True:
        seen = await _compare(run, ports, request.text, looked, readings, drawn)
        if seen.move != "draw":
            break
        answer = await _attempt(run, ports, blind_request, "", sample=drawn)
        reading = _reading(looked.name, answer, drawn)
        drawn += 1
        readings += [reading] if reading is not None else []
    run.emit(
        "clarity.checked",
        "clarity:function",
        {"route": "direct", "signals": [*looked.missing, f"readings: {drawn}, outcome: {seen.move}"]},
    )
    split = choice.worth_asking(seen.divergence) if seen.move == "choose" else None
    if seen.move == "inconsistent":
        found = seen.fit.inconsistencies[0]
        question = blind.consistency_question(found, number=1)
        answered = await _ask(run, question, options)
        return await _after_contradiction(run, ports, request, looked, readings, found, answered)
    if split is not None:
        answered = await _ask(run, choice.concrete_choice(split, number=1), options)
        return await _after_choice(run, ports, request, looked, readings, split, answered)
    alike = _alive(readings, [name for one in seen.divergence.readings[:1] for name in one.candidates])
    return _intent(alike, looked, looked.examples, ())


async def _compare(
    run: Run, ports: Ports, text: str, looked: _Looked, readings: Sequence[_Reading], drawn: int
) -> _Compared:
    """Run what there is on the examples and, from three on, on generated inputs; all of it in the sandbox."""
    candidates = [Candidate(name=item.name, source=item.source) for item in readings]
    target = divergence.Target(kind="function", entry=looked.name)
    inputs = [(Step(call=item.call),) for item in looked.examples]

    async def compare() -> _Compared:
        parted = Divergence()
        async with ports.sandbox.open(ports.repository.empty()) as workspace:
            splits = await divergence.compare(workspace, candidates, target, inputs)
            if len(candidates) >= 3:
                parted = await divergence.diverge(
                    workspace, candidates, target, examples=inputs, most_inputs=_MOST_INPUTS
                )
        expected = [blind.expected_raise(item) or divergence.expected(item.expected) for item in looked.examples]
        fit = blind.blind_check(text, looked.examples, expected, splits)
        move = blind.next_move(drawn, fit, incomplete=bool(looked.missing), divergence=parted)
        # Two examples that contradict each other need no further reader.
        if conflicting(looked.examples):
            move = "inconsistent"
        if move == "choose" and choice.worth_asking(parted) is None:
            move = "clear"
        return _Compared(fit=fit, divergence=parted, move=move)

    return await run.step(f"input.compare:{drawn}", compare, _Compared)


async def _ask(run: Run, question: Question, options: Options) -> Question:
    run.emit("question.asked", f"question:{question.id}", {"question": question})
    if options.unanswered == "defer":
        return question
    decisions: tuple[Decision, ...] = await answers(run, (question,), options)
    return specify.settle(Specification(title="", questions=(question,)), decisions).questions[0]


async def _after_choice(
    run: Run,
    ports: Ports,
    request: Request,
    looked: _Looked,
    readings: Sequence[_Reading],
    split: Split,
    question: Question,
) -> Intent:
    """The reading a person chose, its result an acceptance example; a new attempt for any other answer."""
    answer = question.answer or question.default
    alive = choice.chosen(split, answer)
    if not alive:
        return await _again(run, ports, request, looked.examples, question)
    intent = _intent(_alive(readings, alive), looked, looked.examples, (question,))
    steps = choice.as_steps(split, answer)
    written = functions.with_examples(intent.specification, looked.name, (steps,) if steps else (), "as answered")
    return replace(intent, specification=written)


async def _after_contradiction(
    run: Run,
    ports: Ports,
    request: Request,
    looked: _Looked,
    readings: Sequence[_Reading],
    found: blind.Inconsistency,
    question: Question,
) -> Intent:
    """The text's own reading when the text holds; otherwise one attempt that knows what holds instead."""
    others = tuple(item for item in looked.examples if item.text != found.example)
    if (question.answer or question.default) == "text" and found.statement not in [item.text for item in others]:
        return _intent(readings[:1], looked, others, (question,))
    kept = looked.examples if question.answer == "example" else others
    return await _again(run, ports, request, kept, question)


async def _again(run: Run, ports: Ports, request: Request, examples: Sequence[Given], question: Question) -> Intent:
    """One attempt in a fresh context with the answer beside the request."""
    meant = next((option.consequence for option in question.options if option.value == question.answer), "")
    said = f"{question.text}\n{question.answer or question.default}{f' ({meant})' if meant else ''}"
    told = replace(request, text=f"{request.text}\n\nThe person was asked and answered, which settles it:\n{said}")
    answer = await _attempt(run, ports, told, "", sample=_SETTLED)
    if answer.specification is None:
        return Intent(specification=replace(specify.verbatim(told), questions=(question,)))
    written = replace(answer.specification, questions=(question,))
    return Intent(specification=written, candidate=answer.patch)


_SETTLED = 9
"""Sample number of the attempt after an answer; readings are 0 to 4."""


def _alive(readings: Sequence[_Reading], names: Sequence[str]) -> Sequence[_Reading]:
    """The readings with these names; the first of all when none has one."""
    return [item for item in readings if item.name in names] or readings[:1]


def _intent(
    alike: Sequence[_Reading], looked: _Looked, examples: Sequence[Given], questions: tuple[Question, ...]
) -> Intent:
    """The first reading's specification, with the request's examples, and what the readings of one meaning wrote.

    Args:
        alike: at least one. Those that say the same as an earlier one, or put the function into another file than the
            first, are left out: the specification is the first one's.
    """
    first = alike[0]
    written = first.answer.specification or Specification(title=looked.name)
    false = [item.call for item in looked.examples if item not in examples]
    written = functions.without_calls(written, looked.name, false)
    written = functions.with_examples(written, looked.name, functions.given_steps(examples), "as the request says")
    distinct = {item.source: item for item in reversed(alike) if item.path == first.path}
    patches = [item.answer.patch for item in alike if item in distinct.values() and item.answer.patch is not None]
    return Intent(
        specification=replace(written, questions=questions),
        candidate=first.answer.patch,
        candidates=tuple(patches) if len(patches) > 1 else (),
    )
