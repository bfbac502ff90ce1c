"""The house stands as drawn: six layers, four phases, imports one way, names and sizes within the style guide."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "sixfold"
LAYERS = ("requirements", "models", "planning", "synthesis", "testing", "refinement")
PHASES = ("input", "orchestration", "development", "validation")
MOST_CODE_LINES = 100
MOST_PUBLIC_NAMES = 17
VAGUE_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "base", "impl", "misc", "core"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules() -> list[Path]:
    """The package's modules; acceptance tests of evaluation tasks are package data, not modules."""
    tasks = SOURCE / "evaluation" / "tasks"
    return [path for path in sorted(SOURCE.rglob("*.py")) if not path.is_relative_to(tasks)]


def programs() -> list[Path]:
    """Every Python file of the project, tests and benchmarks too; not the products that benchmarks put to the test."""
    return [
        path
        for folder in ("src", "tests", "scripts", "benchmarks")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "products" not in path.parts
    ]


def where(path: Path, node: ast.AST | None = None) -> str:
    return f"{path.relative_to(ROOT)}:{getattr(node, 'lineno', 1)}"


def child_packages(folder: Path) -> set[str]:
    return {path.parent.name for path in folder.glob("*/__init__.py")}


# --- six and four ---------------------------------------------------------------------------------------------------


def test_there_are_exactly_the_six_layers_of_the_paper() -> None:
    assert child_packages(SOURCE / "layers") == set(LAYERS)
    assert {path.name for path in (SOURCE / "layers").glob("*.py")} == {"__init__.py"}


def test_there_are_exactly_the_four_phases_of_the_paper() -> None:
    modules = {path.stem for path in (SOURCE / "phases").glob("*.py")} - {"__init__"}
    packages = child_packages(SOURCE / "phases")
    assert modules | packages == set(PHASES)
    assert not modules & packages


def test_list_folders_and_docstrings_of_the_layers_agree() -> None:
    listed = re.findall(r"^(\d)\. \[(\w+)\]\(\2/\): (.+)$", (SOURCE / "layers/README.md").read_text(), re.MULTILINE)
    assert [(number, name) for number, name, _ in listed] == [(str(i), name) for i, name in enumerate(LAYERS, start=1)]
    for number, name, title in listed:
        docstring = ast.get_docstring(parse(SOURCE / "layers" / name / "__init__.py")) or ""
        assert re.match(rf"Layer {number} of 6: {re.escape(title)}[.:]", docstring), name


def test_the_pipeline_runs_the_four_phases_in_the_order_of_the_paper() -> None:
    text = (SOURCE / "pipeline.py").read_text()
    called = [match[1] for match in re.finditer(rf"await (?:\w+\.)*({'|'.join(PHASES)})\b", text)]
    assert tuple(dict.fromkeys(called)) == PHASES


# --- imports --------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_import_contracts_hold() -> None:
    command = [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_two_modules_import_each_other_in_a_circle() -> None:
    graph = {name: sorted(imports) for name, imports in module_imports().items()}
    finished: set[str] = set()

    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, " -> ".join((*above[above.index(name) :], name))
        if name not in finished:
            for imported in graph[name]:
                visit(imported, (*above, name))
            finished.add(name)

    for name in graph:
        visit(name, ())


def module_imports() -> dict[str, set[str]]:
    """Module -> the project's modules it imports when it is loaded (imports for type checking only are left out)."""
    names = {module_name(path): path for path in modules()}
    return {name: set(imported_modules(name, path, names)) for name, path in names.items()}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported_modules(name: str, path: Path, names: dict[str, Path]) -> Iterator[str]:
    for node in loaded_statements(parse(path).body):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                candidate = f"{node.module}.{alias.name}"
                imported = candidate if candidate in names else node.module
                if imported in names and imported != name:
                    yield imported


def loaded_statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run at import time, `if TYPE_CHECKING` blocks left out."""
    for node in body:
        yield node
        if isinstance(node, ast.If) and "TYPE_CHECKING" not in ast.unparse(node.test):
            yield from loaded_statements([*node.body, *node.orelse])
        elif isinstance(node, ast.Try):
            yield from loaded_statements([*node.body, *node.orelse, *node.finalbody])


def test_no_import_is_relative() -> None:
    found = [
        where(path, node)
        for path in modules()
        if "/cage/" not in path.as_posix()  # a program of its own: it runs in the sandbox, where Sixfold is not
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert found == []


# --- the public face ------------------------------------------------------------------------------------------------


def test_public_names_are_about_fifteen_and_all_of_them_can_be_imported() -> None:
    sixfold = importlib.import_module("sixfold")
    assert sorted(sixfold.__all__) == sixfold.__all__
    assert len(sixfold.__all__) <= MOST_PUBLIC_NAMES
    for name in sixfold.__all__:
        assert getattr(sixfold, name).__name__ == name
    with pytest.raises(AttributeError):
        sixfold.no_such_name  # noqa: B018 - reading it is the test


def test_every_exported_name_exists() -> None:
    missing = [
        f"{module_name(path)}.{name}"
        for path in modules()
        if (exported := exported_names(path))
        for name in exported
        if not hasattr(importlib.import_module(module_name(path)), name)
    ]
    assert missing == []


def exported_names(path: Path) -> list[str]:
    for node in parse(path).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def test_every_module_says_what_it_is() -> None:
    assert [where(path) for path in programs() if not ast.get_docstring(parse(path)) and path.read_text().strip()] == []


def test_every_public_function_and_class_is_documented() -> None:
    found = [
        f"{where(path, node)} {node.name}"
        for path in modules()
        for node in parse(path).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert found == []


# --- names and sizes ------------------------------------------------------------------------------------------------


def test_no_module_has_a_name_that_says_nothing() -> None:
    assert [where(path) for path in programs() if VAGUE_NAMES & {path.stem, path.parent.name}] == []


def test_no_function_is_longer_than_a_hundred_lines_of_code() -> None:
    found = [
        f"{where(path, node)} {node.name}: {lines}"
        for path in programs()
        for node in ast.walk(parse(path))
        if isinstance(node, Function) and (lines := code_lines(path, node)) > MOST_CODE_LINES
    ]
    assert found == []


def code_lines(path: Path, function: Function) -> int:
    """Lines of a function without its docstring, blank lines and lines of comment."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    if not body:
        return 0
    lines = path.read_text(encoding="utf-8").splitlines()[body[0].lineno - 1 : function.end_lineno]
    return sum(1 for line in lines if line.strip() and not line.strip().startswith("#"))


def test_no_test_replaces_our_own_code_by_a_mock() -> None:
    pattern = re.compile(r"\bmock\.patch|\bfrom unittest\.mock import|\bimport unittest\.mock|\bmocker\b")
    tests = [path for path in programs() if path.is_relative_to(ROOT / "tests") and path != Path(__file__)]
    assert [where(path) for path in tests if pattern.search(path.read_text(encoding="utf-8"))] == []


def test_no_handler_swallows_every_error() -> None:
    found = [
        where(path, node)
        for path in modules()
        for node in ast.walk(parse(path))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"})
        and not any(isinstance(inner, ast.Raise) for inner in ast.walk(node))
        and all(isinstance(statement, ast.Pass | ast.Continue) for statement in node.body)
    ]
    assert found == []


def test_test_files_in_one_folder_tree_do_not_clash() -> None:
    seen: dict[str, Path] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        if not (path.parent / "__init__.py").exists():
            assert path.name not in seen, f"{where(path)} and {where(seen[path.name])} have one name"
            seen[path.name] = path


# --- what must not be in the project's text -------------------------------------------------------------------------


def project_texts() -> Iterator[tuple[Path, str]]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout: what belongs to the project is not known")
    for name in filter(None, listed.stdout.split("\0")):
        content = (ROOT / name).read_bytes() if (ROOT / name).is_file() else b""
        if b"\0" not in content[:8000]:
            yield ROOT / name, content.decode("utf-8", "replace")


def test_no_text_names_a_folder_of_the_machine_it_was_written_on() -> None:
    # Put together from parts, so that this file does not find itself. Paths that hostile samples aim at
    # (a person's .ssh, for example) are not meant: only work folders and tool folders are.
    folders = re.compile(
        "|".join(("/work" + "/(?:main|wt|shared)", "/tmp" + "/(?:venv|brief|bash_jobs)", "/root" + r"/\.pyenv"))
    )
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}" for path, text in project_texts() for match in folders.finditer(text)
    ]
    assert found == []


def test_locks_name_no_index_and_hash_every_package() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert not re.search(r"://|--(extra-)?index|--find-links", text), name
        entries = re.split(r"^(?=\S+==)", text, flags=re.MULTILINE)[1:]
        assert entries
        assert [entry.split(" ")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_every_declared_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    declared = {
        "requirements.lock": project["project"]["dependencies"],
        "requirements-dev.lock": [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]],
    }
    for lock, requirements in declared.items():
        locked = set(re.findall(r"^([\w.-]+)==", (ROOT / lock).read_text(), re.MULTILINE))
        names = {re.split(r"[^\w.-]", requirement)[0].lower() for requirement in requirements}
        assert names - locked == set(), f"{lock}: run `just lock`"


def test_what_a_user_installs_is_locked_to_the_versions_that_are_tested() -> None:
    core, dev = (
        re.findall(r"^\S+==\S+", (ROOT / name).read_text(), re.MULTILINE)
        for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert set(core) <= set(dev)


def test_decisions_are_numbered_without_gaps_and_have_the_three_parts() -> None:
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    numbers = [int(page.name[:4]) for page in pages]
    assert numbers[0] == 1
    assert all(after == before + 1 for before, after in pairwise(numbers))
    for page in pages:
        assert re.findall(r"^## (\w+)", page.read_text(), re.MULTILINE) == ["Context", "Choice", "Consequences"], (
            page.name
        )


def test_style_guide_stays_within_a_hundred_lines() -> None:
    assert len((ROOT / "AGENTS.md").read_text().splitlines()) <= 100


def test_paths_named_in_the_paper_map_exist() -> None:
    text = (ROOT / "docs/paper-map.md").read_text()
    named = set(re.findall(r"`((?:src|tests|benchmarks|docs|scripts)/[\w./-]+)`", text))
    assert named
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_paper_map_calls_nothing_built_without_naming_its_test() -> None:
    rows = re.findall(r"^\|.*\| Built.*\|$", (ROOT / "docs/paper-map.md").read_text(), re.MULTILINE)
    assert rows
    assert [row for row in rows if not re.search(r"`tests/[\w./-]+`", row)] == []
