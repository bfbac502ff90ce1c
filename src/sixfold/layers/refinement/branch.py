"""From approved increments to a branch: one commit each, with trailers that say where it came from."""

from __future__ import annotations

from collections.abc import Sequence

from sixfold.domain.code import Increment, Snapshot
from sixfold.domain.data import Data, Tree
from sixfold.domain.flow import Product
from sixfold.domain.ports import Clock, Repository
from sixfold.domain.requirements import Specification
from sixfold.domain.run import Decision


class Commit(Data, frozen=True, kw_only=True):
    """One commit of the branch."""

    increment: str
    commit: str
    tree: Tree
    message: str


class Published(Data, frozen=True, kw_only=True):
    """The branch in the run's own repository."""

    branch: str
    head: str
    tree: Tree
    commits: tuple[Commit, ...]


def message(run: str, increment: Increment, title: str, approver: str) -> str:
    """A commit message: subject, and trailers for run, task, requirements and approval."""
    trailers = [f"Sixfold-Run: {run}", f"Sixfold-Task: {increment.task}", f"Sixfold-Increment: {increment.id}"]
    if increment.requirements:
        trailers.append(f"Sixfold-Requirements: {', '.join(increment.requirements)}")
    trailers.append(f"Sixfold-Approved-By: {approver}")
    return f"{title.strip()[:72]}\n\n" + "\n".join(trailers) + "\n"


def publish(
    repository: Repository,
    run: str,
    specification: Specification,
    product: Product,
    snapshot: Snapshot,
    decision: Decision,
    clock: Clock,
) -> Published:
    """Commit the increments in order on top of the base and point `sixfold/<run>` at the last.

    Uncommitted work that lay in the user's folder when the run began is kept out of the branch where the increments
    can be carried over to HEAD; otherwise it becomes a first commit of its own that says so.
    """
    trees, first_parents, commits = _carried(repository, product, snapshot)
    at = clock.now()
    parent: list[str] = [snapshot.head] if snapshot.head else []
    if first_parents:
        text = f"Uncommitted changes present when {run} began\n\nNot made by Sixfold.\n"
        parent = [repository.commit(snapshot.tree, parent, text, at=at)]
        commits.append(Commit(increment="base", commit=parent[0], tree=snapshot.tree, message=text))
    single = len(product.increments) == 1
    approvers = {approval.subject: approval.who for approval in product.approvals}
    for increment, tree in zip(product.increments, trees, strict=True):
        who = approvers.get(f"increment:{increment.id}", decision.who)
        text = message(run, increment, specification.title if single else increment.title, who)
        parent = [repository.commit(tree, parent, text, at=at)]
        commits.append(Commit(increment=increment.id, commit=parent[0], tree=tree, message=text))
    name = f"sixfold/{run}"
    head = parent[0] if parent else repository.commit(snapshot.tree, [], f"{specification.title}\n", at=at)
    repository.branch(name, head)
    return Published(branch=name, head=head, tree=trees[-1] if trees else snapshot.tree, commits=tuple(commits))


def _carried(repository: Repository, product: Product, snapshot: Snapshot) -> tuple[Sequence[Tree], bool, list[Commit]]:
    """The increments' trees on top of HEAD; True when the snapshot must be committed first."""
    trees = [increment.tree for increment in product.increments]
    if not snapshot.dirty or snapshot.head_tree is None:
        return trees, snapshot.dirty, []
    carried: list[Tree] = []
    for tree in trees:
        merged = repository.merge(snapshot.tree, snapshot.head_tree, tree).tree
        if merged is None:
            return trees, True, []
        carried.append(merged)
    return carried, False, []
