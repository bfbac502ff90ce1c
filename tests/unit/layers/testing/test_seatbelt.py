"""The macOS backend as far as another system can show it: its profile, its words, and its hold on what it started."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from plain_folders import Folders

from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.evidence import Limits
from sixfold.layers.testing.sandbox.seatbelt import Seatbelt, profile, quoted


@pytest.fixture
def seatbelt(tmp_path: Path, folders: Folders) -> Seatbelt:
    """The backend with a stand-in for `sandbox-exec` that keeps the profile and confines nothing."""
    program = tmp_path / "sandbox-exec"
    program.write_text(
        f'#!/bin/sh\ntest "$1" = -p || exit 99\nprintf %s "$2" > {tmp_path}/profile\nshift 2\nexec "$@"\n'
    )
    program.chmod(0o755)
    backend = Seatbelt(folders.checkout, folders.store, tmp_path / "scratch")
    backend.program = str(program)
    return backend


def test_profile_refuses_everything_first_and_the_network_last() -> None:
    lines = profile(readable=["/usr"], writable=["/w/work"]).splitlines()
    assert lines[:2] == ["(version 1)", "(deny default)"]
    assert lines[-1] == "(deny network*)"
    allowed = [line for line in lines if line.startswith("(allow")]
    assert not any("network" in line or "mach" in line or "iokit" in line for line in allowed)
    assert [line for line in allowed if "file-write*" in line] == ['(allow file-read* file-write* (subpath "/w/work"))']


def test_profile_opens_folders_above_only_to_stat() -> None:
    text = profile(readable=["/Users/me/.pyenv/versions/3.11"], writable=[])
    (line,) = [line for line in text.splitlines() if '"/Users/me"' in line]
    assert line.startswith("(allow file-read-metadata")
    assert '(literal "/Users/me")' in line


def test_name_of_a_folder_cannot_end_the_text_it_stands_in() -> None:
    assert quoted('a")(allow default)("') == '"a\\")(allow default)(\\""'
    with pytest.raises(SandboxUnavailable):
        quoted("a\nb")


async def test_commands_get_the_profile_their_streams_and_their_limits(seatbelt: Seatbelt, tmp_path: Path) -> None:
    async with seatbelt.open(None) as workspace:
        program = (
            "import resource, sys; print(sys.stdin.read(), resource.getrlimit(resource.RLIMIT_FSIZE)[0]); sys.exit(3)"
        )
        result = await workspace.exec(["python", "-c", program], stdin=b"given", limits=Limits(file_bytes=4096))
        folder = workspace.folder
    assert (result.exit_code, result.stdout) == (3, "given 4096\n")
    assert f'(subpath "{folder}")' in (tmp_path / "profile").read_text()


async def test_time_ends_a_command_with_what_it_started(seatbelt: Seatbelt) -> None:
    async with seatbelt.open(None) as workspace:
        result = await workspace.exec(["sh", "-c", "sleep 60 & echo $!; wait"], limits=Limits(wall_s=1))
    assert result.stopped_by == "wall"
    assert not _alive(int(result.stdout))


async def test_too_many_processes_end_a_command(seatbelt: Seatbelt) -> None:
    many = "for n in 1 2 3 4 5 6 7 8; do sleep 60 & done; wait"
    async with seatbelt.open(None) as workspace:
        result = await workspace.exec(["sh", "-c", many], limits=Limits(wall_s=30, processes=4))
    assert result.stopped_by == "processes"


async def test_service_on_a_port_is_refused_for_want_of_a_loopback(seatbelt: Seatbelt) -> None:
    async with seatbelt.open(None) as workspace:
        service = await workspace.start(["sleep", "60"])
        with pytest.raises(SandboxUnavailable):
            await service.wait_ready(port=8000)


async def test_without_the_program_nothing_runs(folders: Folders, tmp_path: Path) -> None:
    backend = Seatbelt(folders.checkout, folders.store, tmp_path / "scratch")
    backend.program = str(tmp_path / "absent")
    with pytest.raises(SandboxUnavailable) as caught:
        async with backend.open(None):
            pass
    assert caught.value.why == "not tried on this machine"


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b") Z" not in Path(f"/proc/{pid}/stat").read_bytes()
