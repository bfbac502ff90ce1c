"""Every backend of the sandbox that holds here, each in a folder of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from sandbox_backends import NAMES, Trees, make

from sixfold.layers.testing.sandbox import Backend


@pytest.fixture
def trees() -> Trees:
    return Trees()


@pytest.fixture(params=NAMES)
def sandbox(request: pytest.FixtureRequest, trees: Trees, tmp_path: Path) -> Backend:
    return make(request.param, trees, tmp_path / "scratch")
