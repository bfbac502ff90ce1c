"""What the sandbox costs: one execution, many tiny ones in a batch, and how many escapes are refused.

Run with `python benchmarks/sandbox.py --json [--backend NAME]`. Executions alternate with the bare process, so that the
machine's load falls on both. `open_ms` is paid once a workspace; the others once a command.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from sixfold.domain.data import Tree
from sixfold.domain.errors import SandboxUnavailable
from sixfold.layers.testing.sandbox import Backend, choose
from sixfold.layers.testing.sandbox.policy import interpreter

ROUNDS = 30
INPUTS = 2000
PROCESSES = 40


def empty(tree: Tree, folder: Path) -> None:
    """Nothing to check out."""


def refuse(folder: Path) -> Tree:
    """Nothing is captured here."""
    raise SandboxUnavailable("a benchmark is never captured")


def bare_ms(argv: list[str]) -> float:
    """One bare process."""
    began = time.perf_counter()
    subprocess.run(argv, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return (time.perf_counter() - began) * 1000


async def measure(backend: Backend) -> dict[str, object]:
    """All times of one backend."""
    python = interpreter()[0]
    times: dict[str, list[float]] = {name: [] for name in ("true", "python", "bare_true", "bare_python")}
    began = time.perf_counter()
    async with backend.open(None) as workspace:
        opened_ms = (time.perf_counter() - began) * 1000
        for _ in range(ROUNDS):
            for name, inside, outside in (
                ("true", ["/bin/true"], ["/bin/true"]),
                ("python", ["python", "-c", "pass"], [python, "-c", "pass"]),
            ):
                times[f"bare_{name}"].append(bare_ms(outside))
                began = time.perf_counter()
                result = await workspace.exec(inside)
                times[name].append((time.perf_counter() - began) * 1000)
                if result.exit_code:
                    raise SystemExit(f"{inside} failed: {result.stderr}")
        sources = [f"print({number} * 2)" for number in range(INPUTS)]
        began = time.perf_counter()
        results = await workspace.batch(sources)
        batch_per_s = INPUTS / (time.perf_counter() - began)
        if any(result.stdout != f"{number * 2}\n" for number, result in enumerate(results)):
            raise SystemExit("the batch gave wrong results")
        began = time.perf_counter()
        for source in sources[:PROCESSES]:
            await workspace.exec(["python", "-c", source])
        process_per_s = PROCESSES / (time.perf_counter() - began)
    median = {f"{name}_ms": round(statistics.median(values), 2) for name, values in times.items()}
    return {
        "backend": backend.name,
        "open_ms": round(opened_ms, 1),
        **median,
        "added_ms": round(median["true_ms"] - median["bare_true_ms"], 2),
        "added_python_ms": round(median["python_ms"] - median["bare_python_ms"], 2),
        "batch_per_s": round(batch_per_s, 1),
        "process_per_s": round(process_per_s, 1),
        "batch_speedup": round(batch_per_s / process_per_s, 1),
    }


def escapes(backend: str) -> tuple[int | None, int | None]:
    """Run the escape suite against one backend; how many probes were refused, of how many."""
    folder = Path(__file__).parent.parent / "tests" / "conformance"
    suites = [str(folder / f"test_sandbox_{name}.py") for name in ("escapes", "attacks")]
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *suites, "-k", f"[{backend}]"]
    print(f"running the escape suite against {backend} …", file=sys.stderr)
    done = subprocess.run(words, capture_output=True, text=True, cwd=folder.parent.parent)
    counts = {name: int(count) for count, name in re.findall(r"(\d+) (passed|failed|error)", done.stdout)}
    if not counts:  # nothing was probed, which is not the same as nothing refused
        print("the escape suite could not be run; `scripts/setup --dev` brings pytest", file=sys.stderr)
        return None, None
    return counts.get("passed", 0), sum(counts.values())


def peers() -> dict[str, object]:
    """Other sandboxes on `true`, where installed; null where not."""
    found: dict[str, object] = {}
    root = ["--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]
    for name, argv in (
        ("bwrap", ["bwrap", "--unshare-all", *root, "/usr/bin/true"]),
        ("podman", container("podman")),
        ("docker", container("docker")),
        ("nsjail", ["nsjail", "-Mo", "-q", "--chroot", "/", "--", "/bin/true"]),
    ):
        try:
            runs = [bare_ms(argv) for _ in range(10)] if shutil.which(name) else []
        except subprocess.CalledProcessError:
            runs = []  # installed, but it does not work here (no daemon, no image, no namespaces)
        found[f"{name}_true_ms"] = round(statistics.median(runs), 2) if runs else None
        if not runs:
            hint = "it did not run `true`; for a container, `sandbox run` with that backend makes the image once"
            print(f"{name}: null: {hint if shutil.which(name) else 'not installed'}", file=sys.stderr)
    return found


def container(engine: str) -> list[str]:
    """A plain container on the image of empty folders that the backend makes: nothing has to be pulled."""
    if shutil.which(engine) is None:
        return [engine]
    known = subprocess.run([engine, "images", "-q", "sixfold-bare"], capture_output=True, text=True)
    image = (known.stdout.split() or ["alpine"])[0]
    mounts = [f"--volume={folder}:{folder}:ro" for folder in ("/usr",)]
    limits = ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096", "--ulimit", "core=0:0"]
    return [engine, "run", "--rm", "--network=none", *limits, *mounts, image, "/usr/bin/true"]


def main() -> None:
    """Measure and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="accepted for symmetry; the output is always JSON")
    parser.add_argument("--backend", default="", help="measure this backend instead of the strongest")
    parser.add_argument("--no-escapes", action="store_true", help="skip the escape suite (two minutes)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:

        async def run() -> dict[str, object]:
            return await measure(await choose(empty, refuse, Path(folder), only=options.backend))

        figures = asyncio.run(run())
    refused, probes = (None, None) if options.no_escapes else escapes(str(figures["backend"]))
    print(json.dumps({**figures, "refused": refused, "probes": probes, **peers()}))


if __name__ == "__main__":
    main()
