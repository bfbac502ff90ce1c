"""What an installation costs: packages, MiB and seconds, measured on a fresh copy of this checkout.

    python benchmarks/install.py --json [--peers aider,mini,openhands,pydantic-ai-slim]

`scripts/setup` is run in a copy, first with an empty cache, then with a warm one, then once more when nothing is to do.
Keys: `packages`; `mib` (`.venv`, hard links counted once); `seconds` (empty cache: depends on the line);
`seconds_warm`; `second_call_ms`; `python`; `peers`: a list of the same for what a user would install instead (null =
not asked for or not installable). Needs the package index. Peers go into throwaway environments and are deleted.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = {
    "aider": "aider-chat",
    "mini": "mini-swe-agent",
    "openhands": "openhands-ai",
    "pydantic-ai-slim": "pydantic-ai-slim",
}
COPIED = ("scripts", "src", "requirements.lock", "requirements-dev.lock", "pyproject.toml")


def say(line: str) -> None:
    """Progress, on stderr."""
    print(line, file=sys.stderr, flush=True)


def size_mib(folder: Path) -> float:
    """Disk used by a folder's files; a file with several names in it counts once."""
    seen = {(entry.st_dev, entry.st_ino): entry.st_size for path in folder.rglob("*") if (entry := path.lstat())}
    return round(sum(seen.values()) / (1 << 20), 1)


def count_packages(folder: Path) -> int:
    """Installed distributions of an environment."""
    return len(list(folder.glob("lib/python*/site-packages/*.dist-info")))


def timed(command: list[str], environment: dict[str, str], folder: Path) -> float:
    """Seconds a command took; a failure ends the measurement with its last lines."""
    started = time.perf_counter()
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if result.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{result.stderr[-2000:]}")
    return time.perf_counter() - started


def measure_sixfold(scratch: Path) -> dict[str, Any]:
    """Set up a copy three times: nothing cached, everything cached, nothing to do."""
    copy = scratch / "checkout"
    copy.mkdir()
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    base = getattr(sys, "_base_executable", None) or sys.executable
    environment = os.environ | {
        "UV_CACHE_DIR": str(scratch / "cache"),
        "PYTHON": base,
        "SIXFOLD_HOME": str(scratch / "home"),
    }
    setup = [str(copy / "scripts/setup"), "--quiet"]
    say("installing with an empty cache")
    cold_s = timed(setup, environment, copy)
    for name in (".venv", ".tools"):
        shutil.rmtree(copy / name)
    say("installing from the cache")
    warm_s = timed(setup, environment, copy)
    second_s = min(timed(setup, environment | {"PYTHON": ""}, copy) for _ in range(5))
    return {
        "packages": count_packages(copy / ".venv"),
        "mib": size_mib(copy / ".venv"),
        "seconds": round(cold_s, 2),
        "seconds_warm": round(warm_s, 2),
        "second_call_ms": round(second_s * 1000, 1),
        "python": ".".join(map(str, sys.version_info[:3])),
    }


def measure_peer(name: str, scratch: Path) -> dict[str, Any]:
    """Install a peer into an environment of its own and count."""
    folder = scratch / f"peer-{name}"
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    row: dict[str, Any] = {"name": name, "packages": None, "mib": None, "seconds": None}
    if uv is None:
        say(f"{name}: no uv in this environment: run scripts/setup")
        return row
    environment = os.environ | {"UV_CACHE_DIR": str(scratch / f"cache-{name}")}
    say(f"installing {PEERS[name]}")
    started = time.perf_counter()
    for command in (
        ["venv", "--quiet", str(folder)],
        ["pip", "install", "--quiet", "--python", str(folder), PEERS[name]],
    ):
        result = subprocess.run([uv, *command], env=environment, capture_output=True, text=True, check=False)
        if result.returncode:
            say(f"{name}: {result.stderr.strip()[-500:]}")
            return row
    return row | {
        "packages": count_packages(folder),
        "mib": size_mib(folder),
        "seconds": round(time.perf_counter() - started, 2),
    }


def main() -> None:
    """Print the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="one line instead of an indented object")
    parser.add_argument("--peers", default="", help=f"comma-separated: {', '.join(PEERS)}")
    options = parser.parse_args()
    asked = [name for name in options.peers.split(",") if name]
    if unknown := set(asked) - set(PEERS):
        parser.error(f"unknown peer: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory(prefix="sixfold-install-") as folder:
        figure = measure_sixfold(Path(folder))
        figure["peers"] = [measure_peer(name, Path(folder)) for name in asked] or None
    if not asked:
        say(f"peers: not measured; --peers {','.join(PEERS)} installs them into throwaway environments")
    print(json.dumps(figure, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
