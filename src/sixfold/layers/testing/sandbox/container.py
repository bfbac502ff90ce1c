"""Docker and Podman by their own programs: a container a workspace, our supervisor in it, no host folder writable.

Without an image of the person's choice the container has none: an image of empty folders is made on the spot, and the
system's programs are mounted into it read-only, so that nothing is downloaded and the guests see the tools they would
see in any other backend. A daemon on another machine has no such folders: there an image must be named, and the
toolchain is copied into it once.
"""

from __future__ import annotations

import io
import json
import os
import secrets
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from sixfold.domain.data import Tree, canonical, digest
from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.ports import Environment
from sixfold.layers.testing.sandbox.accounts import write_accounts
from sixfold.layers.testing.sandbox.carried import CarriedFiles
from sixfold.layers.testing.sandbox.copies import Copy
from sixfold.layers.testing.sandbox.files import Files
from sixfold.layers.testing.sandbox.inside import HOME, PLACES, TEMPORARY, WORK, Places, in_own_root
from sixfold.layers.testing.sandbox.opening import Backend
from sixfold.layers.testing.sandbox.policy import (
    CAGE,
    CPU_TIME,
    MEMORY_BY_PROCESS,
    OWN_NETWORK,
    START_RELAY,
    SYSTEM_FILES,
    SYSTEM_FOLDERS,
    WHAT_IS_SAID,
    Enforced,
    existing,
    interpreter,
    toolchain,
)
from sixfold.layers.testing.sandbox.relayed import RelayChannel
from sixfold.layers.testing.sandbox.workspace import IsolatedWorkspace

CAPABILITIES = ("SETUID", "SETGID", "SETPCAP", "KILL")
"""What the supervisor may do inside: become the guest's user and end its processes. Guests have none."""
VARIABLES = ("PATH", "HOME", "USER", "LANG", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
PREFIXES = ("DOCKER_", "CONTAINER", "PODMAN_", "SSH_AUTH_SOCK")
TREE_BYTES, SMALL_BYTES = 2 << 30, 256 << 20
PREPARE_S = 600
LEFT_OUT = ("__pycache__", "site-packages", "test", "tests", "idlelib", "turtledemo", "ensurepip", "include", "share")
"""Folders of an interpreter that are not copied to another machine."""

Kind = Literal["podman", "docker", "docker-remote"]


class Container(Backend):
    """A container of Docker or Podman, rootless too, on this machine or behind the Docker API."""

    def __init__(
        self,
        checkout: Callable[[Tree, Path], None],
        store: Callable[[Path], Tree],
        scratch: Path,
        *,
        kind: Kind,
        image: str = "",
        settings: Mapping[str, str],
    ) -> None:
        """Choose an engine.

        Args:
            checkout: writes a tree's files into an empty folder.
            store: makes a tree of a folder.
            scratch: folder for copies.
            kind: `docker-remote` copies the toolchain instead of mounting it.
            image: image with the system's programs; empty = this machine's own, mounted read-only.
            settings: the person's environment variables; only the engine's own are used.
        """
        super().__init__(checkout, store, scratch)
        self.name = kind
        self._image = image
        self._remote = kind == "docker-remote"
        self._program = kind.partition("-")[0]
        self._variables = {
            name: value for name, value in settings.items() if name in VARIABLES or name.startswith(PREFIXES)
        }

    async def launch(self, copy: Copy, environment: Environment | None) -> RelayChannel:
        """Start a container with our relay as its PID 1."""
        program = shutil.which(self._program, path=self._variables.get("PATH", ""))
        if program is None:
            raise SandboxUnavailable(f"{self._program} is not installed")
        host = self._variables.get("DOCKER_HOST", "")
        away = self._program == "docker" and host.startswith(("tcp:", "ssh:", "http"))
        if away and not self._remote:
            raise SandboxUnavailable(
                "the Docker daemon is not on this machine",
                why=f"DOCKER_HOST is {host}",
                next="sandbox = docker-remote, and sandbox_image",
            )
        if self._remote and not self._image:
            raise SandboxUnavailable(
                "no image is named for the remote Docker daemon",
                next="set sandbox_image to an image with a C library no older than this machine's",
            )
        image = self._prepared(program, environment) if self._remote else self._image or self._bare_image(program)
        return self._start(program, image, environment)

    def places(self, copy: Copy, environment: Environment | None) -> Places:
        """Fixed names inside."""
        return in_own_root(environment)

    def files(self, copy: Copy, workspace: IsolatedWorkspace) -> Files:
        """As archives: no folder of the host is writable inside."""
        return CarriedFiles(copy, self._store, workspace)

    def enforced(self) -> tuple[Enforced, ...]:
        """What holds in a container, for the table of `sixfold doctor`."""
        return (
            Enforced(what="files", strength="kernel", how="own root, read-only; no folder of the host is writable"),
            *OWN_NETWORK,
            Enforced(what="processes", strength="kernel", how="RLIMIT_NPROC for the guest's user, per workspace"),
            MEMORY_BY_PROCESS,
            CPU_TIME,
            Enforced(what="pids", strength="watched", how="a PID namespace a workspace; a subreaper hunts orphans"),
            Enforced(what="signals", strength="kernel", how="nothing outside the container can be seen or signalled"),
            Enforced(what="disk", strength="kernel", how=f"in memory, {TREE_BYTES >> 30} GiB at most; sum watched"),
            *WHAT_IS_SAID,
        )

    def _start(self, program: str, image: str, environment: Environment | None) -> RelayChannel:
        name = f"sixfold-{secrets.token_hex(8)}"
        config = {
            "confine": "",
            "namespaces": False,
            "folder": WORK,
            "writable": list(PLACES),
            "guest_uid": self._guest_uid(program),
        }
        words = [program, "run", "--name", name, *self._walls(), *self._mounts(environment)]
        words += [
            "--entrypoint",
            interpreter()[0],
            image,
            "-I",
            "-S",
            "-c",
            START_RELAY,
            "/.sixfold",
            json.dumps(config),
        ]
        log = os.memfd_create("sandbox-log", os.MFD_CLOEXEC)
        process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env=self._variables,
            start_new_session=True,
        )
        return RelayChannel(process, log, lambda: self._try(program, "rm", "-f", name))

    def _walls(self) -> list[str]:
        words = ["--rm", "--interactive", "--network", "none", "--read-only", "--hostname", "sandbox", "--user", "0:0"]
        words += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--log-driver", "none"]
        for capability in CAPABILITIES:
            words += ["--cap-add", capability]
        words += ["--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096", "--ulimit", "core=0:0"]
        words += ["--shm-size", "64m", "--workdir", "/"]
        for place, size in ((WORK, TREE_BYTES), (HOME, SMALL_BYTES), (TEMPORARY, SMALL_BYTES)):
            words += ["--tmpfs", f"{place}:rw,exec,nosuid,nodev,mode=1777,size={size}"]
        return words

    def _mounts(self, environment: Environment | None) -> list[str]:
        if self._remote:
            return []
        pairs = [(str(CAGE), "/.sixfold/cage"), *((folder, folder) for folder in toolchain(environment)[1])]
        if not self._image:
            pairs += [(folder, folder) for folder in existing(SYSTEM_FOLDERS) if not os.path.islink(folder)]
            pairs += [(os.path.realpath(path), path) for path in existing(SYSTEM_FILES)]
        words = []
        for source, place in pairs:
            if "," in source:
                raise SandboxUnavailable(f"{self._program} cannot mount a folder with a comma in its name", why=source)
            words += ["--mount", f"type=bind,src={source},dst={place},readonly"]
        return words

    def _guest_uid(self, program: str) -> int:
        """A user nobody else has, where the container's root is the machine's; else one of the few we may give."""
        if self._remote or os.geteuid():
            return 1000
        return (1 << 30) + secrets.randbelow(1 << 29)

    def _bare_image(self, program: str) -> str:
        """An image of empty folders, the links of the system and a tiny /etc; made once."""
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive, tempfile.TemporaryDirectory() as etc:
            for folder in ("/proc", "/sys", "/dev", "/etc", "/home", "/.sixfold", *PLACES):
                archive.addfile(_folder(folder))
            for path in existing(SYSTEM_FOLDERS):
                if os.path.islink(path):
                    link = tarfile.TarInfo(path.lstrip("/"))
                    link.type, link.linkname = tarfile.SYMTYPE, os.readlink(path)
                    archive.addfile(link)
            write_accounts(Path(etc))
            for file in sorted(Path(etc).iterdir()):
                facts = tarfile.TarInfo(f"etc/{file.name}")
                facts.size = file.stat().st_size
                archive.addfile(facts, io.BytesIO(file.read_bytes()))
        tag = f"sixfold-bare:{digest(content.getvalue())[:16]}"
        if not self._try(program, "image", "inspect", tag):
            self._do(program, "import", "-", tag, given=content.getvalue())
        return tag

    def _prepared(self, program: str, environment: Environment | None) -> str:
        """The named image with this machine's interpreter, the environment and the cage copied into it; made once."""
        folders = toolchain(environment)[1]
        cage = [(path.name, path.read_text()) for path in sorted(CAGE.glob("*.py"))]
        parts = [self._image, list(folders), environment.digest if environment else "", sys.version, cage]
        tag = f"sixfold-toolchain:{digest(canonical(parts))[:20]}"
        if self._try(program, "image", "inspect", tag):
            return tag
        name = f"sixfold-prepare-{secrets.token_hex(8)}"
        self._do(program, "create", "--name", name, "--network", "none", "--entrypoint", "/", self._image)
        try:
            with tempfile.TemporaryFile() as content:
                with tarfile.open(fileobj=content, mode="w") as archive:
                    for place in [*_above(["/.sixfold/cage", *folders]), *PLACES]:
                        archive.addfile(_folder(place))
                    archive.add(CAGE, arcname=".sixfold/cage", filter=_plain)
                    for folder in folders:
                        kept = _interpreter_only if folder in interpreter()[1] else _plain
                        archive.add(folder, arcname=folder.lstrip("/"), filter=kept)
                content.seek(0)
                self._do(program, "cp", "-", f"{name}:/", given=content.read())
            self._do(program, "commit", name, tag)
        finally:
            self._try(program, "rm", "-f", name)
        return tag

    def _do(self, program: str, *words: str, given: bytes = b"") -> None:
        try:
            done = subprocess.run(
                [program, *words], input=given, capture_output=True, env=self._variables, timeout=PREPARE_S
            )
        except subprocess.TimeoutExpired as error:
            raise SandboxUnavailable(f"{self._program} {words[0]} did not end within {PREPARE_S} s") from error
        if done.returncode:
            said = done.stderr.decode(errors="replace").strip().splitlines()
            raise SandboxUnavailable(f"{self._program} {words[0]} failed", why=said[-1] if said else "")

    def _try(self, program: str, *words: str) -> bool:
        try:
            self._do(program, *words)
        except SandboxUnavailable:
            return False
        return True


def _folder(name: str) -> tarfile.TarInfo:
    facts = tarfile.TarInfo(name.strip("/"))
    facts.type, facts.mode = tarfile.DIRTYPE, 0o1777 if name in PLACES else 0o755  # the guest's user is chosen later
    return facts


def _above(paths: Sequence[str]) -> list[str]:
    """The folders above the paths, outermost first: an image may have them closed to everybody but root."""
    return sorted({str(parent) for path in paths for parent in Path(path).parents} - {"/"})


def _interpreter_only(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Without what is installed in it, its test suites and its headers: environments bring their own packages."""
    return None if member.name.rsplit("/", 1)[-1] in LEFT_OUT else _plain(member)


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    """Nobody's names, nothing set-user-id."""
    if not (member.isreg() or member.isdir() or member.issym()):
        return None
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    member.mode &= 0o755
    return member
