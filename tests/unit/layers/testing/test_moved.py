"""A toolchain is found again after its state folder was moved."""

from __future__ import annotations

from pathlib import Path

from sixfold.domain.data import Digest
from sixfold.domain.ports import Environment
from sixfold.layers.testing.moved import located


def made(folder: Path) -> Environment:
    python = folder / "abc" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    return Environment(python=str(python), folders=(str(folder / "abc"), "/usr"), digest=Digest("d"))


def test_a_toolchain_that_moved_with_its_state_folder_is_found_there(tmp_path: Path) -> None:
    environment = made(tmp_path / "one" / "environments")
    (tmp_path / "one").rename(tmp_path / "two")
    found = located(environment, tmp_path / "two" / "environments")
    now = tmp_path / "two" / "environments" / "abc"
    assert found.python == str(now / "bin" / "python")
    assert found.folders == (str(now), "/usr")
    assert found.digest == environment.digest


def test_a_toolchain_that_stands_where_it_was_made_is_left_alone(tmp_path: Path) -> None:
    environment = made(tmp_path / "environments")
    made(tmp_path / "other")
    assert located(environment, tmp_path / "other") == environment


def test_a_toolchain_that_is_gone_keeps_its_path_for_the_error_to_name(tmp_path: Path) -> None:
    environment = made(tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    assert located(environment, tmp_path / "three") == environment
