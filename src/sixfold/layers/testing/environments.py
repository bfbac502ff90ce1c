"""Builds the environments products are tested in: wheels only, from the person's own index, cached by content.

This is the one step of a run that may reach the network, and only through `uv`. No package code runs: sdists are
refused, nothing from a package is imported, and byte code is compiled by an interpreter that does not look into the
packages. Later steps mount the result read-only, where no test run could write byte code for the next.
"""

from __future__ import annotations

import asyncio
import configparser
import contextlib
import fcntl
import functools
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uv

from sixfold.domain.data import canonical, digest
from sixfold.domain.errors import ConfigurationError
from sixfold.domain.ports import Environment
from sixfold.layers.testing.locking import Locked, Said, lock, oldest_allowed
from sixfold.layers.testing.moved import located
from sixfold.layers.testing.sandbox.policy import interpreter

TOOLCHAIN = Path(__file__).with_name("toolchain.txt")

REQUIREMENT = re.compile(r"([A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9._-]*[A-Za-z0-9])(\[[A-Za-z0-9._, -]*\])?[^@/\\\n]*")
"""A name, maybe extras, maybe versions, maybe a marker; never a path, an address or an option."""

KEPT = (
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "NETRC",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
)
KEPT_PREFIXES = ("UV_", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
DROPPED = ("UV_PYTHON", "UV_PROJECT", "UV_PROJECT_ENVIRONMENT", "UV_SYSTEM_PYTHON", "UV_WORKING_DIRECTORY", "UV_TARGET")

BUILD_S = 900

FORM = "with byte code"
"""How environments are built; a change makes them new."""

MIN_AGE_DAYS = 7.0
"""Most packages published to do harm are found and removed within a week."""

Today = Callable[[], datetime]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class UvEnvironments:
    """Environments made by `uv`, one folder each, shared by all runs."""

    def __init__(
        self, folder: Path, settings: Mapping[str, str], *, min_age_days: float = MIN_AGE_DAYS, today: Today = utc_now
    ) -> None:
        """Remember where and how.

        Args:
            folder: where environments are kept, e.g. `<state>/environments`.
            settings: the person's environment variables; only index, proxy, certificate and cache settings are used.
            min_age_days: packages uploaded later than so many days ago are not installed; 0 = any age.
            today: the time.
        """
        self.folder = folder
        self.settings = settings
        self.min_age_days = min_age_days
        self.today = today

    async def prepare(self, packages: Sequence[str] = ()) -> Environment:
        return await asyncio.to_thread(self._prepare, tuple(packages))

    def _prepare(self, packages: tuple[str, ...]) -> Environment:
        for package in packages:
            if not REQUIREMENT.fullmatch(package):
                raise ConfigurationError(
                    f"not a package of an index: {package!r}",
                    why="only names with versions are installed, never paths, addresses or options",
                )
        wanted = sorted({re.sub(r"\s+", " ", package.strip()) for package in packages})
        if (found := _read(self._place(wanted))) is not None:
            return found
        self.folder.mkdir(parents=True, exist_ok=True)
        cutoff = oldest_allowed(self.today(), self.min_age_days)
        locked = lock(wanted, functools.partial(self._resolve, cutoff), cutoff=cutoff)
        place = self._place(locked.packages)
        refused = tuple(finding for finding in locked.findings if finding.severity != "note")
        with exclusive(self.folder / f"{place.name}.lock"):
            found = _read(place)  # somebody else may have been faster
            built = found if found is not None else self._build(place, locked)
        return msgspec.structs.replace(built, findings=(*refused, *built.findings))

    def _place(self, packages: Sequence[str]) -> Path:
        parts = [FORM, TOOLCHAIN.read_text(), list(packages), interpreter()[0], sys.version, platform.machine()]
        return self.folder / digest(canonical([*parts, self.min_age_days] if packages else parts))[:20]

    def _resolve(self, cutoff: datetime | None, asked: Sequence[str], ageless: Sequence[str]) -> Said:
        words = ["pip", "compile", "-", "--python", interpreter()[0], "--only-binary", ":all:", "--generate-hashes"]
        words += ["--no-header", "--no-annotate", "--no-emit-index-url", *self._indexes()]
        if cutoff is not None:
            words += ["--exclude-newer", cutoff.strftime("%Y-%m-%dT%H:%M:%SZ")]
            words += [word for name in ageless for word in ("--exclude-newer-package", f"{name}=false")]
        done = self._run(*words, given="\n".join(asked))
        return Said(ok=True, lock=done.stdout) if not done.returncode else Said(ok=False, why=_one_line(done.stderr))

    def _build(self, place: Path, locked: Locked) -> Environment:
        shutil.rmtree(place, ignore_errors=True)  # a folder without its record was never finished
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=self.folder))
        python = interpreter()[0]
        try:
            fresh.chmod(0o755)
            self._uv(
                "venv", "--quiet", "--relocatable", "--no-project", "--allow-existing", "--python", python, str(fresh)
            )
            into = ("--python", str(fresh / "bin" / "python"), "--only-binary", ":all:", "--quiet", *self._indexes())
            self._uv("pip", "install", *into, "--require-hashes", "-r", str(TOOLCHAIN))
            if locked.packages:
                (fresh / "lock.txt").write_text(locked.lock)
                self._uv("pip", "install", *into, "--no-deps", "--require-hashes", "-r", str(fresh / "lock.txt"))
            _compile(python, fresh, place)
            freeze = self._uv("pip", "freeze", "--python", str(fresh / "bin" / "python"))
            installed = tuple(sorted(freeze.split()))
            environment = Environment(
                python=str(place / "bin" / "python"),
                folders=(str(place), *interpreter()[1]),
                digest=digest(canonical([installed, sys.version, platform.machine()])),
                packages=installed,
                findings=tuple(finding for finding in locked.findings if finding.severity == "note"),
            )
            (fresh / "environment.json").write_bytes(msgspec.json.encode(environment))
            fresh.rename(place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return environment

    def _uv(self, *words: str) -> str:
        done = self._run(*words)
        if done.returncode:
            raise _refusal(done.stderr, words)
        return done.stdout

    def _run(self, *words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [uv.find_uv_bin(), "--color", "never", *words],
                cwd=self.folder,  # not the person's project: its uv settings are the repository's words, not theirs
                env=self._variables(),
                input=given or "",
                capture_output=True,
                text=True,
                timeout=BUILD_S,
                umask=0o022,
            )
        except subprocess.TimeoutExpired as error:
            raise ConfigurationError(f"the package index did not answer within {BUILD_S} s") from error

    def _variables(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in self.settings.items()
            if (name in KEPT or name.startswith(KEPT_PREFIXES) or name.lower().startswith(KEPT_PREFIXES))
            and name not in DROPPED
        }
        certificate = self.settings.get("PIP_CERT") or _pip_settings(self.settings).get("cert", "")
        if certificate and "SSL_CERT_FILE" not in kept:
            kept["SSL_CERT_FILE"] = certificate
        return kept

    def _indexes(self) -> list[str]:
        """What pip was told about indexes, in uv's words, unless uv was told something itself."""
        if any(
            name in self.settings for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "UV_INDEX", "UV_EXTRA_INDEX_URL")
        ):
            return []
        told = _pip_settings(self.settings)
        words: list[str] = []
        for name, option in (
            ("index-url", "--default-index"),
            ("extra-index-url", "--index"),
            ("find-links", "--find-links"),
        ):
            for value in told.get(name, "").split():
                words += [option, value]
        if "--index" in words:
            words += ["--index-strategy", "unsafe-best-match"]  # what pip does with several indexes
        if told.get("no-index", "").lower() in ("1", "true", "yes", "on"):
            words.append("--no-index")
        for host in told.get("trusted-host", "").split():
            words += ["--allow-insecure-host", host]
        return words


def _compile(python: str, fresh: Path, place: Path) -> None:
    """Write byte code beside the packages: a test run that compiles pytest anew takes three times as long.

    `-I -S` keeps the interpreter from reading `.pth` files and packages; compiling runs nothing. A file that does not
    compile, as templates in packages do, is left as it is.
    """
    words = [python, "-I", "-S", "-m", "compileall", "-q", "-q", "-s", str(fresh), "-p", str(place), str(fresh / "lib")]
    with contextlib.suppress(subprocess.TimeoutExpired):  # slower runs, and nothing else, come of it
        subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, timeout=BUILD_S, umask=0o022, env={})


def _pip_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Read the configuration files of pip, weakest first, then its variables."""
    home = Path(settings.get("HOME", "/"))
    config = Path(settings.get("XDG_CONFIG_HOME") or home / ".config")
    files = [
        Path("/etc/pip.conf"),
        home / ".pip" / "pip.conf",
        config / "pip" / "pip.conf",
        Path(sys.prefix) / "pip.conf",
    ]
    if named := settings.get("PIP_CONFIG_FILE"):
        files = [] if named == os.devnull else [*files, Path(named)]
    told: dict[str, str] = {}
    for file in files:
        parser = configparser.RawConfigParser()
        try:
            parser.read(file, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{file} cannot be read", why=str(error).splitlines()[0]) from error
        for section in ("global", "install"):
            if parser.has_section(section):
                told |= {name.replace("_", "-"): value for name, value in parser.items(section)}
    for name in ("index-url", "extra-index-url", "find-links", "no-index", "trusted-host", "cert"):
        if value := settings.get(f"PIP_{name.replace('-', '_').upper()}"):
            told[name] = value
    return told


def _refusal(said: str, words: Sequence[str]) -> ConfigurationError:
    asked = "the packages of the product" if "--no-deps" in words else "the test runner and build tools"
    return ConfigurationError(
        f"the environment could not be built: {asked}",
        why=_one_line(said)[:400],
        next="check that the package index is reachable (UV_DEFAULT_INDEX, PIP_INDEX_URL, proxy, certificates)",
    )


def _one_line(said: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"[×╰│├─▶]+|(?:error|hint):", " ", said)).strip()


def _read(place: Path) -> Environment | None:
    try:
        found = msgspec.json.decode((place / "environment.json").read_bytes(), type=Environment)
        return located(found, place.parent)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        return None  # half-written or older: built again


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file: one process builds, the others wait and find it built."""
    with open(path, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
