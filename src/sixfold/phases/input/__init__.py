"""Phase 1 of 4: input. From what a person typed and attached to a specification (paper, section 2.2).

A small, clear request costs one call and no question; a function is read blind and run on its own examples; anything
larger goes through the decision ledger.
"""

from __future__ import annotations

from sixfold.phases.input.deciding import late_decisions
from sixfold.phases.input.understanding import understand

__all__ = ["late_decisions", "understand"]
