"""The paper's second experiment: are the roles of a system found, and does a live plan pay as projects grow?

Sizes of 2 to 12 components with an answer key, and one system over three tiers; the live task graph against the fixed
line of roles and the direct attempt, on the same sandbox, tests and gates (paper, section 2.2; research: 3.1, 3.2).
"""

from __future__ import annotations

from sixfold.evaluation.experiments.experiment import Experiment
from sixfold.evaluation.report import number, percent
from sixfold.evaluation.summary import EFFORT, PRODUCT, Style

ORCHESTRATION = Experiment(
    benchmark="components",
    judged=False,
    style=Style(
        name="experiment orchestration",
        about="Projects of known shape: a live task graph against a fixed line of roles and a direct attempt.",
        arms=("dynamic", "static", "direct"),
        means=(
            ("accuracy", "orchestration accuracy", percent),
            ("components", "… components found", percent),
            ("edges", "… edges right", percent),
            ("owned", "components owned by exactly one task", percent),
            ("ordered", "edges that the order of tasks keeps", percent),
            ("roles", "roles found (three tiers)", percent),
            ("contracts_kept", "contracts that held", percent),
            *PRODUCT,
            ("overhead", "tokens spent on planning", percent),
            ("context_tokens", "context tokens a coder's call", number),
            ("revisions", "changes of the plan", number),
            ("planned_tasks", "tasks", number),
            *EFFORT,
        ),
        shares=("solved", "released"),
        curve=(
            ("accuracy", "accuracy", percent),
            ("ordered", "edges kept", percent),
            ("tokens", "tokens", number),
            ("overhead", "planning", percent),
            ("context_tokens", "context tokens a call", number),
            ("calls", "calls", number),
            ("revisions", "plan changes", number),
            ("wall_s", "seconds", number),
        ),
    ),
)
