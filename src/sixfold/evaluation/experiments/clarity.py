"""The paper's first experiment: vague tasks with and without the clarity check, the person played by a simulated user.

The paper (arXiv 2501.11354) asks whether checking clarity before coding leads to fewer wrong assumptions. Here: how
much of a hidden intent is met in the built product, what a person has to read and answer for it, what was invented.
"""

from __future__ import annotations

from sixfold.evaluation.experiments.experiment import Experiment
from sixfold.evaluation.report import number, percent
from sixfold.evaluation.summary import EFFORT, PRODUCT, SHARES, Style

CLARITY = Experiment(
    benchmark="tasks",
    judged=True,
    style=Style(
        name="experiment clarity",
        about="Vague tasks with and without the clarity check; a simulated user answers from a hidden intent alone.",
        arms=("clarity", "guess", "plain"),
        means=(
            *PRODUCT,
            ("coverage", "hidden rows decided by a line", percent),
            ("question_coverage", "… by a question", percent),
            ("lines", "lines to read", number),
            ("questions", "questions", number),
            ("corrections", "corrections", number),
            ("wrong_defaults", "wrong defaults", number),
            ("requirements", "requirements", number),
            ("hallucinated", "hallucinated requirements", number),
            *EFFORT,
        ),
        shares=tuple(SHARES),
    ),
)
