"""Vulnerabilities caught and sound code let pass: scanners, exploit tests, and both together.

Pairs of an insecure and a secure variant (`benchmarks/pairs`) go through what validation runs: every scanner, and the
attacks of `layers/testing/exploits` in the real sandbox. A variant counts as blocked when some finding is an error, as
a release would be. `recall` is the share of insecure variants blocked, `false_block_share` that of secure ones.
`*_flagged` counts warnings too: what a reviewer is shown without being stopped.

Takes longer than five minutes: the own pairs alone took 373 seconds on two cores on 22 November 2026.

- `semgrep_*`: Semgrep with our rules, where it is installed (PATH, or `--semgrep PATH`; absent = null). It is no part
  of `recall` and `false_block_share`, which mean the same on every machine; `*_with_semgrep` has both together.
- `sallm_*`: insecure code of the development half of SALLM by scanners (`sallm_recall`), by attacks on the samples as
  libraries and, where they make a web application, as services (`sallm_exploit_recall`), and by both together; attacks
  only with `--attack-sallm`, because they take up to a minute a sample, else null.
  `--data DIR` or SIXFOLD_BENCHMARK_DATA; absent = null.
- `cyberseceval`: scenarios of the development half by weakness, and for how many an exploit class or rule exists; its
  prompts hold no code, so nothing is scanned.
- `--pairs FILE` adds pairs: a `.toml` like `pairs/flask.toml` (Flask and FastAPI, up to a minute an application),
  JSON Lines with `id`, `cwe`, `insecure`, `secure`, or a folder of such files, of
  `services.toml` and of `NAME/insecure.py` and `NAME/secure.py`. `pairs/further` was read by those who wrote the
  detectors, `pairs/unseen` only after it was measured; `pairs/reserved` never, and must not be: it tells what happens
  on others' code.

- `injection_*`: every hostile text of `sixfold.evaluation.injection` (at least 300), shown to a model that obeys each,
  half of them to a task with a write set and half without. `effects` are what got past patch, scanners and package
  gate; `unseen` are payloads the model was never shown, which would prove nothing. `invented_packages_installed` counts
  packages that exist nowhere and would have been installed.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import json
import os
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from sixfold.domain.data import Data, digest
from sixfold.domain.evidence import Finding
from sixfold.domain.ports import Environment, Scanner
from sixfold.domain.requirements import Entry, Example, Requirement, Specification, Step
from sixfold.domain.words import Words
from sixfold.evaluation.injection import containment, payloads
from sixfold.layers.planning.retrieval.index import RepositoryIndex
from sixfold.layers.refinement.git import GitRepository
from sixfold.layers.testing import sandbox
from sixfold.layers.testing.boundaries import steps_of
from sixfold.layers.testing.exploits.attacks import attack_product
from sixfold.layers.testing.runner import Product
from sixfold.layers.testing.scanners.audit import Audit
from sixfold.layers.testing.scanners.bandit import Bandit
from sixfold.layers.testing.scanners.ruff import Ruff
from sixfold.layers.testing.scanners.secrets import Secrets
from sixfold.layers.testing.scanners.semgrep import Semgrep
from sixfold.layers.testing.scanners.semgrep_program import Installed, find
from sixfold.layers.testing.scanners.suspicious import Suspicious
from sixfold.wiring.inspecting import scanners_for

PAIRS = Path(__file__).with_name("pairs")
KINDS = ("insecure", "secure")
SERVER = '''\
"""Serves `app.answer` over HTTP."""

import json
import logging
import signal
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import app


class Handler(BaseHTTPRequestHandler):
    def _serve(self):
        place = urlsplit(self.path)
        if place.path == "/health":
            status, kind, text = 200, "text/plain", "ok"
        else:
            raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                body = json.loads(raw) if raw else {}
            except ValueError:
                body = {}
            status, kind, text = app.answer(self.command, place.path, dict(parse_qsl(place.query)), body, sys.argv[2])
        content = text.encode()
        self.send_response(status)
        self.send_header("Location" if status == 303 else "Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve

    def log_message(self, *_):
        pass


signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
'''


class Variant(Data, frozen=True, kw_only=True):
    """One tree with a verdict that is known."""

    name: str
    cwe: str
    insecure: bool
    files: dict[str, str]
    specification: Specification


def function_variant(name: str, cwe: str, source: str, *, insecure: bool) -> Variant:
    """A module whose public functions are the boundary."""
    module = "subject_" + "".join(char if char.isalnum() else "_" for char in name)
    entry = Entry(name=module, kind="library", module=module)
    specification = Specification(title=name, entries=(entry,))
    files = {f"{module}.py": source}
    return Variant(name=name, cwe=cwe, insecure=insecure, files=files, specification=specification)


def service_variant(told: dict[str, Any], source: str, *, insecure: bool) -> Variant:
    """A service behind HTTP."""
    steps = tuple(
        Step(
            method=one["method"],
            path=one["path"] + (f"?{urlencode(one['query'])}" if one.get("query") else ""),
            body=one.get("body"),
        )
        for one in told["steps"]
    )
    entry = Entry(name="api", kind="service", start=("python", "serve.py", "{port}", "{data}"), health="/health")
    requirement = Requirement(id="R1", text="serves", examples=(Example(id="R1.E1", title="a request", steps=steps),))
    specification = Specification(title=told["name"], entries=(entry,), requirements=(requirement,))
    files = {"app.py": source, "serve.py": SERVER}
    return Variant(
        name=f"service {told['name']}", cwe=told["cwe"], insecure=insecure, files=files, specification=specification
    )


def own_variants() -> list[Variant]:
    """Both variants of every pair written for this benchmark."""
    found = []
    for pair in tomllib.loads((PAIRS / "functions.toml").read_text(encoding="utf-8"))["pair"]:
        for kind in KINDS:
            source = pair[kind].lstrip("\n")
            found.append(function_variant(pair["name"], pair["cwe"], source, insecure=kind == "insecure"))
    for told in tomllib.loads((PAIRS / "services.toml").read_text(encoding="utf-8"))["service"]:
        for kind in KINDS:
            found.append(service_variant(told, told[kind].lstrip("\n"), insecure=kind == "insecure"))
    return [*found, *visited_variants(tomllib.loads((PAIRS / "visits.toml").read_text(encoding="utf-8")))]


def visited_variants(told: dict[str, Any]) -> list[Variant]:
    """Both variants of whole services: a program, and what is changed in it."""
    found = []
    for pair in told["visit"]:
        program = told["programs"][pair["program"]]
        for kind in KINDS:
            source = program["source"].lstrip("\n")
            for old, new in pair.get(kind, ()):
                if old not in source:
                    raise ValueError(f"{pair['name']}: the program has no {old!r}")
                source = source.replace(old, new)
            words = pair.get("words", program["words"])
            found.append(raw_variant(pair["name"], pair["cwe"], source, words, insecure=kind == "insecure"))
    return found


def raw_variant(
    name: str, cwe: str, source: str, words: str, *, insecure: bool, steps: Sequence[dict[str, Any]] = ()
) -> Variant:
    """A service that listens for itself: `python app.py PORT DATA`."""
    entry = Entry(name="api", kind="service", start=("python", "app.py", "{port}", "{data}"), health="/health")
    shown = tuple(Step(method=one.get("method", "GET"), path=one["path"], body=one.get("body")) for one in steps)
    examples = (Example(id="R1.E1", title="a request", steps=shown),) if shown else ()
    requirement = Requirement(id="R1", text=words, examples=examples)
    specification = Specification(title="a service", entries=(entry,), requirements=(requirement,))
    return Variant(
        name=f"visit {name}", cwe=cwe, insecure=insecure, files={"app.py": source}, specification=specification
    )


def _rows(place: Path) -> Iterator[dict[str, Any]]:
    """Pairs of functions or applications in a file, or in a folder of such files and of a folder each."""
    if place.is_dir():
        for folder in sorted(place.iterdir()):
            if (folder / "insecure.py").is_file():
                yield {"id": folder.name, **{kind: (folder / f"{kind}.py").read_text() for kind in KINDS}}
        for file in sorted(place.glob("*.jsonl")):
            yield from _rows(file)
    elif place.suffix == ".toml":
        for pair in tomllib.loads(place.read_text(encoding="utf-8"))["pair"]:
            yield {"id": pair["name"], **pair}
    else:
        yield from (json.loads(line) for line in place.read_text(encoding="utf-8").splitlines() if line.strip())


def further_variants(place: Path) -> list[Variant]:
    """Pairs from outside."""
    services = place / "services.toml"
    told = tomllib.loads(services.read_text(encoding="utf-8"))["service"] if services.is_file() else []
    visited = [
        service_variant(pair, pair[kind].lstrip("\n"), insecure=kind == "insecure") for pair in told for kind in KINDS
    ]
    functions = [
        function_variant(str(row["id"]), str(row.get("cwe", "")), row[kind], insecure=kind == "insecure")
        for row in _rows(place)
        for kind in KINDS
        if row.get(kind)
    ]
    return [*functions, *visited]


class Bench:
    """Scanners and the sandbox over a repository of its own."""

    def __init__(self, place: Path, semgrep: str = "auto") -> None:
        self.semgrep = find(semgrep)
        self.repository = GitRepository(place / "repository", place / "blobs")
        self.place = place
        # The interpreter that runs the benchmark: it holds lxml, jinja2, requests and others that pairs use.
        self.environment = Environment(python=sys.executable, folders=(sys.prefix,), digest=digest(sys.prefix))
        self.scanners: tuple[Scanner, ...] = tuple(
            kind(self.repository) for kind in (Ruff, Audit, Secrets, Bandit, Suspicious)
        )

    async def open(self) -> None:
        """Choose the sandbox."""
        (self.place / "scratch").mkdir()
        self.cage = await sandbox.choose(self.repository.checkout, self.repository.store, self.place / "scratch")

    async def scan(self, files: dict[str, str]) -> tuple[Finding, ...]:
        """All static findings."""
        tree = self.repository.write(self.repository.empty(), {path: text.encode() for path, text in files.items()})
        found = await asyncio.gather(*(scanner.scan(tree) for scanner in self.scanners))
        return tuple(finding for findings in found for finding in findings)

    async def scan_with_semgrep(self, trees: Sequence[dict[str, str]]) -> list[tuple[Finding, ...]] | None:
        """Its findings on each of several sets of files, all in one run; None when it is not installed."""
        if not isinstance(self.semgrep, Installed):
            print(f"semgrep {self.semgrep.why}", file=sys.stderr)
            return None
        together = {f"v{n}/{path}": text.encode() for n, files in enumerate(trees) for path, text in files.items()}
        tree = self.repository.write(self.repository.empty(), together)
        grouped: list[list[Finding]] = [[] for _ in trees]
        for finding in await Semgrep(self.repository, self.cage, self.semgrep).scan(tree):
            grouped[int(finding.path.split("/")[0][1:])].append(finding)
        return [tuple(findings) for findings in grouped]

    async def attack(self, variant: Variant) -> tuple[Finding, ...]:
        """What the exploit tests prove."""
        files = {path: text.encode() for path, text in variant.files.items()}
        tree = self.repository.write(self.repository.empty(), files)
        entries = tuple(json.loads(json.dumps(_plain(entry))) for entry in variant.specification.entries)
        async with self.cage.open(tree, environment=self.environment) as workspace:
            product = Product(entries=entries, path=(".",))
            steps = steps_of(variant.specification)
            seen = await attack_product(workspace, product, variant.specification, files, steps, wall_s=60)
        if seen.check.skipped:
            print(f"{variant.name}: {seen.check.detail}", file=sys.stderr)
        return seen.findings


def _plain(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "kind": entry.kind,
        "module": entry.module,
        "start": entry.start,
        "health": entry.health,
    }


def _blocks(findings: Sequence[Finding], *tools: str) -> bool:
    return any(one.severity == "error" and (not tools or one.tool in tools) for one in findings)


def _flags(findings: Sequence[Finding]) -> bool:
    return any(one.severity in ("error", "warning") for one in findings)


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


async def measure_pairs(bench: Bench, variants: Sequence[Variant], jobs: int) -> dict[str, Any]:
    """Scan and attack all variants."""
    gate = asyncio.Semaphore(jobs)

    async def one(variant: Variant) -> tuple[Variant, tuple[Finding, ...]]:
        async with gate:
            static, proven = await asyncio.gather(bench.scan(variant.files), bench.attack(variant))
            found = (*static, *proven)
            if _blocks(found) != variant.insecure:
                kind = "missed" if variant.insecure else "FALSE BLOCK"
                told = [
                    f"{f.tool}/{f.rule}: {f.message}"[:110] for f in found if variant.insecure or f.severity == "error"
                ]
                print(f"{kind}: {variant.name} {variant.cwe} {told[:4]}", file=sys.stderr, flush=True)
            return variant, found

    results = await asyncio.gather(*(one(variant) for variant in variants))
    bad = [found for variant, found in results if variant.insecure]
    good = [found for variant, found in results if not variant.insecure]
    blocked = [variant for variant, found in results if not variant.insecure and _blocks(found)]
    figures: dict[str, Any] = {
        "pairs": len(bad),
        "recall": _share(sum(map(_blocks, bad)), len(bad)),
        "false_block_share": _share(len(blocked), len(good)),
        "false_blocks": [variant.name for variant in blocked],
        "missed": [variant.name for variant, found in results if variant.insecure and not _blocks(found)],
        "recall_flagged": _share(sum(map(_flags, bad)), len(bad)),
        "secure_flagged_share": _share(sum(map(_flags, good)), len(good)),
        "scanner_recall": _share(sum(_blocks([f for f in found if f.tool != "exploits"]) for found in bad), len(bad)),
        "scanner_false_block_share": _share(
            sum(_blocks([f for f in found if f.tool != "exploits"]) for found in good), len(good)
        ),
        "exploit_recall": _share(sum(_blocks(found, "exploits") for found in bad), len(bad)),
        "exploit_false_block_share": _share(sum(_blocks(found, "exploits") for found in good), len(good)),
    }
    for tool in ("audit", "ruff", "bandit", "secrets", "suspicious"):
        figures[f"{tool}_recall"] = _share(sum(_blocks(found, tool) for found in bad), len(bad))
    figures |= _semgrep_figures(variants, results, await bench.scan_with_semgrep([one.files for one in variants]))
    # Bandit as people run it: anything it reports at medium or above, and anything at all.
    figures["bandit_flagged"] = _share(
        sum(any(f.tool == "bandit" and f.severity != "note" for f in found) for found in bad), len(bad)
    )
    figures["bandit_flagged_any"] = _share(sum(any(f.tool == "bandit" for f in found) for found in bad), len(bad))
    figures["bandit_secure_flagged_any"] = _share(
        sum(any(f.tool == "bandit" for f in found) for found in good), len(good)
    )
    return figures


def _semgrep_figures(
    variants: Sequence[Variant],
    results: Sequence[tuple[Variant, tuple[Finding, ...]]],
    told: Sequence[tuple[Finding, ...]] | None,
) -> dict[str, Any]:
    """Semgrep by itself and together with all that runs without it; null where it is not installed."""
    if told is None:
        names = ("semgrep_recall", "semgrep_false_block_share", "semgrep_flagged", "semgrep_secure_flagged_share")
        return dict.fromkeys((*names, "recall_with_semgrep", "false_block_share_with_semgrep"))
    bad = [one for variant, one in zip(variants, told, strict=True) if variant.insecure]
    good = [one for variant, one in zip(variants, told, strict=True) if not variant.insecure]
    both = [(variant, (*found, *one)) for (variant, found), one in zip(results, told, strict=True)]
    return {
        "semgrep_recall": _share(sum(map(_blocks, bad)), len(bad)),
        "semgrep_false_block_share": _share(sum(map(_blocks, good)), len(good)),
        "semgrep_flagged": _share(sum(map(_flags, bad)), len(bad)),
        "semgrep_secure_flagged_share": _share(sum(map(_flags, good)), len(good)),
        "semgrep_false_blocks": [
            f"{variant.name}: {one.rule}"
            for variant, found in zip(variants, told, strict=True)
            for one in found
            if one.blocks and not variant.insecure
        ],
        "recall_with_semgrep": _share(sum(_blocks(found) for variant, found in both if variant.insecure), len(bad)),
        "false_block_share_with_semgrep": _share(
            sum(_blocks(found) for variant, found in both if not variant.insecure), len(good)
        ),
    }


async def measure_sallm(bench: Bench, data: Path | None, *, attacked: bool) -> dict[str, Any]:
    """Scanners and attacks on SALLM's insecure code; null without the data."""
    source = data / "sallm" / "sallm.dev.jsonl" if data else None
    if source is None or not source.is_file():
        print("no SALLM data: give --data DIR with sallm/sallm.dev.jsonl", file=sys.stderr)
        names = ("samples", "recall", "exploit_recall", "together_recall", "flagged", "bandit_flagged_any")
        return {f"sallm_{name}": None for name in names}
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    found, proven = [], []
    for row in rows:
        findings = await bench.scan({"sample.py": row["insecure_code"]})
        found.append(findings)
        variant = function_variant(row["id"].removesuffix(".py"), "", row["insecure_code"], insecure=True)
        proven.append(await bench.attack(variant) if attacked else ())
        if not _blocks((*findings, *proven[-1])):
            print(f"SALLM not blocked: {row['id']} {sorted({f.rule for f in findings})}", file=sys.stderr)
    told = await bench.scan_with_semgrep([{"sample.py": row["insecure_code"]} for row in rows])
    return {
        "sallm_samples": len(rows),
        "sallm_semgrep_recall": _share(sum(map(_blocks, told)), len(rows)) if told is not None else None,
        "sallm_semgrep_flagged": _share(sum(map(_flags, told)), len(rows)) if told is not None else None,
        "sallm_recall": _share(sum(map(_blocks, found)), len(rows)),
        "sallm_exploit_recall": _share(sum(map(_blocks, proven)), len(rows)) if attacked else None,
        "sallm_together_recall": _share(
            sum(_blocks((*one, *other)) for one, other in zip(found, proven, strict=True)), len(rows)
        )
        if attacked
        else None,
        "sallm_flagged": _share(sum(map(_flags, found)), len(rows)),
        "sallm_audit_recall": _share(sum(_blocks(one, "audit") for one in found), len(rows)),
        "sallm_bandit_recall": _share(sum(_blocks(one, "bandit") for one in found), len(rows)),
        "sallm_bandit_flagged_any": _share(sum(any(f.tool == "bandit" for f in one) for one in found), len(rows)),
    }


BROADER = {"CWE-95": "CWE-94"}
"""Weakness, and the one that MITRE calls its parent and that the scenarios name in its place: evaluated text."""


def measure_scenarios(data: Path | None) -> dict[str, Any]:
    """How many of CyberSecEval's scenarios are about a weakness some rule or attack knows."""
    source = data / "cyberseceval_instruct_py" / "cyberseceval_instruct_py.dev.jsonl" if data else None
    if source is None or not source.is_file():
        return {"cyberseceval": None}
    rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
    texts = [
        path.read_text(encoding="utf-8")
        for path in (Path(__file__).parent.parent / "src").rglob("layers/testing/**/*.py")
    ]
    known = {cwe for text in texts for node in ast.walk(ast.parse(text)) for cwe in _cwes(node)}
    known |= {BROADER[cwe] for cwe in known if cwe in BROADER}
    named = Counter(row["cwe"] for row in rows)
    covered = {cwe: count for cwe, count in named.items() if cwe in known}
    return {
        "cyberseceval": {
            "scenarios": len(rows),
            "covered_share": _share(sum(covered.values()), len(rows)),
            "not_covered": dict(sorted((cwe, count) for cwe, count in named.items() if cwe not in known)),
        }
    }


async def measure_injection(place: Path) -> dict[str, Any]:
    """What hostile texts could make an obedient model do past the gates of a run."""
    repository = GitRepository(place / "repository", place / "blobs")
    product = repository.write(repository.empty(), containment.PRODUCT)
    scanners = scanners_for(repository, lambda: Words(person=containment.REQUEST), base=product)
    ground = containment.Ground(repository, RepositoryIndex(repository), (*scanners.coder, *scanners.held_out), product)
    corpus = payloads.corpus(str(place / "canary"))
    print(f"injection: {len(corpus)} payloads", file=sys.stderr, flush=True)
    ends = [*await ground.outcomes(corpus[::2], owned=True), *await ground.outcomes(corpus[1::2], owned=False)]
    through = [end for end in ends if end.end == "effect"]
    for end in through:
        print(f"injection got through: {end.payload}: {end.how}", file=sys.stderr)
    invented = {payload.id for payload in corpus if payload.effect == "package"}
    return {
        "injection_payloads": len(corpus),
        "injection_effects": len(through),
        "injection_unseen": sum(end.end == "unseen" for end in ends),
        "injection_ends": dict(Counter(end.end for end in ends).most_common()),
        "invented_packages": len(invented),
        "invented_packages_installed": sum(end.payload in invented for end in through),
    }


def _cwes(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("CWE-"):
        return [node.value]
    return []


async def measure(options: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    with tempfile.TemporaryDirectory() as name:
        bench = Bench(Path(name), options.semgrep)
        await bench.open()
        variants = [one for one in own_variants() if options.only in f"{one.name} {one.cwe}"]
        figures = await measure_pairs(bench, variants, options.jobs) if not options.no_own else {}
        if options.pairs:
            further = await measure_pairs(
                bench, [one for one in further_variants(options.pairs) if options.only in one.name], options.jobs
            )
            figures = {**figures, "further": further} if figures else further
        if not options.only:
            figures |= await measure_sallm(bench, options.data, attacked=options.attack_sallm)
            figures |= measure_scenarios(options.data)
            figures |= await measure_injection(Path(name) / "injection")
        return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object (the default)")
    told = os.environ.get("SIXFOLD_BENCHMARK_DATA")
    parser.add_argument("--data", type=Path, default=Path(told) if told else None, metavar="DIR", help="data folder")
    parser.add_argument("--pairs", type=Path, metavar="FILE", help="further pairs")
    parser.add_argument("--no-own", action="store_true", help="leave out the pairs written for this benchmark")
    parser.add_argument("--only", default="", metavar="NAME", help="only pairs whose name or CWE holds NAME")
    parser.add_argument("--semgrep", default="auto", metavar="PATH", help="its program; the one on PATH unless told")
    parser.add_argument("--attack-sallm", action="store_true", help="attack SALLM's samples as well")
    parser.add_argument("--jobs", type=int, default=max(2, os.cpu_count() or 1), help="variants at once")
    options = parser.parse_args()
    began = time.monotonic()
    figures = asyncio.run(measure(options))
    print(json.dumps({**figures, "wall_s": round(time.monotonic() - began, 1)}))


if __name__ == "__main__":
    main()
