"""What reads and judges code without a model, an engine or a sandbox: the repository, its index, the scanners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sixfold.domain.data import Tree

if TYPE_CHECKING:
    from sixfold.domain.ports import Repository, Scanner
    from sixfold.domain.words import Words


@dataclass(frozen=True, kw_only=True)
class Scanners:
    """Those the coder hears of, and those held out of its loop."""

    coder: tuple[Scanner, ...]
    held_out: tuple[Scanner, ...]


def scanners_for(
    repository: Repository, words: Callable[[], Words], *, allowed: Sequence[str] = (), base: Tree | None = None
) -> Scanners:
    """The scanners of a run.

    Args:
        words: what was said about the run so far, by whom.
        allowed: packages a person allowed.
        base: the tree the run began with; what it declares may be used.
    """
    # Late, as all adapters are: commands that only look must not pay for them.
    from sixfold.layers.testing.dependencies import Dependencies
    from sixfold.layers.testing.scanners.audit import Audit
    from sixfold.layers.testing.scanners.bandit import Bandit
    from sixfold.layers.testing.scanners.powers_asked import PowersAsked
    from sixfold.layers.testing.scanners.ruff import Ruff
    from sixfold.layers.testing.scanners.script_rules import ScriptRules
    from sixfold.layers.testing.scanners.secrets import Secrets
    from sixfold.layers.testing.scanners.suspicious import Suspicious

    return Scanners(
        coder=(
            Ruff(repository),
            Audit(repository),
            Secrets(repository),
            ScriptRules(repository),
            Dependencies(repository, allowed=allowed, base=base),
            PowersAsked(repository, words, base=base),
        ),
        held_out=(Bandit(repository), Suspicious(repository)),
    )
