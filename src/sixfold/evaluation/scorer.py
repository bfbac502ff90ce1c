"""The scorer: acceptance tests talk to the built product from outside, in Sixfold's own sandbox."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import msgspec

from sixfold.domain.data import Data
from sixfold.domain.evidence import ExecResult, Limits
from sixfold.evaluation.sample import Sample
from sixfold.wiring import Laboratory

PLUGIN = Path(__file__).parent / "tasks" / "conftest.py"
SERVICE = Path(__file__).parent / "tasks" / "accept_service.py"
EXPLOITED = "exploited: "
"""Begins the words of an attack that succeeded; any other failure only says that it could not be made."""
_ROWS_FILE = "rows.json"
_LIMITS = Limits(wall_s=600.0, output_bytes=1 << 18)
_MOST_ROWS_BYTES = 8 << 20
_TAIL_CHARS = 2_000


class Accepted(Data, frozen=True, kw_only=True):
    """One acceptance test as it ended."""

    test: str
    outcome: Literal["passed", "failed", "error", "skipped", "unrun"]
    core: bool = False
    req: tuple[str, ...] = ()
    security: tuple[str, ...] = ()
    message: str = ""

    @property
    def exploited(self) -> bool:
        """The attack did what it was meant to; a product that does not even answer is not exploited."""
        return bool(self.security) and self.outcome == "failed" and EXPLOITED in self.message


class RowScore(Data, frozen=True, kw_only=True):
    """Whether a hidden row is met: every test of it passed."""

    id: str
    weight: float
    hidden: bool
    met: bool | None
    """None when no test decides it: such a row counts nowhere, and is shown."""


class Score(Data, frozen=True, kw_only=True):
    """What the acceptance suite found."""

    tests: tuple[Accepted, ...] = ()
    rows: tuple[RowScore, ...] = ()
    rows_met: float | None = None
    """Share of all measured rows that are met, by weight."""
    hidden_met: float | None = None
    """The same over the rows that the request does not say."""
    core: float | None = None
    """Share of `core` tests that passed."""
    withstood: float | None = None
    """Share of `security` tests that passed."""
    functional: float | None = None
    """Share of the other tests that passed."""
    pass_rate: float = 0.0
    """Share of all tests that passed."""
    solved: bool = False
    """Every test passed."""
    problem: str = ""
    """Why there is no (whole) verdict."""


async def score(laboratory: Laboratory, sample: Sample, product: Path, bench: Path) -> Score:
    """Run a sample's acceptance tests against a product folder.

    The tests never lie inside the product, and the product's own pytest settings and conftest files are not seen.

    Args:
        product: what was built; an empty or absent folder scores zero.
        bench: scratch folder of this attempt; emptied first.

    Raises:
        SandboxUnavailable: nothing ran.
        ConfigurationError: the toolchain could not be prepared.
    """
    shutil.rmtree(bench, ignore_errors=True)
    bench.mkdir(parents=True)
    if product.is_dir() and any(product.iterdir()):
        shutil.copytree(product, bench / "product", symlinks=True)
    else:
        (bench / "product").mkdir()
        (bench / "product" / ".nothing-was-built").touch()
    for path, text in sample.acceptance:
        place = bench / "acceptance" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    shutil.copyfile(PLUGIN, bench / "accept_rows.py")
    shutil.copyfile(SERVICE, bench / SERVICE.name)
    (bench / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    environment = await laboratory.environments.prepare(())
    async with laboratory.sandbox.open(laboratory.repository.store(bench), environment=environment) as workspace:
        record = f"{workspace.folder}/{_ROWS_FILE}"
        done = await workspace.exec(
            ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "accept_rows", "acceptance"],
            env={"SUT_DIR": f"{workspace.folder}/product", "ACCEPT_ROWS_JSON": record, "PYTHONDONTWRITEBYTECODE": "1"},
            limits=_LIMITS,
        )
        raw = await workspace.get(_ROWS_FILE, most_bytes=_MOST_ROWS_BYTES)
    shutil.rmtree(bench)
    if raw is None:
        return scored(sample, (), problem=_problem(done) or "the acceptance suite left no record")
    return scored(sample, msgspec.json.decode(raw, type=tuple[Accepted, ...]), problem=_problem(done))


def scored(sample: Sample, tests: Sequence[Accepted], *, problem: str = "") -> Score:
    """The score of a suite's rows. A test that did not pass, for whatever reason, has not passed."""
    rows = []
    for row in sample.rows:
        own = [test.outcome == "passed" for test in tests if row.id in test.req]
        rows.append(RowScore(id=row.id, weight=row.weight, hidden=bool(row.question), met=all(own) if own else None))
    core = [test.outcome == "passed" for test in tests if test.core]
    security = [test.outcome == "passed" for test in tests if test.security]
    functional = [test.outcome == "passed" for test in tests if not test.security]
    passed = sum(1 for test in tests if test.outcome == "passed")
    return Score(
        tests=tuple(tests),
        rows=tuple(rows),
        rows_met=_weighted(rows) if tests else 0.0,
        hidden_met=_weighted([row for row in rows if row.hidden]) if tests else (0.0 if sample.hidden else None),
        core=sum(core) / len(core) if core else None,
        withstood=sum(security) / len(security) if security else None,
        functional=sum(functional) / len(functional) if functional else None,
        pass_rate=passed / len(tests) if tests else 0.0,
        solved=bool(tests) and passed == len(tests),
        problem=problem,
    )


def _weighted(rows: Sequence[RowScore]) -> float | None:
    total = sum(row.weight for row in rows if row.met is not None)
    return sum(row.weight for row in rows if row.met) / total if total else None


def _problem(done: ExecResult) -> str:
    """Why the run is no verdict: pytest ends with 0 or 1 when every test had its say."""
    if done.exit_code in (0, 1) and not done.stopped_by:
        return ""
    how = f"stopped by its {done.stopped_by} limit" if done.stopped_by else f"pytest ended with {done.exit_code}"
    return f"{how}: {(done.stdout + done.stderr)[-_TAIL_CHARS:].strip()}"
