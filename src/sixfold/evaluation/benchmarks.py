"""Benchmarks by name: the bundled tasks, a folder of tasks, or functions with tests from a JSON Lines file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from sixfold.domain.errors import UsageError
from sixfold.evaluation import components
from sixfold.evaluation.sample import Benchmark, Row, Sample, read_tasks

TASKS = Path(__file__).parent / "tasks"
BUNDLED = {
    "tasks": ("functions", "systems"),
    "systems": ("systems",),
    "functions": ("functions",),
    "features": ("features",),
}
"""Names of the bundled benchmarks, with their folders below `TASKS`."""

_FUNCTION_TEST = '''\
"""The benchmark's own tests."""

import os
import sys

import pytest

sys.path.insert(0, os.environ["SUT_DIR"])


@pytest.mark.core
@pytest.mark.req("R1")
def test_the_benchmarks_own_checks_pass():
    space = {{}}
    exec("from solution import *", space)
    exec({source!r}, space)
'''
_FUNCTION_INTERFACE = "The function stands in `solution.py`, in the product's folder. No other file is needed."


def find(name: str) -> Benchmark:
    """A benchmark by its name or by a path.

    Args:
        name: `tasks`, `systems`, `functions`, `features`, `components`; a task folder or a folder of them;
            a `.jsonl` file (or a folder with one) with the fields of HumanEval or MBPP.

    Raises:
        UsageError: no such benchmark, or it cannot be read.
    """
    if name == "components":
        return components.scalability()
    if name in BUNDLED:
        return Benchmark(name=name, samples=_bundled(name))
    path = Path(name)
    files = sorted(path.glob("*.json*")) if path.is_dir() and not list(path.rglob("request.md")) else []
    if path.is_file():
        files = [path]
    if files:
        return Benchmark(name=path.stem, samples=tuple(sample for file in files for sample in _functions(file)))
    if path.is_dir():
        return Benchmark(name=path.name, samples=read_tasks(path))
    raise UsageError(
        f"there is no benchmark {name!r}",
        next=f"one of {', '.join(BUNDLED)}, components, a folder of tasks, or a file of HumanEval or MBPP",
    )


def _bundled(name: str) -> tuple[Sample, ...]:
    samples = (sample for folder in BUNDLED[name] for sample in read_tasks(TASKS / folder))
    return tuple(sorted(samples, key=lambda sample: sample.id))


def pick(benchmark: Benchmark, names: str, limit: int) -> tuple[Sample, ...]:
    """Samples whose id is listed in `names` (comma-separated; empty = all), at most `limit` (0 = all).

    Raises:
        UsageError: a name fits nothing.
    """
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    known = {sample.id: sample for sample in benchmark.samples}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise UsageError(f"{benchmark.name} has no task {unknown[0]!r}", next=f"one of {', '.join(known)}"[:300])
    samples = tuple(known[name] for name in wanted) if wanted else benchmark.samples
    return samples[:limit] if limit else samples


def _functions(file: Path) -> list[Sample]:
    """Every task of a HumanEval or MBPP file."""
    try:
        text = file.read_text(encoding="utf-8")
        rows: list[dict[str, Any]] = (
            [msgspec.json.decode(line) for line in text.splitlines() if line.strip()]
            if file.suffix == ".jsonl"
            else msgspec.json.decode(text)
        )
        return [_FORMS["test" if "test" in row else "test_list"](row) for row in rows]
    except (OSError, UnicodeDecodeError, msgspec.DecodeError, KeyError, TypeError) as error:
        raise UsageError(
            f"cannot read {file} as a benchmark", why=str(error), next="give HumanEval's or MBPP's own fields"
        ) from error


def _humaneval(row: dict[str, Any]) -> Sample:
    source = f"{row['test']}\n\ncheck({row['entry_point']})\n"
    return _function(str(row["task_id"]), f"Complete this function:\n\n{row['prompt'].strip()}", source)


def _mbpp(row: dict[str, Any]) -> Sample:
    lines = [*row.get("test_imports", ()), *row["test_list"]]
    first = str(row["test_list"][0])
    request = f"{row.get('prompt') or row['text']}\n\nFor example, this must hold: `{first}`"
    return _function(str(row["task_id"]), request, "\n".join(lines))


def _function(id: str, request: str, source: str) -> Sample:
    return Sample(
        id=id.replace("/", "-"),
        request=request,
        interface=_FUNCTION_INTERFACE,
        rows=(Row(id="R1", text="what the request says"),),
        acceptance=(("test_function.py", _FUNCTION_TEST.format(source=source)),),
    )


_FORMS: dict[str, Callable[[dict[str, Any]], Sample]] = {"test": _humaneval, "test_list": _mbpp}
"""By the field that holds the tests."""
