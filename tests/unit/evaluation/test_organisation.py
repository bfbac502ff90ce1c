"""Plans are measured against an answer key; a live model's are kept here with the specifications behind them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sixfold.domain.data import from_json
from sixfold.domain.plan import Plan, Task
from sixfold.domain.requirements import Specification
from sixfold.domain.view import RunView
from sixfold.evaluation.components import of_size, tiers
from sixfold.evaluation.organisation import organisation
from sixfold.evaluation.sample import Sample
from sixfold.layers.planning.decompose import read_plan
from sixfold.layers.planning.stubs import stubs_for

LIVE = sorted((Path(__file__).parent / "live_plans").glob("*.json"))
SIZE_4 = of_size(4)


def sample_of(name: str) -> Sample:
    return tiers() if name == "tiers" else of_size(int(name.removeprefix("shop-")))


def live(path: Path) -> tuple[Plan, Sample]:
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    plan = read_plan(kept["answer"], from_json(kept["specification"], Specification), ())
    return plan, sample_of(kept["sample"])


def plan_of(*tasks: tuple[str, str, str]) -> Plan:
    """(modules, provides, consumes) of each task."""
    return Plan(
        tasks=tuple(
            Task(
                id=f"T{number}",
                title="",
                goal="",
                files=tuple(f"{name}.py" for name in modules.split()),
                provides=tuple(provides.split()),
                consumes=tuple(consumes.split()),
            )
            for number, (modules, provides, consumes) in enumerate(tasks, 1)
        )
    )


def test_a_task_a_component_with_the_keys_edges_is_right_in_every_figure() -> None:
    plan = plan_of(
        ("money", "money", ""), ("catalog", "catalog", "money"), ("stock", "", "catalog"), ("cart", "", "catalog")
    )
    seen = organisation(RunView(plans=(plan,)), SIZE_4)
    assert (seen.components, seen.edges, seen.owned, seen.ordered) == (1, 1, 1, 1)


def test_small_modules_in_one_task_cost_accuracy_but_neither_ownership_nor_order() -> None:
    plan = plan_of(("money catalog", "catalog", ""), ("stock", "", "catalog"), ("cart", "", "catalog"))
    seen = organisation(RunView(plans=(plan,)), SIZE_4)
    assert (seen.components, seen.owned, seen.ordered) == (0.5, 1, 1)


def test_a_component_without_owner_or_before_its_provider_counts_against_both() -> None:
    plan = plan_of(("money", "money", ""), ("catalog", "", ""), ("stock", "", ""))
    seen = organisation(RunView(plans=(plan,)), SIZE_4)
    assert (seen.owned, seen.ordered) == (0.75, 0)


@pytest.mark.parametrize("path", LIVE, ids=lambda path: path.stem)
def test_a_live_models_plan_owns_every_component_once_and_keeps_every_edge(path: Path) -> None:
    plan, sample = live(path)
    seen = organisation(RunView(plans=(plan,)), sample)
    assert (seen.owned, seen.ordered) == (1, 1)


def test_a_live_model_finds_the_three_roles() -> None:
    plan, sample = live(next(path for path in LIVE if path.stem == "tiers"))
    seen = organisation(RunView(plans=(plan,)), sample)
    assert (seen.roles, seen.accuracy) == (1, 1)


@pytest.mark.parametrize("path", LIVE, ids=lambda path: path.stem)
def test_contracts_as_a_live_model_writes_them_can_be_served_as_stubs(path: Path) -> None:
    plan, _ = live(path)
    for task in (task for task in plan.tasks if plan.dependencies(task.id)):
        served = stubs_for(plan, task, plan.dependencies(task.id), ())
        assert served, task.id
        for stub in served:
            compile(stub.text, stub.path, "exec")
