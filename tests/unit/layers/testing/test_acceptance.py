"""Blind tests are read strictly, and only the blind context can change them, one function at a time."""

from __future__ import annotations

import pytest

from sixfold.domain.replies import Unreadable
from sixfold.fakes.model import Rule, ScriptedModel
from sixfold.layers.testing.acceptance import (
    Failure,
    Verdict,
    judge,
    names,
    parse_tests,
    replace_test,
    revise,
    source_of,
    write_acceptance,
)

TESTS = """\
import pytest


@pytest.mark.req("R1")
@pytest.mark.parametrize("n", [1, 2])
def test_a(call, n):
    assert call(f"m.f({n})") == n


@pytest.mark.req("R2")
def test_b(cli):
    assert cli().exit == 0
"""


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("no code at all", "no ```python fence"),
        ("```python\ndef test_a(:\n```", "syntax error in line 1"),
        ("```python\nx = 1\n```", "no test function"),
    ],
)
def test_an_answer_without_usable_tests_is_refused_with_the_reason(answer: str, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        parse_tests(answer)


async def test_an_unreadable_answer_is_asked_for_once_more() -> None:
    model = ScriptedModel([Rule("sorry", f"Here:\n```python\n{TESTS}```\n", purpose="validation.write_acceptance")])
    tests, answered = await write_acceptance(model, "# Specification")
    assert names(tests) == ("test_a", "test_b")
    assert answered.usage.calls == 2
    assert "could not be used" in model.requests[1].messages[-1].text


def test_the_source_of_a_test_has_its_decorators_and_parameters_do_not_matter() -> None:
    assert source_of(TESTS, "test_a[1]").startswith('@pytest.mark.req("R1")')
    assert source_of(TESTS, "test_zzz") == ""


def test_a_replacement_is_exactly_that_one_function_or_nothing() -> None:
    good = '@pytest.mark.req("R2")\ndef test_b(cli):\n    assert cli().exit == 1\n'
    changed = replace_test(TESTS, "test_b", good)
    assert changed is not None
    assert "exit == 1" in changed
    assert source_of(changed, "test_a") == source_of(TESTS, "test_a")
    assert replace_test(TESTS, "test_b", good.replace("test_b", "test_c")) is None
    assert replace_test(TESTS, "test_b", "import os\n" + good) is None
    assert replace_test(TESTS, "test_b", "def test_b(:") is None


def test_a_correction_that_cannot_be_read_leaves_the_test_as_it_was() -> None:
    assert revise(TESTS, [Verdict(name="test_b", verdict="corrected", reason="", test="nonsense")]) == TESTS
    assert names(revise(TESTS, [Verdict(name="test_a", verdict="dropped", reason="")])) == ("test_b",)
    assert revise(TESTS, [Verdict(name="test_a", verdict="upheld", reason="R1")]) == TESTS


async def test_the_judge_sees_the_test_and_what_happened_but_no_code() -> None:
    answer = '```json\n{"verdicts": [{"name": "test_b", "verdict": "upheld", "reason": "R2"}]}\n```'
    model = ScriptedModel([answer])
    failure = Failure(name="test_b", source=source_of(TESTS, "test_b"), observed="assert 1 == 0")
    verdicts, _ = await judge(model, "# Specification", [failure])
    assert [verdict.verdict for verdict in verdicts.verdicts] == ["upheld"]
    assert "assert 1 == 0" in model.requests[0].messages[0].text
