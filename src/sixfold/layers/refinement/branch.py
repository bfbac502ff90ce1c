"""From approved increments to a branch: one commit each, with trailers that say where it came from."""

from __future__ import annotations

from collections.abc import Sequence

from sixfold.domain.code import Increment, Snapshot
from sixfold.domain.data import Data, Tree
from sixfold.domain.flow import Product
from sixfold.domain.ports import Repository
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


def message(run: str, increment: Increment, title: str, approver: str, part: str = "") -> str:
    """A commit message: subject, and trailers for run, task, requirements, model, prompt and approval."""
    trailers = [f"Sixfold-Run: {run}", f"Sixfold-Task: {increment.task}", f"Sixfold-Increment: {increment.id}"]
    if part:
        trailers.append(f"Sixfold-Part: {part}")
    if increment.requirements:
        trailers.append(f"Sixfold-Requirements: {', '.join(increment.requirements)}")
    trailers += [f"Sixfold-Model: {_one_line(model)}" for model in increment.models]
    if increment.prompt:
        trailers.append(f"Sixfold-Prompt: sha256:{increment.prompt}")
    trailers.append(f"Sixfold-Approved-By: {_one_line(approver)}")
    subject = f"{title.strip()[: 72 - len(part) - 3]} ({part})" if part else title.strip()[:72]
    return f"{_one_line(subject)}\n\n" + "\n".join(trailers) + "\n"


def _one_line(text: str) -> str:
    """A title or a name may not add trailers of its own."""
    return " ".join(text.split())


def publish(
    repository: Repository,
    run: str,
    specification: Specification,
    product: Product,
    snapshot: Snapshot,
    decision: Decision,
    at: str,
) -> Published:
    """Commit the increments in order on top of the base and point `sixfold/<run>` at the last.

    Uncommitted work that lay in the user's folder when the run began is kept out of the branch where the increments
    can be carried over to HEAD; otherwise it becomes a first commit of its own that says so.

    Args:
        at: time of all commits. With the time of the approval, doing this twice gives the same commits.
    """
    steps = [
        (increment, tree, f"{number} of {len(trees)}" if len(trees) > 1 else "")
        for increment in product.increments
        for trees in [[each.tree for each in increment.slices] or [increment.tree]]
        for number, tree in enumerate(trees, 1)
    ]
    trees, first_parents, commits = _carried(repository, [tree for _, tree, _ in steps], snapshot)
    parent: list[str] = [snapshot.head] if snapshot.head else []
    if first_parents:
        text = f"Uncommitted changes present when {run} began\n\nNot made by Sixfold.\n"
        parent = [repository.commit(snapshot.tree, parent, text, at=at)]
        commits.append(Commit(increment="base", commit=parent[0], tree=snapshot.tree, message=text))
    single = len(product.increments) == 1
    approvers = {approval.subject: approval.who for approval in product.approvals}
    for (increment, _, part), tree in zip(steps, trees, strict=True):
        who = approvers.get(f"increment:{increment.id}", decision.who)
        text = message(run, increment, specification.title if single else increment.title, who, part)
        human = next((each.removeprefix("human:") for each in increment.models if each.startswith("human:")), "")
        parent = [repository.commit(tree, parent, text, at=at, author=_author(human))]
        name = f"{increment.id}/{part.split()[0]}" if part else increment.id
        commits.append(Commit(increment=name, commit=parent[0], tree=tree, message=text))
    name = f"sixfold/{run}"
    head = parent[0] if parent else repository.commit(snapshot.tree, [], f"{specification.title}\n", at=at)
    repository.branch(name, head)
    return Published(branch=name, head=head, tree=trees[-1] if trees else snapshot.tree, commits=tuple(commits))


def _author(human: str) -> str:
    """A commit that a person edited carries their name beside the model's trailers; Sixfold's own otherwise."""
    name = "".join(letter for letter in human if letter.isprintable() and letter not in "<>").strip()
    return f"{name} <{name.replace(' ', '.')}@localhost>" if name else ""


def _carried(
    repository: Repository, trees: Sequence[Tree], snapshot: Snapshot
) -> tuple[Sequence[Tree], bool, list[Commit]]:
    """The trees of the commits on top of HEAD; True when the snapshot must be committed first."""
    if not snapshot.dirty or snapshot.head_tree is None:
        return trees, snapshot.dirty, []
    carried: list[Tree] = []
    for tree in trees:
        merged = repository.merge(snapshot.tree, snapshot.head_tree, tree).tree
        if merged is None:
            return trees, True, []
        carried.append(merged)
    return carried, False, []
