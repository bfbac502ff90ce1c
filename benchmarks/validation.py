"""False confidence, measured: faults between parts, cheating coders, and correct products that must be accepted.

Four real products (`benchmarks/products`) are validated by the product's own validation phase
(`sixfold.phases.validation.inspect`, all scanners included) with acceptance suites that are given; no model is asked:

- `faults`: one change in the glue between parts while every part's own tests stay green. A fault whose own tests are
  red, or that changes nothing, is not counted and named on stderr.
- `cheats`: ways to be called done without being done; each must be caught by a fault that matches its pattern.
- `correct`: the products as written and in variants; any fault against them is a false block.
- `mutation_score`: share of faults planted by mutation in the four products that some suite noticed.
- `mutation_survivors`: planted faults that no suite noticed, to be looked at one by one.

A case costs some 10 processor seconds: one or two installations, and forty to eighty starts of the product of 50 ms
each, because no check shares a process or a folder with another. So the whole run takes longer than five minutes:
800 to 1,000 processor seconds (`cpu_s`), on two processors that others use too. One toolchain serves all cases.

`--only NAME` takes cases whose text holds NAME; `--jobs` how many are validated at once.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import shutil
import sys
import tempfile
import time
import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

from sixfold.domain.code import Snapshot
from sixfold.domain.data import Data, from_json
from sixfold.domain.flow import Examination, Product
from sixfold.domain.plan import Plan
from sixfold.domain.ports import Environment, Ports
from sixfold.domain.requirements import Specification
from sixfold.layers.refinement.git import GitRepository
from sixfold.layers.testing import sandbox
from sixfold.layers.testing.dependencies import Dependencies
from sixfold.layers.testing.environments import UvEnvironments
from sixfold.layers.testing.scanners.audit import Audit
from sixfold.layers.testing.scanners.bandit import Bandit
from sixfold.layers.testing.scanners.ruff import Ruff
from sixfold.layers.testing.scanners.secrets import Secrets
from sixfold.layers.testing.scanners.suspicious import Suspicious
from sixfold.phases import validation

PRODUCTS = Path(__file__).with_name("products")
MUTANTS = 16


class Case(Data, frozen=True, kw_only=True):
    """One tree to validate."""

    kind: str
    what: str
    product: str
    files: dict[str, bytes]
    caught_by: str = ""
    planted: int = 0


class Bench:
    """The ports validation needs, and the four products."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.repository = GitRepository(place / "repository", place / "blobs")
        self.environments = UvEnvironments(_cache(), os.environ)
        self.told: dict[str, Any] = {
            folder.name: json.loads((folder / "product.json").read_text())
            for folder in sorted(PRODUCTS.iterdir())
            if (folder / "product.json").is_file()
        }

    async def open(self) -> None:
        """Choose the sandbox and prepare the toolchain."""
        (self.place / "scratch").mkdir()
        self.cage = await sandbox.choose(self.repository.checkout, self.repository.store, self.place / "scratch")
        self.environment: Environment = await self.environments.prepare()

    def ports(self) -> Ports:
        """Fresh adapters: scanners remember blobs."""
        base, repository = self.repository.empty(), self.repository
        none: Any = None
        return Ports(
            model=none,
            costs=none,
            repository=repository,
            retriever=none,
            sandbox=self.cage,
            environments=self.environments,
            scanners=(Ruff(repository), Audit(repository), Secrets(repository), Dependencies(repository, base=base)),
            held_out=(Bandit(repository), Suspicious(repository)),
            clock=none,
        )

    async def examine(self, case: Case) -> Examination:
        """Validate one case as a run would."""
        told = self.told[case.product]
        empty = self.repository.empty()
        tree = self.repository.write(empty, case.files)
        tests = (PRODUCTS / case.product / "acceptance.py").read_text(encoding="utf-8")
        return await validation.inspect(
            self.ports(),
            from_json(told["specification"], Specification),
            Product(tree=tree, plan=from_json(told["plan"], Plan)),
            validation.Locked(tests=tests),
            self.environment,
            Snapshot(tree=empty, kind="empty"),
            planted_faults=case.planted,
        )

    def cases(self) -> list[Case]:
        """Everything that is validated, in order."""
        found = []
        for name in self.told:
            whole = _files(PRODUCTS / name / "tree")
            listed = tomllib.loads((PRODUCTS / name / "changes.toml").read_text(encoding="utf-8"))
            for kind in ("correct", "fault"):
                for one in listed[kind]:
                    planted = MUTANTS if kind == "correct" and "path" not in one else 0
                    files = _changed(whole, [one] if "path" in one else [], f"{name}: {one['what']}")
                    found.append(Case(kind=kind, what=one["what"], product=name, files=files, planted=planted))
        for one in tomllib.loads((PRODUCTS / "cheats.toml").read_text(encoding="utf-8"))["cheat"]:
            whole = _files(PRODUCTS / one["product"] / "tree")
            files = _changed(whole, one["changes"], one["what"])
            found.append(
                Case(
                    kind="cheat",
                    what=one["what"],
                    product=one["product"],
                    files=files,
                    caught_by=one["caught_by"],
                    planted=one.get("planted", 0),
                )
            )
        return found


def _cache() -> Path:
    """Where the toolchain is kept between runs of the benchmark."""
    home = os.environ.get("SIXFOLD_HOME")
    return Path(home) / "environments" if home else Path(tempfile.gettempdir()) / f"sixfold-benchmark-{os.getuid()}"


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def _changed(files: dict[str, bytes], changes: list[dict[str, str]], what: str) -> dict[str, bytes]:
    """The files after the changes: a whole text, one replaced place, or (neither) a deletion."""
    files = dict(files)
    for change in changes:
        path = change["path"]
        if "content" in change:
            files[path] = change["content"].encode()
        elif "old" in change:
            text = files[path].decode()
            if text.count(change["old"]) != 1:
                raise SystemExit(f"{what}: {change['old']!r} stands {text.count(change['old'])} times in {path}")
            files[path] = text.replace(change["old"], change["new"]).encode()
        else:
            del files[path]
    return files


def _own_tests(seen: Examination) -> str:
    """`green`, or why the product's own tests are not."""
    check = next((check for check in seen.checks if check.name == "tests"), None)
    return "green" if check is None or check.ok else check.detail


async def measure(jobs: int, only: str) -> dict[str, Any]:
    """Validate all cases."""
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name))
        await bench.open()
        cases = [case for case in bench.cases() if only in f"{case.kind} {case.product} {case.what}"]
        gate = asyncio.Semaphore(jobs)

        async def one(case: Case) -> tuple[Case, Examination]:
            async with gate:
                began = time.monotonic()
                seen = await bench.examine(case)
                _tell(case, seen, time.monotonic() - began)
                return case, seen

        return _figures(await asyncio.gather(*(one(case) for case in cases)))


def _tell(case: Case, seen: Examination, wall_s: float) -> None:
    wrong = bool(seen.faults) == (case.kind == "correct")
    first = re.sub(r"\s+", " ", seen.faults[0])[:150] if seen.faults else "no fault"
    mark = "WRONG" if wrong else "ok"
    print(f"{mark:5} {wall_s:5.1f}s {case.kind:7} {case.product:8} {case.what}: {first}", file=sys.stderr, flush=True)
    if wrong:
        for line in (*seen.faults, *(f"{check.name}: {check.detail}" for check in seen.checks if not check.ok)):
            print("        ", re.sub(r"\s+", " ", line)[:400], file=sys.stderr)


def _figures(results: list[tuple[Case, Examination]]) -> dict[str, Any]:
    faults = [(case, seen) for case, seen in results if case.kind == "fault"]
    sound = []
    for case, seen in faults:
        state = _own_tests(seen)
        if state == "green":
            sound.append((case, seen))
        else:
            print(f"not counted, its own tests notice it: {case.product}: {case.what}: {state}", file=sys.stderr)
    cheats = [(case, seen) for case, seen in results if case.kind == "cheat"]
    correct = [(case, seen) for case, seen in results if case.kind == "correct"]
    blocked = [(case, seen) for case, seen in correct if seen.faults]
    caught = [case for case, seen in cheats if any(re.search(case.caught_by, fault) for fault in seen.faults)]
    planted = [(case, seen) for case, seen in correct if seen.mutation_score is not None]
    scores = {case.product: seen.mutation_score or 0.0 for case, seen in planted}
    survivors = [
        f"{case.product}: {finding.path}:{finding.line} {finding.message.partition(': ')[2]}"
        for case, seen in planted
        for finding in seen.findings
        if finding.rule == "unnoticed-fault"
    ]
    mechanisms = Counter(_mechanism(seen) for case, seen in [*sound, *cheats] if seen.faults)
    return {
        "products": len({case.product for case, _ in results}),
        "faults": len(sound),
        "faults_caught": sum(1 for _, seen in sound if seen.faults),
        "faults_missed": [f"{case.product}: {case.what}" for case, seen in sound if not seen.faults],
        "cheats": len(cheats),
        "cheats_caught": len(caught),
        "cheats_missed": [case.what for case, _ in cheats if case not in caught],
        "correct": len(correct),
        "false_blocks": round(len(blocked) / len(correct), 4) if correct else None,
        "blocked": [f"{case.product}: {case.what}" for case, _ in blocked],
        "mutation_score": round(sum(scores.values()) / len(scores), 3) if scores else None,
        "mutation_by_product": {name: round(score, 3) for name, score in scores.items()},
        "mutation_survivors": survivors,
        "first_caught_by": dict(mechanisms.most_common()),
        "unverified": sorted({f"{case.product}:{id}" for case, seen in correct for id in seen.unverified}),
        "not_verified_checks": sorted({check.name for _, seen in correct for check in seen.checks if check.skipped}),
    }


def _mechanism(seen: Examination) -> str:
    """What spoke first against a product."""
    first = seen.faults[0]
    for word in ("examples test", "acceptance test", "unit test", "gave no verdict"):
        if word in first:
            return word
    named = re.match(r"check (\w+)", first)
    return f"check {named[1]}" if named else first.split(" ")[1].rstrip(":")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (the default)")
    parser.add_argument("--only", default="", metavar="NAME", help="only cases whose kind, product and text hold NAME")
    parser.add_argument("--jobs", type=int, default=max(2, os.cpu_count() or 1), help="validated at once")
    options = parser.parse_args()
    if shutil.which("git") is None:
        raise SystemExit("git is needed")
    began = time.monotonic()
    figures = asyncio.run(measure(options.jobs, options.only))
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    cpu_s = sum(one.ru_utime + one.ru_stime for one in used)
    print(json.dumps({**figures, "wall_s": round(time.monotonic() - began, 1), "cpu_s": round(cpu_s, 1)}))


if __name__ == "__main__":
    main()
