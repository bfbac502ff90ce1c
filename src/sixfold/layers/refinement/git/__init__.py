"""Version control: the run's own repository, and the one careful way into the user's checkout."""

from __future__ import annotations

from sixfold.layers.refinement.git.checkout import GitCheckout
from sixfold.layers.refinement.git.merge import Conflict, rebase_trees
from sixfold.layers.refinement.git.repository import GitRepository

__all__ = ["Conflict", "GitCheckout", "GitRepository", "rebase_trees"]
