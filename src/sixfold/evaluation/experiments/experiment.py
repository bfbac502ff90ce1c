"""What an experiment is: which solvers on which samples, and what its report shows."""

from __future__ import annotations

from dataclasses import dataclass

from sixfold.evaluation.summary import Style


@dataclass(frozen=True)
class Experiment:
    """One comparison of the paper."""

    benchmark: str
    """Name of the samples it takes unless told otherwise."""
    judged: bool
    """Whether a judge reads lines and requirements."""
    style: Style
    """Its name, the solvers it compares unless told otherwise (the one in question first), its figures."""
    scanned: bool = False
    """Whether scanners look at every product."""

    @property
    def name(self) -> str:
        """What `sixfold experiment NAME` takes."""
        return self.style.name.rpartition(" ")[2]
