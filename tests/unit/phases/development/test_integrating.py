"""What a coder reads when a person sends an increment back."""

from __future__ import annotations

from sixfold.phases.development.integrating import rejection_note


def test_a_rejection_in_the_same_words_is_another_question_and_brings_the_coders_answer_along() -> None:
    first, *later = (rejection_note("no traceback", times, "it goes to stderr") for times in (1, 2, 3))
    assert first == "A reviewer rejected this increment:\nno traceback\nDo what they ask."
    assert len({first, *later}) == 3
    assert all("it goes to stderr" in note for note in later)


def test_a_change_that_did_not_satisfy_is_not_called_an_objection() -> None:
    assert "your change did not satisfy them" in rejection_note("more tests", 2, "")
