"""Further attempts to get out, to outlast a command, or to be believed by the host; against every backend present."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import platform
import socket
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from sandbox_backends import CONTAINERS, NAMES, Trees, bare, make, python_in

from sixfold.domain.evidence import Limits
from sixfold.layers.refinement.git import GitRepository

on_x86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")


@pytest.fixture
def repository(tmp_path):
    return GitRepository(tmp_path / "repository", tmp_path / "blobs")


@pytest.fixture(params=NAMES)
def real_sandbox(request, repository, tmp_path):
    """A sandbox whose trees are real git trees."""

    class Real(Trees):
        """Trees of the repository."""

        checkout = staticmethod(repository.checkout)
        store = staticmethod(repository.store)

    return make(request.param, Real(), tmp_path / "scratch")


CALL = (
    "import ctypes, json, sys\nlibc = ctypes.CDLL(None, use_errno=True)\nbuffer = ctypes.create_string_buffer(4096)\n"
    "for name, number, arguments in json.loads(sys.argv[1]):\n"
    "    words = [ctypes.c_long(each) if isinstance(each, int) else ctypes.byref(buffer) for each in arguments]\n"
    "    if libc.syscall(ctypes.c_long(number), *words) >= 0: print('DID', name)\n"
)
DOORS = [
    ("io_uring_setup", 425, [4, "buffer"]),
    ("userfaultfd", 323, [1]),
    ("bpf", 321, [0, "buffer", 72]),
    ("perf_event_open", 298, ["buffer", 0, -1, -1, 0]),
    ("keyctl join", 250, [1, 0]),
    ("add_key", 248, ["buffer", "buffer", "buffer", 1, -2]),
    ("fsopen", 430, ["buffer", 0]),
    ("open_tree", 428, [-100, "buffer", 0]),
    ("unshare user", 272, [0x10000000]),
    ("unshare mounts", 272, [0x20000]),
    ("pivot_root", 155, ["buffer", "buffer"]),
    ("chroot of root", 161, ["buffer"]),
    ("setns", 308, [0, 0]),
    ("open_by_handle_at", 304, [-100, "buffer", 0]),
    ("init_module", 175, ["buffer", 1, "buffer"]),
    ("kexec_load", 246, [0, 0, 0, 0]),
    ("swapon", 167, ["buffer", 0]),
    ("settimeofday", 164, ["buffer", 0]),
    ("clock_settime", 227, [0, "buffer"]),
    ("sethostname", 170, ["buffer", 4]),
    ("iopl", 172, [3]),
    ("syslog", 103, [3, "buffer", 64]),
    ("x32 getpid", 0x40000000 + 39, []),
]


@on_x86
async def test_doors_into_the_kernel_are_shut(sandbox):
    result = await python_in(sandbox, CALL, json.dumps(DOORS))
    assert result.exit_code in (0, 128 + 31), result.stderr  # sandlock ends a program for the last of them (SIGSYS)
    assert result.stdout == ""


@on_x86
async def test_no_user_namespace_comes_from_clone(sandbox):
    clone = (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\n"
        "pid = libc.syscall(56, 0x10000000 | 17, 0, 0, 0, 0)\n"
        "if pid == 0: os._exit(0)\n"
        "print('DID' if pid > 0 else 'refused')"
    )
    result = await python_in(sandbox, clone)
    assert "DID" not in result.stdout


FAMILIES = (
    "import socket\nfor family in [*range(3, 10), *range(11, 16), *range(17, 46)]:\n"
    "  for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_SEQPACKET):\n"
    "    try: socket.socket(family, kind); print('OPEN', family)\n    except OSError: pass"
)


async def test_only_families_that_namespaces_judge_have_sockets(sandbox):
    """AF_VSOCK leads out of a virtual machine, whatever its network namespace."""
    assert "OPEN" in bare(FAMILIES)
    result = await python_in(sandbox, FAMILIES)
    assert result.stdout == ""


async def test_file_system_of_another_process_is_out_of_reach(sandbox, tmp_path):
    (tmp_path / "secret").write_text("canary")
    look = (
        "import os, sys\nfor pid in os.listdir('/proc'):\n"
        "  for way in ('root', 'cwd', 'fd/3/..'):\n"
        "    try: print('GOT', open(f'/proc/{pid}/{way}{sys.argv[1]}').read())\n    except OSError: pass"
    )
    assert "canary" in bare(look, str(tmp_path / "secret"))
    result = await python_in(sandbox, look, str(tmp_path / "secret"))
    assert "GOT" not in result.stdout


async def test_cgroups_and_kernel_settings_are_read_only(sandbox):
    change = (
        "import os\n"
        "for folder in ('/sys/fs/cgroup', '/sys/fs/cgroup/memory', '/sys/fs/cgroup/unified', '/sys/kernel/debug'):\n"
        "  try: os.mkdir(folder + '/sixfold-probe'); os.rmdir(folder + '/sixfold-probe'); print('MADE', folder)\n"
        "  except OSError: pass\n"
        "for path in ('/proc/sys/kernel/core_pattern', '/proc/sys/kernel/domainname', '/proc/sys/fs/file-max',\n"
        "             '/proc/sys/user/max_user_namespaces', '/proc/1/oom_score_adj', '/proc/1/mem',\n"
        "             '/sys/fs/cgroup/cgroup.procs', '/sys/kernel/uevent_helper', '/proc/kcore'):\n"
        "  try: open(path, 'r+b'); print('OPEN', path)\n  except OSError: pass"
    )
    result = await python_in(sandbox, change)
    assert result.stdout == ""


@on_x86
async def test_memory_of_a_keeper_can_be_neither_read_nor_traced(sandbox):
    attack = (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nbuffer = ctypes.create_string_buffer(64)\n"
        "vector = (ctypes.c_void_p * 2)(ctypes.addressof(buffer), 64)\n"
        "for pid in {os.getppid(), 1} - {0}:\n"
        "  if libc.ptrace(16, pid, 0, 0) == 0: print('TRACED', pid)\n"
        "  if libc.syscall(310, pid, vector, 1, vector, 1, 0) > 0: print('READ', pid)\n"
        "  descriptor = libc.syscall(434, pid, 0)\n"
        "  if descriptor >= 0 and libc.syscall(438, descriptor, 0, 0) >= 0: print('TOOK', pid)\n"
        "  for name in ('mem', 'maps', 'environ', 'fd/0', 'syscall'):\n"
        "    try: print('OPEN', open(f'/proc/{pid}/{name}', 'rb').read(1))\n    except OSError: pass"
    )
    result = await python_in(sandbox, attack)
    assert result.stdout == ""


async def test_signal_to_everybody_reaches_nobody_else(sandbox):
    kill = (
        "import os, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "for pid, number in ((-1, 15), (os.getppid(), 9), (1, 9), (0, 15), (-1, 9)):\n"
        "  try: os.kill(pid, number)\n  except OSError: pass"
    )
    witness = subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"])
    try:
        async with sandbox.open(None) as workspace:
            await workspace.exec(["python", "-c", kill], limits=Limits(wall_s=20))
            after = await workspace.exec(["sh", "-c", "echo alive"])
        assert after.stdout == "alive\n"
        assert witness.poll() is None
    finally:
        witness.kill()
        witness.wait()


async def test_nothing_but_files_passes_from_one_command_to_the_next(sandbox):
    leave = (
        "import os, resource, signal, sys\n"
        "if os.fork() == 0:\n  os.setsid()\n  if os.fork() == 0:\n"
        "    os.closerange(0, 9)\n    signal.pause()\n  os._exit(0)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))\nos.umask(0o777)\nos.chdir('/')\n"
        "os.environ['LEFT'] = '1'\nsignal.signal(signal.SIGINT, signal.SIG_IGN)"
    )
    look = (
        "import os, resource, signal\nmask = os.umask(0)\n"
        "left = [pid for pid in os.listdir('/proc') if pid.isdigit() and b'signal.pause' in\n"
        "        open(f'/proc/{pid}/cmdline', 'rb').read() and int(pid) != os.getpid()]\n"
        "print(oct(mask), resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 9, 'LEFT' in os.environ,\n"
        "      signal.getsignal(signal.SIGINT) is signal.default_int_handler, left)"
    )
    async with sandbox.open(None) as workspace:
        await workspace.exec(["python", "-c", leave])
        result = await workspace.exec(["python", "-c", look.replace("signal.pause", "signal.pau' b'se")])
    assert result.stdout == "0o22 True False True []\n"


async def test_core_dumps_leave_nothing(sandbox):
    async with sandbox.open(None) as workspace:
        await workspace.exec(["python", "-c", "import os; os.abort()"])
        assert (await workspace.exec(["ls", "-A"])).stdout == ""


async def test_sparse_file_is_no_larger_than_a_full_one(sandbox):
    grow = "import os\nopen('f', 'w').close()\ntry: os.truncate('f', 1 << 45)\nexcept OSError: print('refused')"
    async with sandbox.open(None) as workspace:
        await workspace.exec(["python", "-c", grow], limits=Limits(file_bytes=1 << 20))
        size = await workspace.exec(["stat", "-c", "%s", "f"])
    assert int(size.stdout) <= 1 << 20


async def test_descriptors_and_watches_run_out_inside_only(sandbox):
    exhaust = (
        "import ctypes, os\nlibc = ctypes.CDLL(None)\nheld = []\ntry:\n"
        "  while True: held.append(os.open('/dev/null', os.O_RDONLY))\nexcept OSError: pass\n"
        "print(len(held))\nfor one in held[100:]: os.close(one)\nwhile libc.inotify_init() >= 0: pass"
    )
    result = await python_in(sandbox, exhaust)
    assert int(result.stdout) < 5000
    libc = ctypes.CDLL(None)
    watch = libc.inotify_init()
    assert watch >= 0
    os.close(watch)


async def test_memory_behind_files_is_bounded(sandbox):
    """What is written to /dev/shm or to anonymous files is memory, wherever it is not counted as the process's own."""
    fill = (
        "import os\nchunk, total = bytes(1 << 20), 0\n"
        "for place in ('/dev/shm/fill', None):\n"
        "  try:\n"
        "    file = os.open(place, os.O_RDWR | os.O_CREAT) if place else os.memfd_create('fill')\n"
        "    for _ in range(4096): total += os.write(file, chunk)\n"
        "  except OSError: pass\nprint(total >> 20)"
    )
    limits = Limits(file_bytes=64 << 20, memory_bytes=512 << 20, wall_s=60)
    result = await python_in(sandbox, fill, limits=limits)
    assert result.stopped_by or result.exit_code or int(result.stdout) <= 200


async def test_shared_memory_segments_of_the_host_are_out_of_reach(sandbox):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    segment = libc.shmget(0, 4096, 0o1666)
    if segment < 0:
        pytest.skip("this machine has no System V shared memory")
    address = libc.shmat(segment, None, 0)
    ctypes.memmove(address, b"canary", 6)
    read = (
        "import ctypes, sys\nlibc = ctypes.CDLL(None)\nlibc.shmat.restype = ctypes.c_void_p\n"
        "address = libc.shmat(int(sys.argv[1]), None, 0o10000)\n"
        "print('refused' if address in (None, 2**64 - 1) else ctypes.string_at(address, 6))"
    )
    try:
        assert "canary" in bare(read, str(segment))
        async with sandbox.open(None) as workspace:
            result = await workspace.exec(["python", "-c", read, str(segment)])
    finally:
        libc.shmdt(ctypes.c_void_p(address))
        libc.shmctl(segment, 0, None)
    assert "canary" not in result.stdout


PLANT = (
    "import os, socket, sys\n"
    "def attempt(call, *words):\n  try: call(*words)\n  except OSError: pass\n"
    "attempt(os.mkfifo, 'fifo'); attempt(os.mknod, 'device', 0o60666, 0x800)\n"
    "one = socket.socket(socket.AF_UNIX)\nattempt(one.bind, 'socket')\n"
    "open('setuid', 'w').write('#!/bin/sh\\n'); os.chmod('setuid', 0o6755)\n"
    "os.symlink('/etc/passwd', 'link'); os.symlink('..', 'up'); os.symlink('loop', 'loop')\n"
    "open('new\\nline', 'w').write('1'); open('\\x1b[31mred', 'w').write('2'); open('-rf', 'w').write('3')\n"
    "attempt(lambda: open(b'not-\\xff-text', 'w').write('4'))\n"
    "for name in ('.git', '.GIT', 'sub/.git', 'sub/.Git'):\n"
    "  os.makedirs(name + '/hooks', exist_ok=True)\n"
    "  hook = name + '/hooks/pre-commit'\n"
    "  open(hook, 'w').write('#!/bin/sh\\ntouch ' + sys.argv[1]); os.chmod(hook, 0o755)\n"
    "  config = '[core]\\n fsmonitor = \"touch ' + sys.argv[1] + '\"\\n hooksPath = hooks\\n'\n"
    "  open(name + '/config', 'w').write(config)\n"
    "open('.gitattributes', 'w').write('* filter=evil diff=evil merge=evil text eol=crlf ident\\n')\n"
    "open('.gitmodules', 'w').write('[submodule \"s\"]\\n path = s\\n url = -u./payload\\n')\n"
    "open('.gitconfig', 'w').write('[filter \"evil\"]\\n clean = touch ' + sys.argv[1] + '\\n')\n"
    "os.makedirs('nested'); open('nested/.git', 'w').write('gitdir: ../.git\\n')\n"
    "open('plain', 'w').write('kept')\n"
)


async def test_what_a_guest_plants_for_git_never_runs_on_the_host(real_sandbox, repository, tmp_path):
    ran = tmp_path / "ran"
    async with real_sandbox.open(repository.empty()) as workspace:
        planted = await workspace.exec(["python", "-c", PLANT, str(ran)])
        tree = await asyncio.wait_for(workspace.capture(), 60)
    assert planted.exit_code == 0, planted.stderr
    files = repository.files(tree)
    repository.diff(repository.empty(), tree)
    repository.commit(tree, (), "message", at="2026-01-01T00:00:00Z")
    (tmp_path / "out").mkdir()
    repository.checkout(tree, tmp_path / "out")
    assert not ran.exists()
    assert {entry.mode for entry in files} <= {"100644", "100755", "120000"}
    assert not [entry.path for entry in files if ".git" in entry.path.lower().split("/")]
    assert "plain" in {entry.path for entry in files}
    assert repository.read(tree, "plain") == b"kept"
    assert repository.read(tree, "link") in (None, b"/etc/passwd")
    assert not [entry for entry in files if entry.path in ("fifo", "device", "socket")]


SWAP = (
    "import os, sys\nos.makedirs('real', exist_ok=True)\nopen('real/file', 'w').write('own')\n"
    "open('ready', 'w').close()\nwhile True:\n"
    "  try:\n    os.rename('real', 'folder'); os.rename('folder', 'real')\n"
    "    os.symlink(sys.argv[1], 'folder'); os.unlink('folder')\n"
    "  except OSError: pass"
)


async def test_race_of_folder_and_link_neither_reads_nor_removes_anything_outside(real_sandbox, repository, tmp_path):
    outside = tmp_path / "outside"
    (outside / ".git").mkdir(parents=True)
    (outside / "file").write_text("canary")
    (outside / ".git" / "config").write_text("the person's own")
    async with real_sandbox.open(repository.empty()) as workspace:
        service = await workspace.start(["python", "-c", SWAP, str(outside)], limits=Limits(wall_s=60))
        assert await service.wait_ready(path="ready")
        rounds = 2 if real_sandbox.name in CONTAINERS else 25
        for _ in range(rounds):
            tree = await workspace.capture()
            for entry in repository.files(tree):
                assert b"canary" not in (repository.read(tree, entry.path) or b"")
            assert await workspace.get("folder/file") in (None, b"own")
            await workspace.put({"folder/mine": b"put"})
        await service.stop()
    assert sorted(os.listdir(outside)) == [".git", "file"]
    assert (outside / ".git" / "config").read_text() == "the person's own"


async def test_hard_links_to_files_of_the_host_cannot_be_made(sandbox, tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("before")
    link = (
        "import os, sys\nfor number, path in enumerate([*sys.argv[1:], '/usr/bin/env', '/proc/self/exe']):\n"
        "  try:\n    os.link(path, f'hard{number}', follow_symlinks=True)\n"
        "    open(f'hard{number}', 'a').write('x'); print('DID', path)\n  except OSError: pass"
    )
    result = await python_in(sandbox, link, str(kept))
    assert result.stdout == ""
    assert kept.read_text() == "before"


async def test_priority_cannot_be_raised(sandbox):
    raise_it = (
        "import os\nfor call in (lambda: os.nice(-5), lambda: os.sched_setscheduler(0, 1, os.sched_param(50)),\n"
        "             lambda: os.setpriority(os.PRIO_USER, 0, -5)):\n"
        "  try: call(); print('DID')\n  except OSError: pass"
    )
    result = await python_in(sandbox, raise_it)
    assert "DID" not in result.stdout


async def test_fork_bomb_that_hides_is_over_when_the_command_is(sandbox):
    token = uuid.uuid4().hex
    bomb = (
        "import os, time\nend = time.monotonic() + 2\nwhile time.monotonic() < end:\n"
        "  try:\n    if os.fork() == 0: os.setsid()\n  except OSError: time.sleep(0.01)\n"
    )
    async with sandbox.open(None) as workspace:
        await workspace.exec(["python", "-c", bomb, token], limits=Limits(wall_s=1, processes=64))
        after = await workspace.exec(["sh", "-c", "echo alive"])
    assert after.stdout == "alive\n"
    left = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                if token.encode() in Path(f"/proc/{name}/cmdline").read_bytes():
                    left.append(name)
    assert left == []


async def test_setuid_programs_give_nothing(sandbox):
    look = (
        "import os, subprocess\nfor name in ('su', 'sudo', 'mount', 'passwd', 'newgrp', 'ping'):\n"
        "  try:\n    done = subprocess.run([name, '-c', 'id -u'], capture_output=True, text=True, timeout=10,\n"
        "                          stdin=subprocess.DEVNULL)\n"
        "    print('ROOT' if done.stdout.strip() == '0' else '')\n"
        "  except (OSError, subprocess.TimeoutExpired): pass\n"
        "print(os.getresuid())"
    )
    result = await python_in(sandbox, look)
    assert "ROOT" not in result.stdout


async def test_listening_inside_is_not_heard_outside(sandbox):
    serve = (
        "import socket\none = socket.socket()\none.bind(('0.0.0.0', 0))\none.listen()\n"
        "open('port', 'w').write(str(one.getsockname()[1]))\none.settimeout(5)\n"
        "try: one.accept(); print('HEARD')\nexcept OSError: print('quiet')"
    )
    async with sandbox.open(None) as workspace:
        service = await workspace.start(["python", "-c", serve], limits=Limits(wall_s=20))
        if await service.wait_ready(path="port"):
            port = int(await workspace.get("port") or b"0")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                pytest.fail("a guest's server answered on the host")
        result = await service.stop()
    assert "HEARD" not in result.stdout
