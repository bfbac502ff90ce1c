"""What every scanner promises, held against each of them on a real git repository."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sandbox_backends import make, unusable

from semgrep_here import installed
from sixfold.domain.data import Tree, digest
from sixfold.domain.errors import ConfigurationError
from sixfold.domain.ports import FileEntry, Scanner
from sixfold.layers.testing.dependencies import Dependencies
from sixfold.layers.testing.scanners.audit import Audit
from sixfold.layers.testing.scanners.bandit import Bandit
from sixfold.layers.testing.scanners.ruff import Ruff
from sixfold.layers.testing.scanners.script_rules import ScriptRules
from sixfold.layers.testing.scanners.secrets import Secrets
from sixfold.layers.testing.scanners.semgrep import Semgrep
from sixfold.layers.testing.scanners.suspicious import Suspicious

BAD = (
    "import subprocess, evil_package\n"
    "def f(x):\n"
    "    subprocess.run('ls ' + x, shell=True)  # nosec # noqa # nosemgrep\n"
    "token = 'ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2 + "'  # noqa\n"
    "class A:\n    def __eq__(self, other): return True\n"
)
BAD_SHELL = {
    "bandit": "B602",
    "ruff": "S602",
    "audit": "shell-injection",
    "semgrep": "python-built-shell-command",
}
"""The rule about the third line."""
HIDING = {
    "pyproject.toml": '[tool.ruff]\nexclude = ["*"]\n[tool.bandit]\nskips = ["B602"]\n',
    ".bandit": "[bandit]\nskips: B602,B404\n",
    "ruff.toml": 'exclude = ["*"]\n',
    ".gitignore": "bad.py\n",
    ".semgrepignore": "*\n",
    ".semgrep.yml": "rules: []\n",
}


class Tree1:
    """One folder as a repository: the two calls scanners make."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def checkout(self, tree: Tree, folder: Path) -> None:
        subprocess.run(["cp", "-a", f"{self.folder}/.", str(folder)], check=True)

    def files(self, tree: Tree) -> tuple[FileEntry, ...]:
        return tuple(
            FileEntry(
                path=file.relative_to(self.folder).as_posix(),
                mode="120000" if file.is_symlink() else "100644",
                digest=digest(file.read_bytes()),
                size_bytes=file.stat().st_size,
            )
            for file in sorted(self.folder.rglob("*"))
            if file.is_file()
        )

    def read(self, tree: Tree, path: str) -> bytes | None:
        return (self.folder / path).read_bytes()

    def store(self, folder: Path) -> Tree:
        raise NotImplementedError


SCANNERS: dict[str, Callable[..., Scanner]] = {
    "audit": Audit,
    "bandit": Bandit,
    "dependencies": Dependencies,
    "ruff": Ruff,
    "secrets": Secrets,
    "suspicious": Suspicious,
    "script": ScriptRules,
}


@pytest.fixture(params=[*SCANNERS, pytest.param("semgrep", marks=pytest.mark.slow)])
def scanner(request: pytest.FixtureRequest, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Scanner:
    repository = Tree1(tmp_path)
    if request.param != "semgrep":
        return SCANNERS[request.param](repository)
    place = tmp_path_factory.mktemp("scratch")
    name = next(one for one in ("bubblewrap", "sandlock+namespaces", "sandlock") if not unusable().get(one, "unknown"))
    return Semgrep(repository, make(name, repository, place), installed())  # type: ignore[arg-type]  # what it needs of them


def write(folder: Path, files: dict[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")


def bad(scanner: Scanner, *paths: str) -> dict[str, str]:
    """Files with a defect in the language that a scanner reads; paths without their endings."""
    ending, text = (".js", "eval(input);\n") if scanner.name == "script" else (".py", BAD)
    return {f"{path}{ending}": text for path in paths}


async def test_settings_and_suppressions_in_the_tree_are_ignored(scanner: Scanner, tmp_path: Path) -> None:
    write(tmp_path, {**HIDING, **bad(scanner, "venv/bad")})
    found = await scanner.scan(Tree("t"))
    expected = BAD_SHELL.get(scanner.name, "")
    assert any(one.path.startswith("venv/bad") and expected in ("", one.rule) for one in found), found


async def test_sound_code_has_no_errors(scanner: Scanner, tmp_path: Path) -> None:
    write(tmp_path, {"good.py": "import json\n\n\ndef load(text):\n    return json.loads(text)\n"})
    assert [one for one in await scanner.scan(Tree("t")) if one.severity == "error"] == []


async def test_findings_are_sorted_and_the_same_each_time(scanner: Scanner, tmp_path: Path) -> None:
    write(tmp_path, bad(scanner, "b", "a"))
    first = await scanner.scan(Tree("t"))
    assert [(one.path, one.line) for one in first] == sorted((one.path, one.line) for one in first)
    assert first == await scanner.scan(Tree("t"))


async def test_only_the_asked_paths_are_reported(scanner: Scanner, tmp_path: Path) -> None:
    files = bad(scanner, "b", "a")
    write(tmp_path, files)
    asked = next(iter(files))
    assert {one.path for one in await scanner.scan(Tree("t"), [asked])} == {asked}


async def test_empty_broken_and_binary_files_are_survived(scanner: Scanner, tmp_path: Path) -> None:
    write(tmp_path, {"empty.py": "", "broken.py": "def (:\n", "deep.py": "(" * 500})
    (tmp_path / "binary.py").write_bytes(b"\x00\xff\xfe" * 100)
    (tmp_path / "link.py").symlink_to("/etc/passwd")
    assert {one.path for one in await scanner.scan(Tree("t"))} <= {"broken.py", "deep.py", "binary.py"}


async def test_half_a_character_in_a_text_hides_nothing(scanner: Scanner, tmp_path: Path) -> None:
    write(tmp_path, {path: text + 'password = "\\ud800"\n' for path, text in bad(scanner, "bad").items()})
    expected = BAD_SHELL.get(scanner.name, "")
    assert any(expected in ("", one.rule) for one in await scanner.scan(Tree("t")))


async def test_nothing_of_the_tree_is_executed(scanner: Scanner, tmp_path: Path) -> None:
    mark = tmp_path.parent / f"{tmp_path.name}.ran"
    hook = f"open({str(mark)!r}, 'w')\n"
    write(tmp_path, {name: hook for name in ("conftest.py", "sitecustomize.py", "bandit.py", "json.py", "setup.py")})
    await scanner.scan(Tree("t"))
    assert not mark.exists()


async def test_missing_program_is_an_error_and_never_clean(tmp_path: Path) -> None:
    write(tmp_path, {"a.py": BAD})
    with pytest.raises(ConfigurationError):
        await Ruff(Tree1(tmp_path), program=f"{sys.prefix}/no-such-program").scan(Tree("t"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("loader", "blocks"), [("yaml.UnsafeLoader", True), ("yaml.Loader", True), ("Own", False)], ids=str
)
async def test_loader_of_the_products_own_blocks_in_no_scanner(tmp_path: Path, loader: str, blocks: bool) -> None:
    text = f"import yaml\nclass Own(yaml.SafeLoader):\n    pass\ndef f(t):\n    return yaml.load(t, Loader={loader})\n"
    write(tmp_path, {"a.py": text})
    place = Tree1(tmp_path)
    found = [one for kind in (Ruff, Bandit, Audit) for one in await kind(place).scan(Tree("t"))]  # type: ignore[arg-type]
    assert any(one.severity == "error" for one in found) is blocks
    assert any(one.cwe == "CWE-502" or one.rule in ("S506", "B506") for one in found)


@pytest.mark.parametrize("scanner", [name for name in SCANNERS if name != "script"], indirect=True)
async def test_an_assert_is_no_finding_in_a_test_and_is_one_in_the_product(scanner: Scanner, tmp_path: Path) -> None:
    text = "def test_it():\n    assert 1 + 1 == 2\n"
    write(tmp_path, {"tests/test_it.py": text, "it.py": text})
    found = {finding.path for finding in await scanner.scan(Tree("t"))}
    assert found == ({"it.py"} if scanner.name in ("ruff", "bandit") else set())
