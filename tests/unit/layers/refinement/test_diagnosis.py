"""Loops are told from progress, and the repair ladder is short."""

from __future__ import annotations

from sixfold.domain.code import Edit, Patch
from sixfold.domain.data import digest
from sixfold.domain.evidence import Finding, TestCase, TestReport
from sixfold.layers.refinement.diagnosis import (
    NEEDS_SPLIT,
    Attempt,
    depth,
    failure_signature,
    next_step,
    patch_signature,
)


def attempt(number: int, patch: str, failure: str, failures: int = 1, strategy: str = "repair") -> Attempt:
    return Attempt(number=number, patch=digest(patch), failure=digest(failure), failures=failures, strategy=strategy)


def report(*failed: str) -> TestReport:
    cases = tuple(TestCase(id=name, outcome="failed", message=f"assert {name}") for name in failed)
    return TestReport(suite="unit", cases=cases, exit_code=1)


def test_patches_that_differ_in_layout_and_comments_are_the_same_patch() -> None:
    one = Patch(edits=(Edit(path="a.py", kind="write", content="x = 1\n"),))
    other = Patch(edits=(Edit(path="a.py", kind="write", content="x   =  1  # one\n"),))
    third = Patch(edits=(Edit(path="a.py", kind="write", content="x = 2\n"),))
    assert patch_signature(one) == patch_signature(other) != patch_signature(third)


def test_a_file_that_does_not_parse_is_compared_as_text() -> None:
    broken = Patch(edits=(Edit(path="a.py", kind="write", content="def (:\n"),))
    trailing = Patch(edits=(Edit(path="a.py", kind="write", content="def (:   \n"),))
    assert patch_signature(broken) == patch_signature(trailing)


def test_the_order_of_failing_tests_does_not_matter_but_their_messages_do() -> None:
    assert failure_signature(report("a", "b"), ()) == failure_signature(report("b", "a"), ())
    assert failure_signature(report("a"), ()) != failure_signature(report("b"), ())
    blocking = Finding(tool="t", rule="S1", severity="error", message="m")
    assert failure_signature(report("a"), ()) != failure_signature(report("a"), (blocking,))


def test_progress_is_repaired_until_the_bound() -> None:
    history = [attempt(1, "p1", "f1", 3, "first"), attempt(2, "p2", "f2", 2)]
    assert next_step(history, most_repairs=3).strategy == "repair"
    assert (
        next_step([*history, attempt(3, "p3", "f3", 1), attempt(4, "p4", "f4", 1)], most_repairs=3).strategy == "stop"
    )


def test_a_different_patch_with_the_same_failure_leads_to_one_fresh_start_and_then_to_the_end() -> None:
    history = [attempt(1, "p1", "f", 1, "first"), attempt(2, "p2", "f")]
    assert next_step(history, most_repairs=5).strategy == "fresh"
    history.append(attempt(3, "p3", "f", strategy="fresh"))
    assert next_step(history, most_repairs=5).strategy == "stop"


def test_a_patch_that_comes_back_is_a_loop_even_when_the_failure_is_new() -> None:
    history = [attempt(1, "p1", "f1", 1, "first"), attempt(2, "p2", "f2"), attempt(3, "p1", "f3")]
    assert next_step(history, most_repairs=5).strategy == "fresh"


def test_failures_that_go_in_a_circle_or_do_not_fall_are_a_loop() -> None:
    circle = [attempt(1, "p1", "f1", 2, "first"), attempt(2, "p2", "f2", 1), attempt(3, "p3", "f1", 2)]
    assert next_step(circle, most_repairs=5).strategy == "fresh"
    flat = [attempt(1, "p1", "f1", 2, "first"), attempt(2, "p2", "f2", 2), attempt(3, "p3", "f3", 2)]
    assert next_step(flat, most_repairs=5).strategy == "fresh"


def write(content: str) -> Patch:
    return Patch(edits=(Edit(path="a.py", kind="write", content=content),))


def test_a_paraphrased_patch_is_the_same_patch_and_another_argument_name_is_not() -> None:
    one = write('def f(n):\n    """Double."""\n    total = n * 2\n    return total\n')
    renamed = write("def f(n):\n    # twice\n    result = n * 2\n    return result\n")
    called_otherwise = write("def f(number):\n    total = number * 2\n    return total\n")
    assert patch_signature(one) == patch_signature(renamed) != patch_signature(called_otherwise)


def test_a_failure_that_only_moved_to_another_line_is_the_same_failure() -> None:
    def failed(line: int) -> TestReport:
        message = f"AssertionError: assert 1 == 2\n  test_a.py:4: assert f(1) == 2\n  a.py:{line}: return n"
        return TestReport(suite="unit", cases=(TestCase(id="test_a.py::test_f", outcome="failed", message=message),))

    assert failure_signature(failed(3), ()) == failure_signature(failed(9), ())
    assert depth(failed(3)) == 4


def test_getting_further_in_the_same_test_or_passing_more_is_progress() -> None:
    further = [
        Attempt(number=n, patch=digest(f"p{n}"), failure=digest(f"f{n}"), failures=1, passed=4, depth=line)
        for n, line in enumerate((3, 8, 12), 1)
    ]
    assert next_step(further, most_repairs=9).strategy == "repair"
    verdicts = [
        Attempt(number=1, patch=digest("1"), failure=digest("x"), failures=1, blocked=True),
        Attempt(number=2, patch=digest("2"), failure=digest("y"), failures=5, passed=1),
        Attempt(number=3, patch=digest("3"), failure=digest("z"), failures=5, passed=2),
    ]
    assert next_step(verdicts, most_repairs=9).strategy == "repair"


def test_other_samples_come_after_a_fresh_start_and_once() -> None:
    history = [attempt(1, "p1", "f", 1, "first"), attempt(2, "p2", "f"), attempt(3, "p3", "f", strategy="fresh")]
    assert next_step(history, most_repairs=5, samples=3).strategy == "sample"
    history.append(attempt(4, "p4", "f", strategy="sample"))
    ended = next_step(history, most_repairs=5, samples=3, divisible=True)
    assert (ended.strategy, ended.reason.startswith(NEEDS_SPLIT)) == ("stop", True)
    assert NEEDS_SPLIT not in next_step(history, most_repairs=5, samples=3).reason


def test_a_stronger_model_is_asked_once_after_everything_else_and_only_where_there_is_one() -> None:
    history = [attempt(1, "p1", "f", strategy="first"), attempt(2, "p2", "f"), attempt(3, "p3", "f", strategy="fresh")]
    assert next_step(history, most_repairs=5, samples=3, expert=True).strategy == "sample"
    history.append(attempt(4, "p4", "f", strategy="sample"))
    assert next_step(history, most_repairs=5, samples=3).strategy == "stop"
    assert next_step(history, most_repairs=3, samples=3, expert=True).strategy == "expert"  # beyond the bound
    history.append(attempt(5, "p5", "f5", strategy="expert"))
    last = next_step(history, most_repairs=9, samples=3, expert=True, divisible=True)
    assert last.strategy == "stop"
    assert last.reason.startswith(NEEDS_SPLIT)
    assert "also by the stronger model" in last.reason


def test_the_last_attempt_after_a_fresh_start_is_given_to_samples() -> None:
    history = [attempt(1, "p1", "f", 3, "first"), attempt(2, "p2", "f", 3), attempt(3, "p3", "g", 1, strategy="fresh")]
    assert next_step(history, most_repairs=3, samples=3).strategy == "sample"
    assert next_step(history, most_repairs=3).strategy == "repair"
