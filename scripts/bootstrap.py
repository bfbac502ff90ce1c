"""Make `.venv` in this checkout from a bare python3 and a package index. Standard library only; run by `scripts/setup`.

What it needs is brought into the checkout: uv (into `.tools/`), then the packages of the lock, each checked against
its SHA-256. No pip, ensurepip or venv module is needed and nothing outside the checkout changes but uv's cache.
A set-up that was interrupted is begun again; one that is finished is recognised by a stamp and costs milliseconds.
"""

from __future__ import annotations

import argparse
import contextlib
import errno
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from index_settings import Sources

CHECKOUT = Path(__file__).resolve().parent.parent
LOCKS = {"core": "requirements.lock", "dev": "requirements-dev.lock"}
LAYOUT = 1
"""Raise it when this program begins to install differently: existing environments are then brought up to date."""

LAUNCHER = """\
#!/bin/sh
'''exec' "$(dirname -- "$(realpath -- "$0")")/python" "$0" "$@"
' '''
import sys
from sixfold.__main__ import main
if __name__ == "__main__":
    sys.exit(main())
"""
"""Shell and Python at once, so that spaces, long paths and a moved checkout do no harm."""


Say = Callable[[str], None]


class SetupFailed(Exception):
    """Cannot go on; the message is one line: what, why, what next."""


class Place:
    """The files of one checkout that set-up reads and writes."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.venv = checkout / ".venv"
        self.python = self.venv / "bin/python"
        self.tools = checkout / ".tools"
        self.stamp = self.tools / "setup.json"

    def lock(self, group: str) -> Path:
        """The list of packages with hashes of a group."""
        return self.checkout / LOCKS[group]

    def key(self, group: str) -> str:
        """Changes when a set-up made earlier no longer fits."""
        return hashlib.sha256(b"%d\n" % LAYOUT + self.lock(group).read_bytes()).hexdigest()

    def read_stamp(self) -> dict[str, Any]:
        """What the last set-up noted; empty when there was none (or nothing readable)."""
        try:
            stamp = json.loads(self.stamp.read_text())
        except (OSError, ValueError):
            return {}
        return stamp if isinstance(stamp, dict) else {}

    def write_stamp(self, **content: object) -> None:
        """Replace the note as a whole."""
        part = self.stamp.with_suffix(".part")
        part.write_text(json.dumps(content, indent=1) + "\n")
        part.replace(self.stamp)


def is_ready(place: Place, group: str, python: str | None) -> bool:
    """Whether nothing is to be done. `python` is the interpreter somebody explicitly asked for, if so."""
    stamp = place.read_stamp()
    if stamp.get("state") != "ready" or not place.python.exists() or not (place.venv / "bin/sixfold").exists():
        return False
    if stamp.get("group") not in (group, "dev") or stamp.get("key") != place.key(stamp["group"]):
        return False
    return python is None or os.path.realpath(python) == os.path.realpath(place.python)


def set_up(place: Place, group: str, python: str | None, say: Say) -> None:
    """Make or complete the environment. `python`: see `is_ready`; `say` gets the lines a person should see.

    Raises:
        SetupFailed: with one line for a person.
        OSError: the disk is full or the checkout cannot be written.
    """
    _check_python()
    started = time.monotonic()
    with _alone(place, say) as lock_descriptor:
        if is_ready(place, group, python):
            return
        stamp = place.read_stamp()
        group = "dev" if stamp.get("group") == "dev" else group
        say(f"Setting up in {place.checkout}")
        uv = _provide_uv(place, lock_descriptor, say)
        fits = python is None or os.path.realpath(python) == os.path.realpath(place.python)
        keep_venv = stamp.get("state") == "ready" and fits and _works(place.python)
        if not stamp and place.venv.exists():
            aside = place.venv.with_name(f".venv.before-setup-{time.strftime('%Y%m%d-%H%M%S')}")
            place.venv.rename(aside)
            say(f"  .venv was not made by scripts/setup: kept it as {aside.name}")
        place.write_stamp(state="installing", group=group)
        if not keep_venv:
            say(f"  Python {platform.python_version()} ({_base_python()}) -> .venv")
            where = ("--python", _base_python(), str(place.venv))
            uv.run("cannot make .venv", "venv", "--quiet", "--clear", "--relocatable", *where)
        _install_packages(place, group, uv, say)
        _install_sixfold(place)
        _prepare_toolchain(place, say)
        place.write_stamp(state="ready", group=group, key=place.key(group))
    size_mib = sum(path.lstat().st_size for path in place.venv.rglob("*")) / (1 << 20)
    say(f"  ready in {time.monotonic() - started:.1f} s ({size_mib:.0f} MiB): .venv/bin/sixfold --help")


def _check_python() -> None:
    for module in ("ssl", "zlib", "sqlite3"):
        try:
            __import__(module)
        except ImportError as error:
            raise SetupFailed(
                f"{sys.executable} lacks the module {module} ({error}): install the full Python, or set PYTHON"
            ) from error


@contextlib.contextmanager
def _alone(place: Place, say: Say) -> Iterator[int]:
    """Hold the checkout's set-up lock. uv inherits it, so a killed set-up is over only when its uv is too."""
    place.tools.mkdir(exist_ok=True)
    descriptor = os.open(place.tools / "setup.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Waiting for another set-up of this checkout to end")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _base_python() -> str:
    """The interpreter itself, when this one is a link in some virtual environment."""
    return str(getattr(sys, "_base_executable", None) or sys.executable)


def _works(python: Path) -> bool:
    return (
        python.exists()
        and subprocess.run([python, "-c", "import encodings"], capture_output=True, check=False).returncode == 0
    )


def _uv_environment(place: Place, sources: Sources) -> dict[str, str]:
    # What would send uv to another interpreter, or change which versions it takes, has no say here: the lock has.
    dropped = {
        "UV_PYTHON",
        "UV_SYSTEM_PYTHON",
        "UV_CONSTRAINT",
        "UV_OVERRIDE",
        "UV_EXCLUDE",
        "UV_NO_VERIFY_HASHES",
        "VIRTUAL_ENV",
    }
    environment = {name: value for name, value in os.environ.items() if name not in dropped} | dict(
        sources.uv_variables
    )
    environment["UV_PYTHON_DOWNLOADS"] = "never"
    if "UV_CACHE_DIR" not in environment:
        cache = (
            Path(
                environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or os.path.expanduser("~")) / ".cache"
            )
            / "uv"
        )
        if not _is_writable(cache):
            cache = place.tools / "cache"
            environment["UV_CACHE_DIR"] = str(cache)
        cache.mkdir(parents=True, exist_ok=True)
        if "UV_LINK_MODE" not in environment and cache.stat().st_dev != place.checkout.stat().st_dev:
            environment["UV_LINK_MODE"] = "copy"  # what uv falls back to anyway, without its warning
    return environment


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


class Uv:
    """The uv program with the person's index settings."""

    def __init__(self, program: Path, environment: dict[str, str], place: Place, lock_descriptor: int) -> None:
        self._program = program
        self._environment = environment
        self._place = place
        self._lock_descriptor = lock_descriptor

    def run(self, what: str, *arguments: str) -> None:
        """Run uv; its own messages go to the person.

        Args:
            what: what could not be done, should it fail.
            arguments: of uv.

        Raises:
            SetupFailed: it ended with an error.
        """
        from index_settings import SETTINGS

        command = [str(self._program), *arguments]
        keep = (self._lock_descriptor,)
        if not subprocess.run(
            command, env=self._environment, cwd=self._place.checkout, check=False, pass_fds=keep
        ).returncode:
            return
        cache = Path(self._environment.get("UV_CACHE_DIR") or self._place.checkout)
        for folder in (self._place.checkout, cache, Path(tempfile.gettempdir())):
            if folder.exists() and shutil.disk_usage(folder).free < 64 << 20:
                raise SetupFailed(f"{what}: the disk of {folder} is full; free about 1 GiB and run this again")
        raise SetupFailed(f"{what}: uv says why above; the package index is set with {SETTINGS}")


def _provide_uv(place: Place, lock_descriptor: int, say: Say) -> Uv:
    # Late: loading TLS and HTTP takes longer than a whole second call.
    from fetch_uv import UvUnavailable, bring_uv, find_uv
    from index_settings import read_sources

    sources = read_sources(os.environ)
    program = find_uv(place.tools)
    if program is None:
        try:
            say(f"  {bring_uv(place.tools, place.lock('core'), sources)}")
        except UvUnavailable as error:
            raise SetupFailed(str(error)) from error
        program = place.tools / "uv"
    return Uv(program, _uv_environment(place, sources), place, lock_descriptor)


def _install_packages(place: Place, group: str, uv: Uv, say: Say) -> None:
    lock = place.lock(group)
    count = len(re.findall(r"^[\w.-]+==", lock.read_text(), re.MULTILINE))
    say(f"  {lock.name}: up to {count} packages, each checked against its hash -> .venv")
    quiet = () if sys.stderr.isatty() else ("--quiet",)
    # Wheels only: no package's own code runs while it is installed.
    checks = ("--require-hashes", "--no-build", "--python", str(place.python), str(lock))
    uv.run("cannot install the packages", "pip", "sync", *quiet, *checks)


def _install_sixfold(place: Place) -> None:
    """Make `import sixfold` and `.venv/bin/sixfold` use this checkout's `src`."""
    ask = [str(place.python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(ask, capture_output=True, text=True, check=True).stdout.strip())
    (packages / "sixfold.pth").write_text(os.path.relpath(place.checkout / "src", packages.resolve()) + "\n")
    launcher = place.venv / "bin/sixfold"
    launcher.write_text(LAUNCHER)
    launcher.chmod(0o755)
    if subprocess.run([place.python, "-c", "import sixfold"], cwd="/", check=False).returncode:
        raise SetupFailed("sixfold was installed but cannot be imported; the lines above say why")


def _prepare_toolchain(place: Place, say: Say) -> None:
    """Let Sixfold prepare what its sandbox needs, once it knows how to. Not fatal: `doctor` says it again later."""
    doctor = [str(place.venv / "bin/sixfold"), "doctor"]
    offered = subprocess.run([*doctor, "--help"], capture_output=True, text=True, check=False)
    if offered.returncode == 0 and "--prepare" in offered.stdout:
        say("  the toolchain generated programs are run with")
        if subprocess.run([*doctor, "--prepare"], check=False).returncode:
            say("  could not be prepared now; see `.venv/bin/sixfold doctor`")


def main(argv: list[str]) -> int:
    """Entry of `scripts/setup`; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/setup", description="Make .venv in this checkout. Needs python3 (3.11-3.13) and a package index."
    )
    parser.add_argument("--dev", action="store_true", help="also what the tests and checks need")
    parser.add_argument("--quiet", action="store_true", help="say nothing when there is nothing to do")
    parser.add_argument(
        "--check", action="store_true", help="only tell, by the exit code, whether everything is set up"
    )
    options = parser.parse_args(argv)
    place, group, python = Place(CHECKOUT), "dev" if options.dev else "core", os.environ.get("PYTHON") or None
    if python:
        python = _base_python()
    try:
        if is_ready(place, group, python):
            if not (options.quiet or options.check):
                print("Already set up: .venv/bin/sixfold --help")
            return 0
        if options.check:
            return 1
        set_up(place, group, python, lambda line: print(line, file=sys.stderr, flush=True))
    except SetupFailed as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        hint = "free about 1 GiB and run this again" if error.errno == errno.ENOSPC else "fix it and run this again"
        print(f"setup: {error.strerror or error}: {error.filename or place.checkout}; {hint}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("setup: interrupted; run it again to go on", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
