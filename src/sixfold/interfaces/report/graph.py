"""The plan as a drawing: tasks in columns by how long their chain of providers is, contracts on the arrows."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from sixfold.domain.plan import Plan
from sixfold.domain.view import RunView
from sixfold.interfaces.escape import one_line
from sixfold.interfaces.report.html import Html, join, tag

_WIDTH, _HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 216, 74, 96, 26, 10
_MARKS = {"done": "✓", "failed": "✗", "running": "▸", "dropped": "–", "pending": "·"}


def columns(plan: Plan) -> list[list[str]]:
    """Task ids by depth; within a column near the providers they depend on.

    A cycle cannot be drawn in columns; the tasks on it stand in the last one.
    """
    waits = {task.id: plan.dependencies(task.id) for task in plan.tasks}
    depth: dict[str, int] = {}
    for _ in plan.tasks:
        for id, before in waits.items():
            if id not in depth and all(one in depth for one in before):
                depth[id] = max((depth[one] + 1 for one in before), default=0)
    last = max(depth.values(), default=-1) + 1
    levels: list[list[str]] = [[] for _ in range(last + 1)]
    for task in plan.tasks:
        levels[depth.get(task.id, last)].append(task.id)
    levels = [level for level in levels if level]
    for left, level in itertools.pairwise(levels):
        place = {id: index for index, id in enumerate(left)}
        level.sort(key=lambda id: _middle([place[one] for one in waits[id] if one in place]))
    return levels


def _middle(places: list[int]) -> float:
    return sum(places) / len(places) if places else 0.0


def draw(view: RunView) -> Html | None:
    """The plan in force as SVG; None when there is none."""
    plan = view.plan
    if plan is None:
        return None
    levels = columns(plan)
    tallest = max(len(level) for level in levels)
    width = 2 * _MARGIN + len(levels) * _WIDTH + (len(levels) - 1) * _GAP_X
    height = 2 * _MARGIN + tallest * _HEIGHT + (tallest - 1) * _GAP_Y
    places: dict[str, tuple[int, int]] = {}
    for column, level in enumerate(levels):
        top = (height - len(level) * _HEIGHT - (len(level) - 1) * _GAP_Y) // 2
        for row, id in enumerate(level):
            places[id] = (_MARGIN + column * (_WIDTH + _GAP_X), top + row * (_HEIGHT + _GAP_Y))
    arrows = [_arrow(plan, before, task.id, places) for task in plan.tasks for before in plan.dependencies(task.id)]
    nodes = [_node(view, task.id, *places[task.id]) for task in plan.tasks]
    tip = tag(
        "defs",
        tag(
            "marker",
            tag("path", d="M0 0 8 4 0 8z", class_="tip"),
            id="tip",
            markerWidth="8",
            markerHeight="8",
            refX="7",
            refY="4",
            orient="auto",
        ),
    )
    label = f"Plan with {len(plan.tasks)} tasks in {len(levels)} steps"
    return tag(
        "div",
        tag(
            "svg",
            tip,
            arrows,
            nodes,
            viewBox=f"0 0 {width} {height}",
            width=width,
            height=height,
            role="img",
            aria_label=label,
            class_="plan",
        ),
        class_="scroll",
    )


def _arrow(plan: Plan, before: str, after: str, places: dict[str, tuple[int, int]]) -> Html:
    x, y = places[before][0] + _WIDTH, _port(before, after, _followers(plan, before), places)
    end_x, end_y = places[after][0], _port(after, before, plan.dependencies(after), places)
    bend = max(40, (end_x - x) // 2)
    shared = [id for id in plan.task(after).consumes if id in plan.task(before).provides]
    way = f"M{x} {y}C{x + bend} {y} {end_x - bend} {end_y} {end_x - 2} {end_y}"
    names = one_line(", ".join(shared), 13)
    label = tag("text", names, x=end_x - 14, y=end_y - 5, text_anchor="end", class_="contract")
    return join(tag("path", d=way, class_="edge", marker_end="url(#tip)"), label)


def _followers(plan: Plan, id: str) -> list[str]:
    return [task.id for task in plan.tasks if id in plan.dependencies(task.id)]


def _port(own: str, other: str, others: Sequence[str], places: dict[str, tuple[int, int]]) -> int:
    """Height at which an arrow meets a task's side: arrows share the side in the order of their other ends."""
    order = sorted(others, key=lambda id: places[id][1])
    return places[own][1] + round(_HEIGHT * (order.index(other) + 1) / (len(order) + 1))


def _node(view: RunView, id: str, x: int, y: int) -> Html:
    state = view.task(id)
    task = state.task if state else None
    if task is None or state is None:
        return Html("")
    tries = f" · {state.attempts} attempts" if state.attempts > 1 else ""
    files = f"{len(state.files or task.files)} files" if len(state.files or task.files) != 1 else "1 file"
    return tag(
        "g",
        tag("title", f"{task.id}: {task.title}. {task.goal}"),
        tag("rect", x=x, y=y, width=_WIDTH, height=_HEIGHT, rx=8, class_=f"node {state.status}"),
        tag(
            "text", f"{_MARKS[state.status]} {one_line(task.id, 8)}", x=x + 14, y=y + 22, class_=f"mark {state.status}"
        ),
        tag("text", one_line(task.role, 18), x=x + _WIDTH - 14, y=y + 22, text_anchor="end", class_="role"),
        tag("text", one_line(task.title, 28), x=x + 14, y=y + 43, class_="name"),
        tag("text", files + tries, x=x + 14, y=y + 61, class_="role"),
    )
