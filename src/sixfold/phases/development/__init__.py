"""Phase 3 of 4: development. Ready tasks in parallel, each from a fresh context; evidence; review; increments.

A task is a child workflow (`work`). The root integrates results one after another: merge, test again when something
else came in between, review, and only then are they part of the product (paper, section 2.2).
"""

from __future__ import annotations

from sixfold.phases.development.coding import TASK, work
from sixfold.phases.development.integrating import develop, orders_of, orders_of_revision, rework
from sixfold.phases.development.revising import take_edits as edited
from sixfold.phases.development.site import Site, begin

__all__ = ["TASK", "Site", "begin", "develop", "edited", "orders_of", "orders_of_revision", "rework", "work"]
