"""What every sandbox promises, held by each backend present here."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest

from sixfold.domain.errors import InvalidData, SandboxUnavailable
from sixfold.domain.evidence import Limits

SERVER = """
import http.server
print("up", flush=True)
http.server.HTTPServer(("127.0.0.1", 8000), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


async def test_command_sees_the_tree_and_its_streams_and_exit_code_come_back(sandbox, trees):
    async with sandbox.open(trees.add({"a/b.txt": b"hello"})) as workspace:
        program = "import sys; print(open('a/b.txt').read()); print(sys.stdin.read(), file=sys.stderr); sys.exit(7)"
        result = await workspace.exec(["python", "-c", program], stdin=b"given")
    assert (result.exit_code, result.stdout, result.stderr) == (7, "hello\n", "given\n")
    assert (result.timed_out, result.stopped_by, result.truncated) == (False, "", False)


async def test_death_by_signal_is_128_and_the_signal(sandbox):
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["sh", "-c", "kill -SEGV $$"])
    assert result.exit_code == 139


async def test_unknown_program_is_a_result(sandbox):
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["no-such-program"])
    assert result.exit_code == 127
    assert "no-such-program" in result.stderr


async def test_later_commands_see_what_earlier_ones_wrote_and_capture_returns_it(sandbox, trees):
    async with sandbox.open(trees.add({"old": b"1"})) as workspace:
        await workspace.exec(["sh", "-c", "echo 2 > new; mkdir -p sub; rm old"])
        result = await workspace.exec(["cat", "../new"], cwd="sub")
        captured = await workspace.capture()
    assert result.stdout == "2\n"
    assert trees.kept[captured] == {"new": b"2\n"}


async def test_two_workspaces_of_one_tree_do_not_share_files(sandbox, trees):
    tree = trees.add({"f": b"same"})
    async with sandbox.open(tree) as one, sandbox.open(tree) as two:
        await one.exec(["sh", "-c", "echo changed > f"])
        assert await two.get("f") == b"same"


async def test_closing_frees_the_disk_even_of_folders_the_guest_closed(sandbox, tmp_path):
    async with sandbox.open(None) as workspace:
        await workspace.exec(["sh", "-c", "mkdir -p a/b; touch a/b/c; chmod 0 a/b a"])
    assert not list((tmp_path / "scratch").glob("w-*"))


async def test_put_and_get_move_bytes(sandbox):
    async with sandbox.open(None) as workspace:
        await workspace.put({"tests/deep/t.py": b"\x00\xff"})
        result = await workspace.exec(["sh", "-c", "wc -c < tests/deep/t.py; echo more >> tests/deep/t.py"])
        assert result.stdout.strip() == "2"
        assert await workspace.get("tests/deep/t.py") == b"\x00\xffmore\n"
        assert await workspace.get("tests/deep/t.py", most_bytes=3) is None
        assert await workspace.get("absent") is None
        assert await workspace.get("tests") is None


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../up", "a/../../up", ".git/config", "sub/.GIT/hooks/x"])
async def test_put_refuses_paths_that_leave_the_copy(sandbox, path):
    async with sandbox.open(None) as workspace:
        with pytest.raises(InvalidData):
            await workspace.put({path: b""})


async def test_wall_time_ends_a_command(sandbox):
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["sleep", "60"], limits=Limits(wall_s=0.3))
    assert result.timed_out
    assert result.stopped_by == "wall"
    assert result.wall_s < 20


async def test_silence_ends_a_command_that_once_spoke(sandbox):
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["sh", "-c", "echo hi; sleep 60"], limits=Limits(wall_s=50, silence_s=0.4))
    assert result.stopped_by == "silence"
    assert result.stdout == "hi\n"


async def test_processor_time_ends_a_command(sandbox):
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["python", "-c", "while True: pass"], limits=Limits(wall_s=60, cpu_s=1))
    assert result.stopped_by == "cpu"


async def test_a_busy_loop_that_meets_both_limits_at_once_ran_out_of_time(sandbox):
    async with sandbox.open(None) as workspace:
        (result,) = await workspace.batch(["while True: pass"], limits=Limits(wall_s=1))
    assert (result.exit_code, result.stopped_by, result.timed_out) == (137, "wall", True)


async def test_long_output_keeps_its_beginning_and_its_end(sandbox):
    program = "print('begin'); print('x' * 500_000); print('end')"
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["python", "-c", program], limits=Limits(output_bytes=1000))
    assert result.truncated
    assert result.exit_code == 0
    assert result.stdout.startswith("begin\n")
    assert result.stdout.endswith("end\n")
    assert len(result.stdout) < 1200


async def test_commands_run_side_by_side(sandbox):
    async with sandbox.open(None) as workspace:
        many = [workspace.exec(["sh", "-c", f"echo {number}"]) for number in range(6)]
        results = await asyncio.gather(*many)
    assert [result.stdout for result in results] == [f"{number}\n" for number in range(6)]


async def test_only_allowed_variables_and_the_callers_are_set(sandbox):
    async with sandbox.open(None) as workspace:
        result = await workspace.exec(["env"], env={"MINE": "1"})
    names = {line.partition("=")[0] for line in result.stdout.splitlines()}
    assert names - {"PATH", "HOME", "TMPDIR", "LANG", "TZ", "USER", "TERM", "MINE", "PWD", "_", "SHLVL"} == set()
    assert "MINE" in names


async def test_service_answers_later_commands_over_its_own_loopback(sandbox):
    async with sandbox.open(None) as workspace:
        service = await workspace.start(["python", "-c", SERVER])
        if not workspace.loopback:
            with pytest.raises(SandboxUnavailable):
                await service.wait_ready(port=8000)
            return
        assert await service.wait_ready(port=8000)
        ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8000/').status)"
        result = await workspace.exec(["python", "-c", ask])
        assert result.stdout == "200\n"
        assert service.logs()[0] == "up\n"
        assert (await service.stop()).stdout == "up\n"


async def test_service_that_dies_is_never_ready(sandbox):
    async with sandbox.open(None) as workspace:
        service = await workspace.start(["sh", "-c", "exit 3"])
        assert not await service.wait_ready(path="never")
        assert (await service.stop()).exit_code == 3


async def test_service_is_ready_when_its_file_is_there(sandbox):
    async with sandbox.open(None) as workspace:
        service = await workspace.start(["sh", "-c", "touch ready; sleep 60"])
        assert await service.wait_ready(path="ready")


async def test_batch_returns_each_inputs_own_result_in_order(sandbox):
    sources = [f"print(base + {number})" for number in range(50)]
    sources += ["1/0", "import sys; sys.exit(5)", "while True: pass", "print('y' * 10**6)", "import os; os.abort()"]
    async with sandbox.open(None) as workspace:
        limits = Limits(wall_s=1, output_bytes=1000)
        results = await workspace.batch(sources, prelude="import builtins; builtins.base = 100", limits=limits)
    assert [result.stdout for result in results[:50]] == [f"{100 + number}\n" for number in range(50)]
    wrong, exited, endless, loud, aborted = results[50:]
    assert wrong.exit_code == 1
    assert "ZeroDivisionError" in wrong.stderr
    assert exited.exit_code == 5
    assert endless.timed_out
    assert loud.stopped_by == "output"
    assert aborted.exit_code == 134


async def test_batch_with_scratch_gives_each_input_a_folder_of_its_own_that_goes_with_it(sandbox):
    write = (
        "import os, tempfile\n"
        "place = tempfile.gettempdir()\n"
        "print(os.listdir(place), place == os.environ['TMPDIR'], os.path.isdir(other) if other else None)\n"
        "os.makedirs(place + '/a'); open(place + '/a/b', 'w').write('x')\n"
        "os.rename(place + '/a/b', place + '/c')\n"
        "try: open('left', 'w').write('x'); print('did')\n"
        "except OSError: print('refused')\n"
        "print(place)\n"
    )
    async with sandbox.open(None) as workspace:
        (first,) = await workspace.batch(["other = ''\n" + write], scratch=True)
        *said, place = first.stdout.splitlines()
        (second,) = await workspace.batch([f"other = {place!r}\n" + write], scratch=True)
    assert said == ["[] True None", "refused"], first
    assert second.stdout.splitlines()[:2] == ["[] True False", "refused"]


async def test_batch_inputs_share_neither_memory_nor_processes_nor_files(sandbox):
    attack = (
        "import builtins, os, signal\n"
        "builtins.base = 666\n"
        "for attempt in (lambda: os.kill(os.getppid(), signal.SIGKILL), lambda: open('left', 'w').write('x'),\n"
        "                lambda: open(f'/proc/{os.getppid()}/fd/1', 'w').write('forged'),\n"
        "                lambda: open(f'/proc/{os.getppid()}/mem', 'r+b')):\n"
        "    try: attempt(); print('did')\n"
        "    except OSError: print('refused')\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0: signal.pause()\n"
    )
    look = "import os; print(base, os.path.exists('left'))"
    async with sandbox.open(None) as workspace:
        results = await workspace.batch([attack, look], prelude="import builtins; builtins.base = 1", workers=1)
    assert results[0].stdout == "refused\n" * 4
    assert results[1].stdout == "1 False\n"


async def test_a_workspace_closes_when_the_loops_threads_are_gone(sandbox, tmp_path):
    threads = ThreadPoolExecutor(1)
    async with sandbox.open(None) as workspace:
        await workspace.exec(["true"])
        asyncio.get_running_loop().set_default_executor(threads)  # the durable engine brings its own, and ends it first
        threads.shutdown()
    assert not list((tmp_path / "scratch").glob("w-*"))
