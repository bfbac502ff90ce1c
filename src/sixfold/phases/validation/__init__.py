"""Phase 4 of 4: validation. The assembled product is proven from outside, then a human signs exactly what was shown.

The acceptance tests come from a context that never saw code; scanners that the coder never heard from look again
(paper, section 2.2 and its second open question).
"""

from __future__ import annotations

from sixfold.phases.validation.blind import Locked, locked_tests, write_acceptance, write_again
from sixfold.phases.validation.examining import Others, examine, inspect
from sixfold.phases.validation.releasing import disputes, release, undisputed

__all__ = [
    "Locked",
    "Others",
    "disputes",
    "examine",
    "inspect",
    "locked_tests",
    "release",
    "undisputed",
    "write_acceptance",
    "write_again",
]
