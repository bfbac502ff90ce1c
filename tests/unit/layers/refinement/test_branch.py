"""Approved increments become commits that say where they come from, in parts small enough to read."""

from __future__ import annotations

from pathlib import Path

from sixfold.domain.code import Increment, Slice, Snapshot
from sixfold.domain.data import digest
from sixfold.domain.flow import Product
from sixfold.domain.requirements import Specification
from sixfold.domain.run import Approval, Decision
from sixfold.layers.refinement.branch import Published, message, publish
from sixfold.layers.refinement.git import GitRepository

AT = "2026-01-02T03:04:05Z"
SIGNED = Decision(subject="release:x", verdict="approve", who="human:ada")


def published(repository: GitRepository, snapshot: Snapshot, *increments: Increment) -> Published:
    approvals = tuple(
        Approval(subject=f"increment:{each.id}", verdict="approve", who="policy:review-risky", tree=each.tree)
        for each in increments
    )
    product = Product(tree=increments[-1].tree, increments=increments, approvals=approvals)
    return publish(repository, "r-1", Specification(title="Add a shop"), product, snapshot, SIGNED, AT)


def test_trailers_name_run_task_requirements_model_prompt_and_approval(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository", tmp_path / "blobs")
    tree = repository.write(repository.empty(), {"a.py": b"x = 1\n"})
    increment = Increment(
        id="I1",
        task="T1",
        title="A",
        base=repository.empty(),
        tree=tree,
        requirements=("R1", "R2"),
        models=("openai:gpt-5",),
        prompt=digest("asked"),
    )
    snapshot = Snapshot(tree=repository.empty(), kind="empty")
    made = published(repository, snapshot, increment)
    assert made.commits[0].message == (
        "Add a shop\n\nSixfold-Run: r-1\nSixfold-Task: T1\nSixfold-Increment: I1\nSixfold-Requirements: R1, R2\n"
        f"Sixfold-Model: openai:gpt-5\nSixfold-Prompt: sha256:{digest('asked')}\n"
        "Sixfold-Approved-By: policy:review-risky\n"
    )
    assert published(repository, snapshot, increment) == made


def test_a_title_or_a_name_cannot_forge_a_trailer() -> None:
    tree = GitRepository.__name__  # any text
    increment = Increment(
        id="I1", task="T1", title="x", base=tree, tree=tree, models=("m\nSixfold-Approved-By: human:x",)
    )  # type: ignore[arg-type]
    text = message("r-1", increment, "Add\n\nSixfold-Approved-By: human:x", "policy:none")
    assert [line for line in text.splitlines() if line.startswith("Sixfold-Approved-By")] == [
        "Sixfold-Approved-By: policy:none"
    ]


def test_a_large_increment_becomes_one_commit_a_part_that_ends_on_the_approved_tree(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository", tmp_path / "blobs")
    base = repository.empty()
    first = repository.write(base, {"a.py": b"x = 1\n"})
    last = repository.write(first, {"b.py": b"import a\n"})
    parts = (Slice(files=("a.py",), tree=first, lines=1), Slice(files=("b.py",), tree=last, lines=1))
    increment = Increment(id="I1", task="T1", title="A", base=base, tree=last, slices=parts)
    made = published(repository, Snapshot(tree=base, kind="empty"), increment)
    assert [(one.increment, one.tree) for one in made.commits] == [("I1/1", first), ("I1/2", last)]
    assert "Add a shop (2 of 2)" in made.commits[1].message
    assert (made.tree, made.head) == (last, made.commits[1].commit)


def test_what_a_person_edited_carries_their_name_as_author(tmp_path: Path) -> None:
    repository = GitRepository(tmp_path / "repository", tmp_path / "blobs")
    tree = repository.write(repository.empty(), {"a.py": b"x = 1\n"})
    increment = Increment(
        id="I1", task="T1", title="A", base=repository.empty(), tree=tree, models=("human:Ada <L>", "openai:gpt-5")
    )
    made = published(repository, Snapshot(tree=repository.empty(), kind="empty"), increment)
    shown = repository._git.run("log", "-1", "--format=%an <%ae>", made.head).text
    assert shown == "Ada L <Ada.L@localhost>"
