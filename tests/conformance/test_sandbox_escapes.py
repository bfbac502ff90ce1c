"""Attempts to get out, against every backend present here; positive controls show that they would work outside."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import pytest
from sandbox_backends import bare, python_in

from sixfold.domain.evidence import Limits


def processes_with(token: str) -> list[int]:
    """Host processes whose command line carries the token."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if token.encode() in Path(f"/proc/{name}/cmdline").read_bytes():
                    found.append(int(name))
    return found


def eventually(condition, within_s: float = 10.0) -> bool:
    """Whether it becomes true in time."""
    waiter, deadline = threading.Event(), time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        waiter.wait(0.02)
    return True


READ = (
    "import sys\nfor path in sys.argv[1:]:\n  try: print('GOT', open(path).read())\n  except OSError: print('refused')"
)


async def test_files_of_the_host_cannot_be_read(sandbox, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("canary")
    at_home = Path.home() / f".sixfold-canary-{uuid.uuid4().hex}"
    at_home.write_text("canary")
    try:
        paths = [str(secret), str(at_home), f"{sandbox._scratch}/../secret", f"/proc/self/root{secret}"]
        assert bare(READ, *paths).count("canary") >= 3
        async with sandbox.open(None) as workspace:
            result = await workspace.exec(["python", "-c", READ, *paths, "/etc/shadow", "/etc/sudoers"])
    finally:
        at_home.unlink()
    assert "GOT" not in result.stdout
    assert result.stdout.count("refused") == 6


WRITE = (
    "import sys, os\nfor path in sys.argv[1:]:\n"
    "  for attempt in (lambda: open(path, 'a').write('x'), lambda: os.unlink(path), \n"
    "                  lambda: os.rename(path, path + '2'),\n"
    "                  lambda: os.truncate(path, 0), lambda: os.mkdir(path + '.d'),\n"
    "                  lambda: os.symlink('a', path + '.l'),\n"
    "                  lambda: os.chmod(path, 0o777), lambda: os.link(path, 'hard')):\n"
    "    try: attempt()\n    except OSError: pass\n"
)


async def test_files_of_the_host_cannot_be_changed(sandbox, tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("before")
    kept.chmod(0o640)
    before = sorted(os.listdir(tmp_path))
    async with sandbox.open(None) as workspace:
        await workspace.exec(["python", "-c", WRITE, str(kept), "/usr/bin/true", sys.prefix])
    assert kept.read_text() == "before"
    assert sorted({*os.listdir(tmp_path)} - {"scratch"}) == sorted({*before} - {"scratch"})
    if sandbox.name == "bubblewrap":
        assert kept.stat().st_mode & 0o777 == 0o640
    control = tmp_path / "control"
    control.write_text("before")
    bare(WRITE, str(control))
    assert not control.exists()


async def test_mode_of_a_host_file_cannot_be_changed(sandbox, tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("x")
    kept.chmod(0o640)
    change = "import os, sys; os.chmod(sys.argv[1], 0o777)"
    async with sandbox.open(None) as workspace:
        await workspace.exec(["python", "-c", change, str(kept)])
    assert kept.stat().st_mode & 0o777 == 0o640
    bare(change, str(kept))
    assert kept.stat().st_mode & 0o777 == 0o777


async def test_environment_of_the_host_is_invisible(sandbox, monkeypatch):
    monkeypatch.setenv("SIXFOLD_CANARY", "canary")
    look = (
        "import os\nprint(dict(os.environ))\nfor pid in os.listdir('/proc'):\n"
        "  try: print(open(f'/proc/{pid}/environ').read())\n  except OSError: pass"
    )
    assert "canary" in bare(look)
    result = await python_in(sandbox, look)
    assert "canary" not in result.stdout


CONNECT = """
import json, socket, sys
for family, kind, address in json.loads(sys.argv[1]):
    try:
        with socket.socket(getattr(socket, family), getattr(socket, kind)) as one:
            one.settimeout(2)
            address = "\\0" + address[1:] if isinstance(address, str) and address[0] == "@" else address
            one.connect(tuple(address) if isinstance(address, list) else address)
            one.send(b"hello")
            print("SENT", address)
    except OSError as error:
        print("refused", error)
"""


def heard(listening: socket.socket) -> bool:
    """Whether somebody connected or sent."""
    try:
        if listening.type == socket.SOCK_STREAM:
            listening.accept()[0].close()
        else:
            listening.recv(9)
    except TimeoutError:
        return False
    return True


async def test_no_socket_of_the_host_can_be_reached(sandbox, tmp_path):
    with contextlib.ExitStack() as stack:
        listening = []
        for family, kind, address in (
            (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
            (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0)),
            (socket.AF_UNIX, socket.SOCK_STREAM, str(tmp_path / "s")),
            (socket.AF_UNIX, socket.SOCK_STREAM, f"\0sixfold-{uuid.uuid4().hex}"),
        ):
            one = stack.enter_context(socket.socket(family, kind))
            one.bind(address)
            if kind == socket.SOCK_STREAM:
                one.listen()
            one.settimeout(0.2)
            listening.append(one)
        wanted = json.dumps(
            [
                ["AF_INET", "SOCK_STREAM", listening[0].getsockname()],
                ["AF_INET", "SOCK_DGRAM", listening[1].getsockname()],
                ["AF_UNIX", "SOCK_STREAM", listening[2].getsockname()],
                ["AF_UNIX", "SOCK_STREAM", "@" + listening[3].getsockname()[1:].decode()],
            ]
        )
        assert bare(CONNECT, wanted).count("SENT") == 4
        assert sum(heard(one) for one in listening) == 4
        async with sandbox.open(None) as workspace:
            result = await workspace.exec(["python", "-c", CONNECT, wanted])
        reached = sum(heard(one) for one in listening)
    assert reached == 0, result.stdout


async def test_no_outside_network(sandbox):
    wanted = json.dumps(
        [["AF_INET", "SOCK_STREAM", ["1.1.1.1", 80]], ["AF_INET", "SOCK_STREAM", ["169.254.169.254", 80]]]
    )
    raw = (
        "import socket\nfor f, k in ((17, 3), (2, 3)):\n"
        "  try: socket.socket(f, k); print('RAW', f)\n  except OSError: pass"
    )
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["python", "-c", CONNECT, wanted])
        packets = await workspace.exec(["python", "-c", raw])
    assert "SENT" not in result.stdout
    assert "RAW 17" not in packets.stdout
    assert "RAW 2" not in packets.stdout


async def test_processes_of_the_host_are_neither_seen_nor_signalled(sandbox):
    token = uuid.uuid4().hex
    other = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()", token])
    try:
        look = (
            "import os, signal, sys\n"
            "pid, token = int(sys.argv[1]), sys.argv[2][::-1]\n"
            "for name in os.listdir('/proc'):\n"
            "  try:\n"
            "    if token in open(f'/proc/{name}/cmdline').read(): print('SEEN')\n"
            "  except OSError: pass\n"
            "for attempt in (lambda: os.kill(pid, 0), lambda: os.kill(pid, signal.SIGSTOP),\n"
            "                lambda: open(f'/proc/{pid}/mem')):\n"
            "  try: attempt(); print('TOUCHED')\n"
            "  except OSError: pass\n"
        )
        words = [str(other.pid), token[::-1]]
        assert "SEEN" in bare(look, *words)
        os.kill(other.pid, signal.SIGCONT)
        async with sandbox.open(None) as workspace:
            result = await workspace.exec(["python", "-c", look, *words])
    finally:
        other.kill()
        other.wait()
    assert "SEEN" not in result.stdout
    assert "TOUCHED" not in result.stdout


FORKS = (
    "import os, signal\nn = 0\ntry:\n  for _ in range(300):\n    if os.fork() == 0: signal.pause()\n    n += 1\n"
    "except OSError: pass\nprint(n)\nos.kill(0, 9) if __import__('sys').argv[1:] else None"
)


async def test_forks_stop_at_the_limit(sandbox):
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["python", "-c", FORKS], limits=Limits(processes=40, wall_s=30))
        after = await workspace.exec(["true"])
    if result.stopped_by != "processes":
        assert 0 < int(result.stdout) <= 40
    assert after.exit_code == 0
    control = f"{FORKS}\nos.killpg(0, 9)"
    done = subprocess.run([sys.executable, "-uc", control], capture_output=True, text=True, start_new_session=True)
    assert done.stdout.strip() == "300"


async def test_fork_bomb_ends_and_leaves_nothing(sandbox):
    token = uuid.uuid4().hex
    bomb = "import os\nwhile True:\n  try: os.fork()\n  except OSError: pass"
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["python", "-c", bomb, token], limits=Limits(processes=30, wall_s=1.5))
        assert result.exit_code != 0
        assert eventually(lambda: not processes_with(token))


async def test_one_process_cannot_take_more_memory(sandbox):
    hog = "import sys\nx = bytearray(1 << 30)\nprint('GOT')"
    assert "GOT" in bare(hog)
    result = await python_in(sandbox, hog, limits=Limits(memory_bytes=300 << 20))
    assert "GOT" not in result.stdout


async def test_many_processes_cannot_take_more_memory_together(sandbox):
    hog = (
        "import os, signal\nfor _ in range(6):\n  if os.fork() == 0:\n    x = b'x' * (150 << 20)\n"
        "    print('took', flush=True)\n    signal.pause()\nsignal.pause()"
    )
    result = await python_in(sandbox, hog, limits=Limits(memory_bytes=400 << 20, wall_s=15))
    assert result.stdout.count("took") < 6 or result.stopped_by == "memory"


async def test_one_file_cannot_fill_the_disk(sandbox):
    fill = "f = open('big', 'wb')\nfor _ in range(64): f.write(bytes(1 << 20)); f.flush()"
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["python", "-c", fill], limits=Limits(file_bytes=8 << 20))
        assert result.exit_code != 0
        size = await workspace.exec(["stat", "-c", "%s", "big"])
    assert int(size.stdout) <= 8 << 20


async def test_many_files_cannot_fill_the_disk(sandbox):
    fill = "import itertools\nfor n in itertools.count():\n  open(f'f{n}', 'wb').write(bytes(1 << 20))"
    result = await python_in(sandbox, fill, limits=Limits(disk_bytes=64 << 20, wall_s=30))
    assert result.stopped_by == "disk"


async def test_endless_output_takes_no_memory(sandbox):
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["yes"], limits=Limits(wall_s=20, output_bytes=1 << 12))
    assert result.truncated
    assert result.stopped_by in ("output", "wall")
    assert len(result.stdout) < 5000


async def test_links_lead_neither_put_nor_get_out_of_the_copy(sandbox, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("canary")
    plant = f"ln -s {outside}/secret file; ln -s {outside} folder; ln -s {outside}/new dangling; ln -s .. up"
    async with sandbox.open(None) as workspace:
        await workspace.exec(["sh", "-c", plant])
        assert await workspace.get("file") is None
        assert await workspace.get("folder/secret") is None
        assert await workspace.get("up/canary") is None
        await workspace.put({"file": b"a", "folder/secret": b"b", "dangling": b"c"})
        assert await workspace.get("folder/secret") == b"b"
    assert (outside / "secret").read_text() == "canary"
    assert sorted(os.listdir(outside)) == ["secret"]


async def test_fifo_does_not_block_get(sandbox):
    async with sandbox.open(None) as workspace:
        await workspace.exec(["mkfifo", "pipe"])
        assert await workspace.get("pipe") is None


async def test_git_folders_never_leave_the_copy(sandbox, trees):
    make_git = (
        "mkdir -p .git/hooks sub/.GIT; echo evil > .git/hooks/pre-commit; echo x > sub/.GIT/config; echo y > .gitx"
    )
    async with sandbox.open(trees.add({"a": b"1", ".git/config": b"hostile"})) as workspace:
        assert (await workspace.exec(["ls", "-A"])).stdout == "a\n"
        await workspace.exec(["sh", "-c", make_git])
        captured = await workspace.capture()
    assert sorted(trees.kept[captured]) == [".gitx", "a"]


async def test_absurdly_deep_folders_break_neither_capture_nor_the_end(sandbox, tmp_path):
    dig = "import os\nfor _ in range(1200):\n  os.mkdir('d' * 9)\n  os.chdir('d' * 9)\nopen('.git', 'w').close()"
    async with sandbox.open(None) as workspace:
        assert (await workspace.exec(["python", "-c", dig])).exit_code == 0
        await workspace.capture()
    assert not list((tmp_path / "scratch").glob("w-*"))


async def test_no_descriptor_is_inherited(sandbox, tmp_path):
    (tmp_path / "open").write_text("canary")
    with open(tmp_path / "open") as file:
        os.set_inheritable(file.fileno(), True)
        look = (
            "import os\nfor n in range(3, 1024):\n"
            "  try: print('OPEN', n, os.fstat(n) and os.readlink(f'/proc/self/fd/{n}'))\n"
            "  except OSError: pass"
        )
        async with sandbox.open(None) as workspace:
            result = await workspace.exec(["python", "-c", look])
    assert "OPEN" not in result.stdout


async def test_terminal_cannot_be_typed_into(sandbox):
    import pty

    leader, follower = pty.openpty()
    push = (
        "import fcntl, os\nfor name in ('/dev/tty', 0, 1, 2):\n  try:\n"
        "    fd = os.open(name, os.O_RDWR) if isinstance(name, str) else name\n"
        "    fcntl.ioctl(fd, 0x5412, b'x'); print('PUSHED')\n  except OSError: pass"
    )
    try:
        async with sandbox.open(None) as workspace:
            result = await workspace.exec(["python", "-c", push])
            session = await workspace.exec(["python", "-c", "import os; print(os.getsid(0))"])
    finally:
        os.close(leader)
        os.close(follower)
    assert "PUSHED" not in result.stdout
    assert session.stdout.strip() != str(os.getsid(0))


async def test_kill_leaves_no_orphan(sandbox):
    token = uuid.uuid4().hex
    hide = (
        "import os, signal, sys\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nfor _ in range(3):\n"
        "  if os.fork() == 0:\n    os.setsid()\n"
        "    if os.fork() == 0: os.closerange(0, 9)\n    signal.pause()\nprint('hidden', flush=True)\nsignal.pause()"
    )
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["python", "-c", hide, token], limits=Limits(wall_s=1.5))
        assert result.stdout == "hidden\n"
        assert result.timed_out
        assert eventually(lambda: not processes_with(token), 2)


async def test_end_of_a_command_ends_its_background_processes(sandbox):
    token = uuid.uuid4().hex
    leave = "import os, signal\nif os.fork() == 0:\n  os.setsid()\n  os.closerange(0, 9)\n  signal.pause()\n"
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["python", "-c", leave, token], limits=Limits(wall_s=30))
        assert result.exit_code == 0
        assert eventually(lambda: not processes_with(token), 2)


@pytest.mark.slow
async def test_nothing_survives_when_sixfold_is_killed(sandbox, tmp_path):
    token = uuid.uuid4().hex
    program = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom sandbox_backends import Trees, make\n"
        "async def main():\n"
        "  box = make(sys.argv[1], Trees(), Path(sys.argv[2]))\n"
        "  async with box.open(None) as workspace:\n"
        "    guest = 'import os, signal; os.fork(); os.setsid() if os.fork() == 0 else 0; signal.pause()'\n"
        "    await workspace.exec(['python', '-c', guest, sys.argv[3]])\n"
        "asyncio.run(main())"
    )
    words = [sys.executable, "-c", program, sandbox.name, str(tmp_path / "scratch"), token]
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    sixfold = subprocess.Popen(words, env={**os.environ, "PYTHONPATH": path})
    try:
        assert eventually(lambda: len(processes_with(token)) >= 4, 30)
    finally:
        sixfold.kill()
        sixfold.wait()
    assert eventually(lambda: not processes_with(token), 10)


async def test_guest_cannot_forge_another_commands_result(sandbox):
    attack = (
        "import os, signal, sys\n"
        "for pid in [os.getppid(), 1, *range(2, 60)]:\n"
        "  if pid != os.getpid():\n"
        "    for attempt in (lambda: os.kill(pid, signal.SIGKILL), lambda: open(f'/proc/{pid}/mem', 'r+b')):\n"
        "      try: attempt()\n"
        "      except OSError: pass\n"
        "for n in range(3, 64):\n"
        '  try: os.write(n, b\'{"code": 0, "stopped_by": "", "problem": ""}\')\n'
        "  except OSError: pass\n"
        "sys.exit(9)\n"
    )
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["python", "-c", attack])
        after = await workspace.exec(["sh", "-c", "exit 4"])
    assert result.exit_code == 9
    assert after.exit_code == 4


async def test_no_privilege_can_be_gained(sandbox):
    look = (
        "import ctypes, os\nlibc = ctypes.CDLL(None, use_errno=True)\n"
        "print([line for line in open('/proc/self/status') if line.startswith(('CapEff', 'CapBnd', 'NoNewPrivs'))])\n"
        "for name, call in (('mount', lambda: libc.mount(b'none', b'/', b'tmpfs', 0, None)),\n"
        "    ('unshare', lambda: libc.unshare(0x10000000)),\n"
        "    ('chroot', lambda: libc.chroot(b'/')), ('mknod', lambda: libc.mknod(b'dev', 0o60666, 0x800)),\n"
        "    ('setns', lambda: libc.setns(0, 0)), ('pivot', lambda: libc.syscall(155, b'/', b'/'))):\n"
        "  if call() == 0: print('DID', name)\n"
    )
    result = await python_in(sandbox, look)
    assert "DID" not in result.stdout
    assert "NoNewPrivs:\\t1" in result.stdout
    assert "CapEff:\\t0000000000000000" in result.stdout


async def test_kernel_settings_cannot_be_written(sandbox):
    write = (
        "for path in ('/proc/sys/kernel/hostname', '/proc/sysrq-trigger', '/sys/power/state',\n"
        "             '/proc/sys/kernel/core_pattern', '/proc/sys/vm/drop_caches', '/dev/mem', '/dev/kmsg'):\n"
        "  try: open(path, 'r+b'); print('OPEN', path)\n  except OSError: pass"
    )
    result = await python_in(sandbox, write)
    assert "OPEN" not in result.stdout


async def test_shared_memory_of_the_host_is_out_of_reach(sandbox):
    name = Path(f"/dev/shm/sixfold-{uuid.uuid4().hex}")
    name.write_text("canary")
    try:
        assert "canary" in bare(READ, str(name))
        async with sandbox.open(None) as workspace:
            result = await workspace.exec(["python", "-c", READ, str(name)])
    finally:
        name.unlink()
    assert result.stdout.strip() == "refused"
