"""The eval log: a folder of plain files, readable while an evaluation is under way and after it was interrupted.

eval.json                            what is evaluated: benchmark, solvers, models, version
attempts/SAMPLE/SOLVER[.EPOCH]/      one attempt; see `attempt`
report.json, report.md               the figures of everything that is done, made anew at every end
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from sixfold.domain.data import Data, Digest
from sixfold.domain.errors import StorageError, UsageError
from sixfold.evaluation.attempt import Attempt, write
from sixfold.evaluation.sample import Sample
from sixfold.evaluation.solvers import Solver


class Header(Data, frozen=True, kw_only=True):
    """What an eval log is about. A log goes on only with what it began with; further tasks and arms may be added."""

    schema_version: int = 1
    name: str
    """`experiment clarity`, `eval systems`."""
    sixfold: str
    """Version of the program."""
    models: tuple[tuple[str, str], ...]
    solvers: tuple[str, ...] = ()
    samples: tuple[tuple[str, Digest], ...] = ()
    """(id, digest)."""


class EvalLog:
    """One folder of attempts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self, header: Header) -> Header:
        """Begin the log, or go on with it; returns the header in force.

        Raises:
            UsageError: the folder holds another evaluation, other models, or a task whose text changed.
            StorageError: it cannot be read or written.
        """
        path = self.folder / "eval.json"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            known = msgspec.json.decode(path.read_bytes(), type=Header) if path.exists() else header
            if (known.name, known.models) != (header.name, header.models):
                raise UsageError(
                    f"{self.folder} holds {known.name} with {_models(known)}",
                    why=f"asked for now: {header.name} with {_models(header)}",
                    next="give another --out, or the same models",
                )
            old, new = dict(known.samples), dict(header.samples)
            changed = sorted(id for id in old.keys() & new.keys() if old[id] != new[id])
            if changed:
                raise UsageError(
                    f"the task {changed[0]} changed since {self.folder} was begun",
                    why="results of two versions of a task cannot be compared",
                    next="give another --out",
                )
            merged = msgspec.structs.replace(
                known,
                solvers=tuple(dict.fromkeys((*known.solvers, *header.solvers))),
                samples=tuple(sorted({**old, **new}.items())),
            )
            write(path, merged)
        except OSError as error:
            raise StorageError(f"cannot use {self.folder}", why=error.strerror or str(error)) from error
        except msgspec.DecodeError as error:
            raise StorageError(f"{path} is damaged", why=str(error), next="give another --out") from error
        return merged

    def place(self, sample: Sample, solver: Solver, epoch: int = 1) -> Path:
        """The folder of an attempt."""
        return self.folder / "attempts" / sample.id / (solver.name if epoch == 1 else f"{solver.name}.{epoch}")

    def done(self, place: Path) -> Attempt | None:
        """The attempt of a folder, when it is done.

        Raises:
            StorageError: its record is damaged.
        """
        path = place / "result.json"
        if not path.exists():
            return None
        try:
            return msgspec.json.decode(path.read_bytes(), type=Attempt)
        except (OSError, msgspec.DecodeError) as error:
            raise StorageError(
                f"{path} is damaged", why=str(error), next="delete it: what was paid for is kept beside it"
            ) from error

    def attempts(self) -> tuple[Attempt, ...]:
        """Everything that is done, by sample, solver and epoch."""
        found = [self.done(path.parent) for path in sorted(self.folder.glob("attempts/*/*/result.json"))]
        return tuple(attempt for attempt in found if attempt is not None)


def _models(header: Header) -> str:
    return ", ".join(f"{role}={model}" for role, model in header.models)


def header_of(
    name: str,
    version: str,
    models: Sequence[tuple[str, str]],
    solvers: Sequence[Solver],
    samples: Sequence[Sample],
) -> Header:
    """The header of an evaluation that is about to begin."""
    return Header(
        name=name,
        sixfold=version,
        models=tuple(models),
        solvers=tuple(solver.name for solver in solvers),
        samples=tuple(sorted((sample.id, sample.digest) for sample in samples)),
    )
