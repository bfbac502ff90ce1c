"""The run as a person sees it: options, budget, decisions, result."""

from __future__ import annotations

from typing import Literal

from sixfold.domain.data import Data, Tree
from sixfold.domain.evidence import Check, Component, Dispute, Finding
from sixfold.domain.language import Profile
from sixfold.domain.model import Usage

Status = Literal["running", "validated", "waiting", "paused", "failed", "cancelled"]


class Budget(Data, frozen=True, kw_only=True):
    """Caps that are reserved against before each model call. None = no cap."""

    usd: float | None = None
    tokens: int | None = None
    """Input plus output tokens."""


class Options(Data, frozen=True, kw_only=True):
    """What `sixfold build` was told, besides the request. Part of the run, so `resume` needs no flags."""

    models: tuple[tuple[str, str], ...] = ()
    """(role, model) pairs; role `*` is the default model."""
    clarify: Literal["auto", "always", "never"] = "auto"
    unanswered: Literal["wait", "defer", "default"] = "wait"
    plan: Literal["auto", "direct", "static"] = "auto"
    """`auto`: direct attempt, a plan on need, re-planning. `static`: a fixed line of roles, kept to compare with."""
    until: Literal["", "plan"] = ""
    """Where the run pauses of itself, so that a person can look and edit first; `resume` goes on."""
    review: Literal["risky", "all", "none"] = "risky"
    approve_release: bool = False
    """`-y`: the release is approved in advance, and recorded as such."""
    budget: Budget = Budget()
    task_budget: Budget = Budget()
    """Caps of every task by itself, inside those of the run."""
    phase_budget: Budget = Budget()
    """Caps of every phase by itself, inside those of the run."""
    prompts: tuple[tuple[str, str], ...] = ()
    """(purpose, system text): prompts that stand in for Sixfold's own, e.g. in a fork."""
    timeout_s: float | None = None
    apply: bool = False
    max_questions: int = 5
    max_repairs: int = 3
    """Repair attempts of one task before it ends as failed."""
    languages: tuple[Profile, ...] = ()
    """Test profiles of other languages that the project declared, before the built-in ones."""
    edit_format: str = "blocks"
    """Name of the format the coder writes patches in; `auto` is settled by the coder's model when the run begins."""
    candidates: int = 3
    """Samples drawn at once for a task that is stuck also after a fresh start; 1 = never more than one."""
    parallel: int = 4
    """Tasks under way at once."""
    stubs: bool = False
    """Whether a task on the critical path may begin on stand-ins for what it consumes. Runs that were recorded before
    there were any go on without."""
    packages: tuple[str, ...] = ()
    """Names of packages the product may depend on besides those its repository already declares."""
    replay: str = ""
    """Folder of a cassette; only recorded answers are used. Empty = live."""
    record: str = ""
    """Folder that receives a copy of the cassette as it grows. Empty = only the run's own."""

    @property
    def experts(self) -> tuple[tuple[str, str], ...]:
        """The pair of the optional role `expert`, if there is one. A replay keeps it: it decides what is asked."""
        return tuple(pair for pair in self.models if pair[0] == "expert")


class Forecast(Data, frozen=True, kw_only=True):
    """What a run will probably use; ranges are (least, most)."""

    kind: str
    runs: int = 0
    """Earlier runs it rests on; without any there are no ranges."""
    calls: tuple[int, int] | None = None
    tokens: tuple[int, int] | None = None
    cost_usd: tuple[float, float] | None = None
    """None also when a price is not known."""
    basis: str


class Decision(Data, frozen=True, kw_only=True):
    """What a human (or a declared policy in their place) decided, from any door."""

    subject: str
    """`question:Q1`, `increment:I2`, `release:<tree id>`, `assumption:A3`, `requirement:R2` (its sentence, or `reject`
    to drop it), `plan:1` (the first edit of the plan);
    `revision:2:assumption:A3#1` changes a decision after the specification was written, before the second release
    was offered (see `domain/revising.py`)."""
    verdict: Literal["answer", "default", "approve", "reject", "edit"]
    value: str = ""
    """Of an edit: of a plan the `Change` as JSON, of an increment the tree a person left, which is tested again."""
    comment: str = ""
    who: str
    """`human:NAME`, `policy:RULE`, `option:-y`."""


class Approval(Data, frozen=True, kw_only=True):
    """A decision about content, bound to the tree that was shown."""

    subject: str
    verdict: Literal["approve", "reject"]
    who: str
    tree: Tree
    comment: str = ""
    stale: bool = False
    """True when the content changed afterwards."""


class ReleaseOffer(Data, frozen=True, kw_only=True):
    """What the human is asked to sign: exactly this tree, with this evidence."""

    tree: Tree
    checks: tuple[Check, ...] = ()
    findings: tuple[Finding, ...] = ()
    unverified: tuple[str, ...] = ()
    """Requirement ids without executed evidence."""
    mutation_score: float | None = None
    """Share of planted faults that the tests noticed; None when none could be planted."""
    components: tuple[Component, ...] = ()
    """Packages it was validated with."""
    disputed: tuple[Dispute, ...] = ()
    """Findings that would block and that the coder calls wrong; who approves signs them away by name."""
    again: int = 0
    """How often this tree was offered before: what was rejected may come back as it was, and is decided anew."""

    @property
    def subject(self) -> str:
        """What a decision on this offer is about."""
        return f"release:{self.tree}#{self.again + 1}" if self.again else f"release:{self.tree}"


def offered_tree(subject: str) -> Tree:
    """The tree that a subject `release:…` is about."""
    return Tree(subject.removeprefix("release:").partition("#")[0])


class Outcome(Data, frozen=True, kw_only=True):
    """What the pipeline returns when it ends (not when it waits)."""

    status: Literal["validated", "failed", "cancelled"]
    exit_code: int
    """0, 1 or 5."""
    tree: Tree | None = None
    commit: str = ""
    branch: str = ""
    reason: str = ""
    """One line, empty when validated."""
    usage: Usage = Usage()
