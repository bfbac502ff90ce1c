"""The paper's experiments, one small file each. An experiment is a comparison of solvers on the same samples."""

from sixfold.evaluation.experiments.clarity import CLARITY
from sixfold.evaluation.experiments.experiment import Experiment
from sixfold.evaluation.experiments.orchestration import ORCHESTRATION
from sixfold.evaluation.experiments.security import SECURITY

EXPERIMENTS: dict[str, Experiment] = {experiment.name: experiment for experiment in (CLARITY, ORCHESTRATION, SECURITY)}
"""By the name that `sixfold experiment NAME` takes."""

__all__ = ["EXPERIMENTS", "Experiment"]
