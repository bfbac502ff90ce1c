"""Semgrep is held out of the coder's loop where it is installed; where it is not, that is told and is never ok."""

from __future__ import annotations

from pathlib import Path

import pytest

from sixfold.domain.words import Words
from sixfold.fakes.sandbox import ScriptedSandbox
from sixfold.layers.refinement.git import GitRepository
from sixfold.wiring.inspecting import Scanners, scanners_for, with_semgrep


@pytest.fixture
def repository(tmp_path: Path) -> GitRepository:
    return GitRepository(tmp_path / "repository", tmp_path / "blobs")


def scanners(repository: GitRepository, asked: str) -> Scanners:
    return with_semgrep(scanners_for(repository, lambda: Words(person="x")), repository, ScriptedSandbox(), asked)


def test_the_coder_never_hears_from_it(repository: GitRepository, tmp_path: Path) -> None:
    place = tmp_path / "semgrep"
    (place / "bin").mkdir(parents=True)
    (place / "pyvenv.cfg").touch()
    for name in ("python", "semgrep"):
        (place / "bin" / name).write_text("#!/bin/sh\n")
    found = scanners(repository, str(place / "bin" / "semgrep"))
    assert "semgrep" in [one.name for one in found.held_out]
    assert "semgrep" not in [one.name for one in found.coder]
    assert found.not_run == ()


@pytest.mark.parametrize("asked", ["auto", "off"])
def test_absence_is_a_skipped_check_and_never_ok(
    repository: GitRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: str
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (check,) = scanners(repository, asked).not_run
    assert (check.name, check.ok, check.skipped) == ("scan:semgrep", False, True)
    assert check.detail.startswith("not run: ")
