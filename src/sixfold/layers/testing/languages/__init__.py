"""Tests in other languages than Python: profiles as data, one file each, and the readers of what their runners say."""

from __future__ import annotations

from sixfold.layers.testing.languages.profiles import BUILT_IN, Suite, applying, test_files
from sixfold.layers.testing.languages.running import run_profile, unparsable
from sixfold.layers.testing.languages.trees import Allowed, refused_files, run_suites

__all__ = [
    "BUILT_IN",
    "Allowed",
    "Suite",
    "applying",
    "refused_files",
    "run_profile",
    "run_suites",
    "test_files",
    "unparsable",
]
