"""A program as a model."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

import pytest

from sixfold.domain.errors import ModelMisconfigured, ModelUnavailable
from sixfold.domain.model import Message, ModelRequest
from sixfold.layers.models.command import CommandModel

REQUEST = ModelRequest(
    purpose="p",
    role="coder",
    system="the system text",
    messages=(Message(author="user", text="the question"),),
)


def python(code: str) -> str:
    return f"{sys.executable} -c {shlex.quote(code)}"


async def test_the_prompt_comes_on_stdin_and_no_shell_sees_anything() -> None:
    echo = python("import sys; print(sys.argv[1:], sys.stdin.read())")
    reply = await CommandModel(f"{echo} '$HOME; rm' 'a b'").complete(REQUEST)
    assert "['$HOME; rm', 'a b']" in reply.text
    assert "the system text" in reply.text
    assert "the question" in reply.text
    assert reply.usage.cost_usd is None  # what the program pays is its own affair


@pytest.mark.parametrize(
    ("code", "what", "why"),
    [
        ("import sys; print('partial'); sys.exit('first\\nlast line')", "exit code 1", "last line"),
        ("pass", "printed no answer", ""),
        ("print('  \\n ')", "printed no answer", ""),
    ],
)
async def test_a_command_that_fails_is_an_unavailable_model(code: str, what: str, why: str) -> None:
    with pytest.raises(ModelUnavailable, match=what) as caught:
        await CommandModel(python(code)).complete(REQUEST)
    assert caught.value.why == why


async def test_a_command_that_does_not_exist_is_a_setting_to_fix() -> None:
    with pytest.raises(ModelMisconfigured, match="no-such-program"):
        await CommandModel("/no-such-program --x").complete(REQUEST)


@pytest.mark.slow
async def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    held = tmp_path / "held"
    os.mkfifo(held)
    reader = os.open(held, os.O_RDONLY | os.O_NONBLOCK)
    # Parent and child both hold the pipe open for writing; it ends only when both are gone.
    code = f"""
import os, subprocess, sys, time
writer = os.open({str(held)!r}, os.O_WRONLY)
os.write(writer, b"started")
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], pass_fds=[writer])
time.sleep(600)
"""
    with pytest.raises(ModelUnavailable, match="within 2 s"):
        await CommandModel(python(code), timeout_s=2.0).complete(REQUEST)
    os.set_blocking(reader, True)
    with os.fdopen(reader, "rb") as file:
        assert file.read() == b"started"
