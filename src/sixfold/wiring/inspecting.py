"""What reads and judges code without a model, an engine or a sandbox: the repository, its index, the scanners."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sixfold.domain.data import Tree

if TYPE_CHECKING:
    from sixfold.domain.evidence import Check
    from sixfold.domain.ports import Repository, Sandbox, Scanner
    from sixfold.domain.words import Words


@dataclass(frozen=True, kw_only=True)
class Scanners:
    """Those the coder hears of, and those held out of its loop."""

    coder: tuple[Scanner, ...]
    held_out: tuple[Scanner, ...]
    not_run: tuple[Check, ...] = ()
    """Those that are not here, as skipped checks."""


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


def with_semgrep(scanners: Scanners, repository: Repository, sandbox: Sandbox, asked: str) -> Scanners:
    """The same, and Semgrep among those held out of the coder's loop; where it is not installed, a check that says so.

    Args:
        asked: the setting `scan.semgrep`.

    Raises:
        ConfigurationError: a path was set and there is no Semgrep that a sandbox can run.
    """
    from sixfold.domain.evidence import Check
    from sixfold.layers.testing.scanners import semgrep_program
    from sixfold.layers.testing.scanners.semgrep import Semgrep

    found = semgrep_program.find(asked)
    if isinstance(found, semgrep_program.Absent):
        unknown = Check(name="scan:semgrep", ok=False, skipped=True, detail=found.why)
        return replace(scanners, not_run=(*scanners.not_run, unknown))
    return replace(scanners, held_out=(*scanners.held_out, Semgrep(repository, sandbox, found)))
