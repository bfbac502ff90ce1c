"""Installs the npm packages a front end's tests need: by lock and integrity hash, without running any of their code.

`npm ci --ignore-scripts` runs in a folder of its own that holds nothing but names and versions: no `.npmrc`, no scripts
and no workspaces of the product reach it. Registry, proxy and credentials are the person's own npm settings. A lock a
model wrote is never used: where the person's own does not fit, one is resolved anew among versions that are old enough.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from sixfold.domain.data import canonical, digest
from sixfold.domain.evidence import Finding
from sixfold.domain.language import Modules
from sixfold.layers.testing.environments import KEPT, MIN_AGE_DAYS, Today, exclusive, utc_now
from sixfold.layers.testing.locking import oldest_allowed

NAME = re.compile(r"(@[a-z0-9~-][a-z0-9._~-]*/)?[a-z0-9~-][a-z0-9._~-]*", re.IGNORECASE)
VERSIONS = re.compile(r"[\w.^~<>=|*+ -]*")
"""A range or a tag; never an address, a path, a git repository or another package's name."""
KINDS = ("dependencies", "devDependencies", "optionalDependencies")
KEPT_PREFIXES = ("npm_", "node_auth_token", "node_extra_ca_certs", "http_proxy", "https_proxy", "all_proxy", "no_proxy")
FORM = "1"
"""How they are installed; a change makes them new."""
INSTALL_S = 420
VIEW_S = 60
LOOKUPS = 6
MOST_PACKAGES = 600
"""More than this is not looked through one by one."""


class Npm:
    """Folders of npm packages, one for each lock, shared by all runs."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, str],
        *,
        min_age_days: float = MIN_AGE_DAYS,
        today: Today = utc_now,
    ) -> None:
        """Remember where and how.

        Args:
            folder: where they are kept, e.g. `<state>/environments`.
            settings: the person's environment variables; only npm's, proxies and certificates are used.
            min_age_days: versions published later than so many days ago are not installed; 0 = any age.
            today: the time.
        """
        self.folder = folder
        self.settings = settings
        self.min_age_days = min_age_days
        self.today = today

    async def prepare(self, manifest: bytes, lock: bytes | None) -> Modules:
        """As the port says."""
        return await asyncio.to_thread(self._prepare, manifest, lock)

    def _prepare(self, manifest: bytes, lock: bytes | None) -> Modules:
        asked = wanted(manifest)
        if isinstance(asked, str):
            return Modules(problem=asked)
        if lock is not None and (bad := _unsound(lock)):
            return Modules(problem=bad)
        npm = shutil.which("npm", path=self.settings.get("PATH"))
        if npm is None or shutil.which("node", path=self.settings.get("PATH")) is None:
            return Modules(problem="npm is not installed here, so packages cannot be: apt-get install nodejs npm")
        parts = [FORM, asked, digest(lock) if lock is not None else "", platform.system(), platform.machine()]
        place = self.folder / f"npm-{digest(canonical([*parts, self.min_age_days]))[:20]}"
        if (found := _read(place)) is not None:
            return found
        self.folder.mkdir(parents=True, exist_ok=True)
        with exclusive(self.folder / f"{place.name}.lock"):
            return _read(place) or self._install(npm, place, asked, lock)

    def _install(self, npm: str, place: Path, asked: Mapping[str, Mapping[str, str]], lock: bytes | None) -> Modules:
        shutil.rmtree(place, ignore_errors=True)  # a folder without its record was never finished
        cutoff = oldest_allowed(self.today(), self.min_age_days)
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=self.folder))
        try:
            fresh.chmod(0o755)
            (fresh / "package.json").write_text(json.dumps({"name": "product", "version": "0.0.0", **asked}))
            words = ["ci"]
            if lock is not None:
                (fresh / "package-lock.json").write_bytes(_renamed(lock, asked))
            else:
                # One step: a lock made first need not fit, where a registry lacks packages of other platforms.
                words = ["install", *(["--before", cutoff.isoformat()] if cutoff is not None else [])]
            if said := self._run(npm, fresh, *words):
                return Modules(problem=f"npm could not install the packages: {said}")
            installed = _installed(fresh)
            findings: tuple[Finding, ...] = ()
            if lock is not None and cutoff is not None:
                findings = self._ages(npm, fresh, installed, cutoff)
                if young := [one for one in findings if one.severity != "note"]:
                    return Modules(findings=findings, problem=f"not installed: {young[0].message}")
            made = Modules(folder=str(place / "node_modules"), packages=installed, findings=findings)
            (fresh / "node_modules").mkdir(exist_ok=True)
            (fresh / "modules.json").write_bytes(msgspec.json.encode(made))
            fresh.rename(place)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        return made

    def _ages(self, npm: str, folder: Path, installed: Sequence[str], cutoff: datetime) -> tuple[Finding, ...]:
        """What of a person's own lock is too new; versions whose age the registry does not tell are noted as one."""

        def young(package: str) -> Finding | str | None:
            name, _, version = package.rpartition("@")
            told = self._call(npm, folder, VIEW_S, "view", f"{name}@{version}", "time", "--json")
            when = _time(told.stdout if told is not None and not told.returncode else "", version)
            if when is None:
                return package
            if when <= cutoff:
                return None
            text = f"{package} was published on {when:%Y-%m-%d}, after {cutoff:%Y-%m-%d}; too new to be trusted"
            return _finding("too-new-package", "warning", text, package)

        with ThreadPoolExecutor(LOOKUPS) as pool:
            seen = list(pool.map(young, installed[:MOST_PACKAGES]))
        found = [one for one in seen if isinstance(one, Finding)]
        unknown = [*(one for one in seen if isinstance(one, str)), *installed[MOST_PACKAGES:]]
        if unknown:
            shown = ", ".join(unknown[:5]) + (f" and {len(unknown) - 5} more" if len(unknown) > 5 else "")
            text = f"the registry does not say when {shown} was published; taken without a look at its age"
            found.append(_finding("unknown-age", "note", text, unknown[0]))
        return tuple(found)

    def _run(self, npm: str, folder: Path, *words: str) -> str:
        """Why a command failed, on one line; empty when it did not."""
        fixed = ("--ignore-scripts", "--no-audit", "--no-fund", "--include=dev", "--replace-registry-host=always")
        done = self._call(npm, folder, INSTALL_S, *words, *fixed)
        if done is None:
            return f"the registry did not answer within {INSTALL_S} s"
        errors = [line.removeprefix("npm error").strip() for line in done.stderr.splitlines() if "npm error" in line]
        told = "; ".join(line for line in errors if line and "complete log" not in line) or done.stderr[-300:]
        return " ".join(told.split())[:300] or f"exit code {done.returncode}" if done.returncode else ""

    def _call(self, npm: str, folder: Path, seconds: float, *words: str) -> subprocess.CompletedProcess[str] | None:
        try:
            return subprocess.run(
                [npm, *words, "--no-update-notifier", "--global=false", "--workspaces=false"],
                cwd=folder,  # not the product: its npm settings are the repository's words, not the person's
                env=self._variables(),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=seconds,
                umask=0o022,
            )
        except subprocess.TimeoutExpired:
            return None

    def _variables(self) -> dict[str, str]:
        return {
            name: value
            for name, value in self.settings.items()
            if name in KEPT or name.lower().startswith(KEPT_PREFIXES)
        }


def wanted(manifest: bytes) -> dict[str, dict[str, str]] | str:
    """What a `package.json` asks for, by kind, or why it is not installed."""
    try:
        content = json.loads(manifest)
    except ValueError:
        return "package.json is not JSON"
    if not isinstance(content, dict):
        return "package.json is no object"
    asked: dict[str, dict[str, str]] = {}
    for kind in KINDS:
        named = content.get(kind) or {}
        if not isinstance(named, dict):
            return f"{kind} of package.json is no object"
        for name, versions in named.items():
            if not NAME.fullmatch(name) or not isinstance(versions, str) or not VERSIONS.fullmatch(versions):
                return f"{name}: {versions} is no package of a registry; only names with versions are installed"
        if named:
            asked[kind] = dict(sorted(named.items()))
    return asked


def _unsound(lock: bytes) -> str:
    """Why a lock is not used: every package in it must come from a registry and carry its hash."""
    try:
        packages = json.loads(lock)["packages"]
        entries = [(path, entry) for path, entry in packages.items() if path]
    except (ValueError, KeyError, TypeError, AttributeError):
        return "package-lock.json cannot be read, or is older than npm 7"
    for path, entry in entries:
        if not isinstance(entry, dict) or ".." in path.split("/") or not path.startswith("node_modules/"):
            return f"package-lock.json names {path}, which is no package of a registry"
        if entry.get("link") or not str(entry.get("resolved", "https:")).startswith(("https:", "http:")):
            return f"package-lock.json takes {path} from elsewhere than a registry"
        if not entry.get("integrity") and not entry.get("inBundle"):
            return f"package-lock.json has no integrity hash for {path}"
    return ""


def _renamed(lock: bytes, asked: Mapping[str, Mapping[str, str]]) -> bytes:
    """The lock with the root entry of the manifest it now stands beside: `npm ci` wants the two to agree."""
    content: dict[str, Any] = json.loads(lock)
    root = content["packages"].get("", {})
    kept = {kind: root[kind] for kind in KINDS if isinstance(root.get(kind), dict)}
    content["packages"][""] = {"name": "product", "version": "0.0.0", **kept}
    return json.dumps({**content, "name": "product", "version": "0.0.0"}).encode()


def _installed(folder: Path) -> tuple[str, ...]:
    try:
        told = json.loads((folder / "node_modules" / ".package-lock.json").read_bytes())
        entries = told["packages"].items()
    except (FileNotFoundError, ValueError, KeyError):
        return ()
    named = (
        (entry.get("name") or path.rpartition("node_modules/")[2], entry.get("version")) for path, entry in entries
    )
    return tuple(sorted({f"{name}@{version}" for name, version in named if name and version}))


def _time(told: str, version: str) -> datetime | None:
    with contextlib.suppress(ValueError, TypeError, AttributeError, KeyError):
        when = datetime.fromisoformat(json.loads(told)[version].replace("Z", "+00:00"))
        return when if when.tzinfo is not None else None
    return None


def _finding(rule: str, severity: Any, message: str, evidence: str) -> Finding:
    return Finding(
        tool="dependencies", rule=rule, severity=severity, message=message, cwe="CWE-1357", evidence=evidence
    )


def _read(place: Path) -> Modules | None:
    try:
        found = msgspec.json.decode((place / "modules.json").read_bytes(), type=Modules)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
    return msgspec.structs.replace(found, folder=os.fspath(place / "node_modules"))  # the state folder may have moved
