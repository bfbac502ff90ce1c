"""Candidates are chosen by what they did; counts decide before agreement, agreement before a candidate's own tests."""

from __future__ import annotations

from sixfold.domain.divergence import Divergence, Outcome, Part, Reading, Split
from sixfold.domain.requirements import Step
from sixfold.layers.synthesis.selection import Standing, agreement, select, survivors


def split(*parties: tuple[str, ...], crashed: tuple[str, ...] = ()) -> Split:
    total = sum(map(len, parties))
    parts = tuple(
        Part(
            candidates=names,
            outcomes=(Outcome(kind="raised", value="KeyError", accident=True),)
            if names == crashed
            else (Outcome(kind="returned", value=number),),
            mass=len(names) / total,
        )
        for number, names in enumerate(parties)
    )
    return Split(steps=(Step(call="f(1)"),), parts=parts, entropy_bits=1.0)


def divergence(*splits: Split, broken: tuple[str, ...] = ()) -> Divergence:
    names = {name for one in splits for part in one.parts for name in part.candidates}
    readings = tuple(Reading(candidates=(name,), mass=1 / len(names), broken=name in broken) for name in sorted(names))
    return Divergence(readings=readings, splits=splits, inputs=len(splits))


def test_a_failing_example_outweighs_any_agreement() -> None:
    crowd = [Standing(name=name, examples=1) for name in "abc"]
    chosen = select([*crowd, Standing(name="d", own=3)], [divergence(split(("a", "b", "c"), ("d",)))])
    assert chosen.name == "d"
    assert "1 of 4" in chosen.reason


def test_a_counterexample_to_a_property_comes_before_agreement_and_after_examples() -> None:
    standings = [Standing(name="a", properties=1), Standing(name="b"), Standing(name="c", examples=1)]
    assert select(standings, [divergence(split(("a",), ("b",)))]).ranking == ("b", "a", "c")


def test_agreement_on_distinguishing_inputs_decides_among_survivors() -> None:
    standings = [Standing(name=name) for name in "abc"]
    assert select(standings, [divergence(split(("b", "c"), ("a",)))]).name == "b"


def test_a_test_of_the_candidates_own_does_not_outweigh_agreement_but_breaks_ties() -> None:
    found = [divergence(split(("b", "c"), ("a",)))]
    standings = [Standing(name="a"), Standing(name="b", own=2), Standing(name="c", own=1)]
    assert select(standings, found).ranking == ("c", "b", "a")


def test_who_crashes_where_others_answer_agrees_with_nobody() -> None:
    found = [divergence(split(("a", "b"), ("c",), crashed=("a", "b")))]
    assert (agreement("a", found), round(agreement("c", found), 3)) == (0.0, 0.333)
    assert agreement("b", [divergence(split(("a",), ("b",)), broken=("b",))]) == 0.0


def test_without_executed_inputs_the_order_breaks_ties() -> None:
    assert select([Standing(name="a"), Standing(name="b")]).name == "a"


def test_a_candidate_that_was_never_applied_survives_only_among_its_like() -> None:
    assert survivors([Standing(name="a", blocked=True), Standing(name="b", examples=9)]) == ("b",)
    assert survivors([Standing(name="a", blocked=True), Standing(name="b", blocked=True)]) == ("a", "b")
