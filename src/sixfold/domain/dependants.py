"""What rests on one decision of the ledger: what has to be looked at again when it is reversed."""

from __future__ import annotations

from sixfold.domain.data import Data
from sixfold.domain.view import RunView


class Dependants(Data, frozen=True, kw_only=True):
    """Everything of a run that rests on one assumption."""

    requirements: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    """Ids of executed tests and examples that say which requirement they prove."""
    files: tuple[str, ...] = ()
    """Paths that the tasks really wrote."""

    def text(self) -> str:
        """One short line; empty when nothing rests on it."""
        parts = [" ".join(self.requirements), " ".join(self.tasks)]
        if self.tests:
            parts.append(f"{len(self.tests)} test{'s' if len(self.tests) > 1 else ''}")
        if self.files:
            more = f" +{len(self.files) - 3}" if len(self.files) > 3 else ""
            parts.append(" ".join(self.files[:3]) + more)
        return ", ".join(part for part in parts if part)


def dependants(view: RunView, id: str) -> Dependants:
    """The requirements, tasks, tests and files of a run that rest on assumption `id`."""
    ledger = view.specification.assumptions if view.specification else ()
    served = next((item.requirements for item in ledger if item.id == id), ())
    resting = [item for item in view.tasks if set(served) & set(item.task.requirements)]
    tests = {
        case.id: None for report in view.reports() for case in report.cases if set(served) & set(case.requirements)
    }
    return Dependants(
        requirements=served,
        tasks=tuple(item.task.id for item in resting),
        tests=tuple(tests),
        files=tuple(dict.fromkeys(path for item in resting for path in item.files)),
    )
