"""Semgrep for tests: the one on PATH, or the one TEST_SEMGREP names (`.ci/run` installs it apart from the product)."""

from __future__ import annotations

import os
import shutil

import pytest

from sixfold.layers.testing.scanners.semgrep_program import Installed, find


def installed() -> Installed:
    """Where it is, or a skip that says why not."""
    named = os.environ.get("TEST_SEMGREP") or shutil.which("semgrep")
    if not named:
        pytest.skip("semgrep is not installed; TEST_SEMGREP=PATH names one")
    found = find(named)
    assert isinstance(found, Installed)
    return found
