"""The paper's third experiment: how secure are standard features, by a plain call and by the full flow?

The paper (arXiv 2501.11354) asks for a security scan of a standard feature, a file upload, with and without a person
who reviews. Here: ten features, each with attacks on the started product beside the scanners, since a flow that hears a
scanner learns to please it; one group of scanners is held out of its loop (MDPI J. Cybersecur. Priv. 5(4):110).
"""

from __future__ import annotations

from sixfold.evaluation.experiments.experiment import Experiment
from sixfold.evaluation.report import number, percent
from sixfold.evaluation.summary import EFFORT, Style

SECURITY = Experiment(
    benchmark="features",
    judged=False,
    scanned=True,
    style=Style(
        name="experiment security",
        about="Standard features by a plain call and by the full flow, without and with a reviewer: attacked, scanned.",
        arms=("full", "reviewed", "checked", "plain"),
        means=(
            ("exploited", "weaknesses proven by an attack", number),
            ("released_exploited", "… in what the flow released", number),
            ("withstood", "attacks withstood", percent),
            ("functional", "functional tests passed", percent),
            ("core", "… of those without which it is of no use", percent),
            ("heard", "places flagged by scanners in the coder's loop", number),
            ("heard_blocking", "… blocking", number),
            ("held_out", "places flagged by held-out scanners", number),
            ("held_out_blocking", "… blocking", number),
            ("rejections", "times the reviewer sent work back", number),
            ("reviewer_minutes", "minutes from offer to decision", number),
            ("reviewer_tokens", "tokens of the reviewer", number),
            *EFFORT,
        ),
        shares=("safe", "works_and_safe", "released"),
        cases=True,
    ),
)
