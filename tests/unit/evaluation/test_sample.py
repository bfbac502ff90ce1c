"""Task folders as samples."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from sixfold.domain.errors import UsageError
from sixfold.evaluation import benchmarks
from sixfold.evaluation.sample import Sample, read_components, read_rows, read_task

FEATURES = benchmarks.find("features").samples
BUNDLED = benchmarks.find("tasks").samples


def write_task(folder: Path, intent: str = "| R1 | 2 | cheap | How dear? |") -> Path:
    (folder / "acceptance").mkdir(parents=True)
    (folder / "request.md").write_text("A thing.\n")
    (folder / "intent.md").write_text(intent)
    (folder / "acceptance" / "test_it.py").write_text("def test_it(): ...\n")
    return folder


def test_rows_are_read_whatever_the_tables_frame() -> None:
    head = "id | weight | what the user wants | question it answers\n---|---|---|---\n"
    text = head + "R1 | 2 | a \\| b | why? \n**R2** | x | c |"
    rows = read_rows(text)
    assert [(row.id, row.weight, row.text, row.question) for row in rows] == [
        ("R1", 2.0, "a | b", "why?"),
        ("R2", 1.0, "c", ""),
    ]


@pytest.mark.parametrize(
    "text", ["Components: store, page", "**Components:** store, page.", "## Components\n- store\n- `page`\n"]
)
def test_components_are_read_from_a_line_or_a_list(text: str) -> None:
    assert read_components(f"| R1 | 1 | a | b |\n\n{text}") == ("store", "page")


def test_a_row_without_a_question_is_not_hidden(tmp_path: Path) -> None:
    sample = read_task(write_task(tmp_path / "t", "| R1 | 1 | said | - |\n| R2 | 1 | not said | what? |"))
    assert [row.id for row in sample.hidden] == ["R2"]
    assert not sample.clear


def test_what_is_given_away_holds_no_hidden_row_unless_everything_is_told(tmp_path: Path) -> None:
    sample = read_task(write_task(tmp_path / "t"))
    assert "cheap" not in sample.brief
    assert "cheap" in sample.told


@pytest.mark.parametrize("missing", ["request.md", "intent.md", "acceptance/test_it.py"])
def test_a_task_that_is_not_whole_is_refused_by_name(tmp_path: Path, missing: str) -> None:
    folder = write_task(tmp_path / "t")
    (folder / missing).unlink()
    with pytest.raises(UsageError) as refused:
        read_task(folder)
    assert str(folder) in refused.value.what


def test_a_changed_word_makes_another_version_of_the_task(tmp_path: Path) -> None:
    folder = write_task(tmp_path / "t")
    before = read_task(folder).digest
    (folder / "intent.md").write_text("| R1 | 2 | dear | How dear? |")
    assert read_task(folder).digest != before


def test_the_bundled_tasks_are_of_both_sizes() -> None:
    systems = [sample for sample in BUNDLED if sample.kind == "system"]
    assert len(systems) >= 4
    assert len(BUNDLED) - len(systems) >= 6
    assert all(2 <= len(sample.components) <= 10 and 15 <= len(sample.rows) <= 30 for sample in systems)
    assert [sample.id for sample in BUNDLED if sample.clear], "without clear tasks over-asking cannot be seen"


@pytest.mark.parametrize("sample", BUNDLED, ids=lambda sample: sample.id)
def test_every_row_of_a_bundled_task_is_decided_by_a_test(sample: Sample) -> None:
    tests = "\n".join(text for _, text in sample.acceptance)
    assert [row.id for row in sample.rows if f'req("{row.id}")' not in tests] == []
    assert "core" in tests


@pytest.mark.parametrize("sample", FEATURES, ids=lambda sample: sample.id)
def test_a_bundled_feature_is_short_vague_tested_and_attacked(sample: Sample) -> None:
    tests = "\n".join(text for _, text in sample.acceptance)
    decided = {id for ids in re.findall(r"@req\(([^)]*)\)", tests) for id in re.findall(r"\w+", ids)}
    assert decided == {row.id for row in sample.rows}
    assert sample.hidden, "a feature that says everything shows nothing"
    assert len(sample.request) < 300
    attacks = re.findall(r"@security\(\"CWE-\d+\"\)", tests)
    assert len(attacks) >= 4
    assert tests.count("exploited(") >= len(attacks), "an attack that succeeds says so"
    assert tests.count("@core") >= 2


def test_there_are_ten_features() -> None:
    assert len(FEATURES) == 10


def test_a_benchmark_of_functions_is_read_in_both_forms(tmp_path: Path) -> None:
    file = tmp_path / "two.jsonl"
    file.write_text(
        '{"task_id": "H/1", "prompt": "def f():", "entry_point": "f", "test": "def check(f): assert f() == 1"}\n'
        '{"task_id": 7, "prompt": "one more", "test_imports": ["import math"], "test_list": ["assert g() == 1"]}\n'
    )
    samples = benchmarks.find(str(file)).samples
    assert [sample.id for sample in samples] == ["H-1", "7"]
    (tmp_path / "solution.py").write_text("def f(): return 1\ndef g(): return 2\n")
    for sample, wanted in zip(samples, (0, 1), strict=True):
        (tmp_path / "test_function.py").write_text(sample.acceptance[0][1])
        done = subprocess.run(
            [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:asyncio",
                "-c",
                "/dev/null",
                "test_function.py",
            ],
            cwd=tmp_path,
            env={"SUT_DIR": str(tmp_path)},
            capture_output=True,
            check=False,
        )
        assert done.returncode == wanted, done.stdout


@pytest.mark.slow
def test_every_bundled_acceptance_suite_collects() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "ignore",
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "--import-mode=importlib",
            str(benchmarks.TASKS),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    for sample in BUNDLED:
        assert f"{sample.id}/acceptance/" in done.stdout
