"""Finds inputs on which programs that claim the same differ: readings of a request, candidates, attempts, versions."""

from sixfold.layers.testing.divergence.execute import Input, Outcomes, Target, execute, expected
from sixfold.layers.testing.divergence.products import Boundary, boundaries, program
from sixfold.layers.testing.divergence.search import compare, diverge, generate, minimise

__all__ = [
    "Boundary",
    "Input",
    "Outcomes",
    "Target",
    "boundaries",
    "compare",
    "diverge",
    "execute",
    "expected",
    "generate",
    "minimise",
    "program",
]
