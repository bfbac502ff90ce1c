"""Tests in other languages than Python: profiles as data, one file each, and the readers of what their runners say."""

from __future__ import annotations

from sixfold.layers.testing.languages.profiles import BUILT_IN, applying, test_files
from sixfold.layers.testing.languages.running import run_profile, unparsable

__all__ = ["BUILT_IN", "applying", "run_profile", "test_files", "unparsable"]
