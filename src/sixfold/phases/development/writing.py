"""Getting a patch for a task and putting it on a tree; a refused one gets one cheap correction."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence

import msgspec

from sixfold.domain.code import Objection, Patch, Refusal
from sixfold.domain.data import Data, Digest, Tree
from sixfold.domain.errors import InvalidReply
from sixfold.domain.flow import Job
from sixfold.domain.model import Role
from sixfold.domain.ports import Ports
from sixfold.domain.words import words_of
from sixfold.layers.planning import context
from sixfold.layers.refinement import diagnosis
from sixfold.layers.synthesis import apply, write
from sixfold.workflow.run import Run

_MOST_BRIEF_CHARS = 48_000
_TEST_ID = re.compile(r"([\w./-]+\.py)::(?:\w+::)*(\w+)")


class Written(Data, frozen=True, kw_only=True):
    """A patch and the answer it was read from."""

    patch: Patch
    text: str


class Samples(Data, frozen=True, kw_only=True):
    """Patches for the same task from fresh contexts that know nothing of each other."""

    written: tuple[Written, ...]


class Applied(Data, frozen=True, kw_only=True):
    """The tree after a patch, or why the patch was refused."""

    tree: Tree
    signature: Digest
    files: tuple[str, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    published: tuple[str, ...] = ()
    objection: Objection | None = None
    declined: str = ""


class Turn(Data, frozen=True, kw_only=True):
    """One attempt of a task: which, on which tree, with which orders, by what strategy."""

    number: int
    tree: Tree
    notes: tuple[str, ...]
    strategy: str = "first"

    @property
    def asked(self) -> Role:
        """The role whose model writes."""
        return "expert" if self.strategy == "expert" else "coder"


async def attempt(run: Run, ports: Ports, job: Job, turn: Turn) -> Applied:
    """One patch on a tree: written, applied, and once corrected when it was refused."""
    if turn.number == 1 and job.candidate is not None:
        written = Written(patch=job.candidate, text="")
    else:
        written = await _write(run, ports, job, turn, "development.write_patch")
    applied = await apply_patch(run, ports, job, turn, written)
    if not applied.refusals or applied.objection is not None:
        return applied
    orders = (*turn.notes, write.previous_answer(written.text), write.correction(applied.refusals))
    again = msgspec.structs.replace(turn, notes=orders)
    written = await _write(run, ports, job, again, "development.correct_patch")
    return await apply_patch(run, ports, job, turn, written, label=".corrected")


async def sample(run: Run, ports: Ports, job: Job, turn: Turn) -> tuple[Written, ...]:
    """Patches from as many fresh contexts as allowed, side by side; answers that could not be read are left out.

    Raises:
        InvalidReply: none could be read.
    """

    async def ask_all() -> Samples:
        brief = await asyncio.to_thread(_brief, ports, job, job.base, turn.notes)
        numbers = range(1, job.options.candidates + 1)
        asked = [_ask(ports, job, turn, brief, "development.sample", sample=number) for number in numbers]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, InvalidReply):
                raise answer
        written = tuple(answer for answer in answers if isinstance(answer, Written))
        if not written:
            raise next(answer for answer in answers if isinstance(answer, InvalidReply))
        return Samples(written=written)

    return (await run.step(f"development.sample:{turn.number}", ask_all, Samples)).written


async def _write(run: Run, ports: Ports, job: Job, turn: Turn, purpose: str) -> Written:
    async def ask() -> Written:
        brief = await asyncio.to_thread(_brief, ports, job, turn.tree, turn.notes)
        # In its own repair the task's work stands on the tree; on the ground it began with, nothing would be done.
        may_decline = job.may_decline or turn.tree != job.base
        return await _ask(ports, job, turn, brief, purpose, may_decline=may_decline)

    return await run.step(f"{purpose}:{turn.number}", ask, Written)


def _brief(ports: Ports, job: Job, tree: Tree, orders: Sequence[str]) -> str:
    task = job.assigned
    changed = () if task.files else ports.repository.changes(job.origin, tree)
    return context.brief(
        task,
        job.plan,
        job.specification,
        ports.repository,
        tree,
        ports.retriever,
        most_chars=_MOST_BRIEF_CHARS,
        notes=[f"{note.task} ({', '.join(note.requirements)}): {note.text}" for note in job.published],
        focus=[file.path for file in changed if file.status != "deleted"],
        before={entry.path for entry in ports.repository.files(job.origin)},
        cited=_cited(orders),
    )


def _cited(orders: Sequence[str]) -> dict[str, set[str]]:
    """Test functions that orders speak of by their ids, by file."""
    found: dict[str, set[str]] = {}
    for order in orders:
        for path, name in _TEST_ID.findall(order):
            found.setdefault(path, set()).add(name)
    return found


async def _ask(
    ports: Ports, job: Job, turn: Turn, brief: str, purpose: str, *, sample: int = 0, may_decline: bool = False
) -> Written:
    patch, answered = await write.write_patch(
        ports.model,
        brief,
        role=job.assigned.role,
        purpose=purpose,
        scope=job.task,
        notes=turn.notes,
        sample=sample,
        format=job.options.edit_format,
        may_decline=may_decline,
        asked=turn.asked,
    )
    return Written(patch=patch, text=answered.replies[-1].text)


async def apply_patch(run: Run, ports: Ports, job: Job, turn: Turn, written: Written, *, label: str = "") -> Applied:
    """Apply a patch as a whole or not at all, and write down which."""
    task, tree, number = job.assigned, turn.tree, turn.number

    def apply_it() -> Applied:
        signature = diagnosis.patch_signature(written.patch)
        objection = written.patch.objection
        if objection is not None and objection.contract in (*task.provides, *task.consumes):
            return Applied(tree=tree, signature=signature, objection=objection)
        if objection is not None:
            strange = Refusal(path=f"contract {objection.contract}", reason="is no contract of this task")
            return Applied(tree=tree, signature=signature, refusals=(strange,))
        if written.patch.declined:
            return Applied(tree=tree, signature=signature, declined=written.patch.declined)
        words = words_of(run.events()).person
        result = apply.apply(
            ports.repository, tree, written.patch, write_set=task.files, origin=job.origin, words=words
        )
        if isinstance(result, apply.Applied):
            published = written.patch.published
            return Applied(tree=result.tree, files=result.files, signature=signature, published=published)
        stands = job.again or (number > 1 and tree != job.base)
        if stands and all(refusal.reason == apply.CHANGES_NOTHING for refusal in result):
            return Applied(tree=tree, signature=signature)  # what stands there is its answer; the tests decide
        return Applied(tree=tree, refusals=result, signature=signature)

    applied = await run.blocking(f"development.apply_patch:{number}{label}", apply_it, Applied)
    key = f"{run.workflow}:{number}{label}"
    if applied.objection is not None:
        run.emit("contract.disputed", f"disputed:{key}", {"task": task.id, "objection": applied.objection})
    elif applied.declined:
        run.emit("patch.declined", f"declined:{key}", {"task": task.id, "attempt": number, "text": applied.declined})
    elif applied.refusals:
        data = {"task": task.id, "attempt": number, "refusals": applied.refusals}
        run.emit("patch.refused", f"refused:{key}", data)
    else:
        data = {"task": task.id, "attempt": number, "tree": applied.tree, "files": applied.files}
        run.emit("patch.applied", f"applied:{key}", data)
    return applied
