"""The sandbox's parts that need no isolation: left-overs, output, choice, the scripted double."""

from __future__ import annotations

import os

import pytest

from sixfold.domain.data import Tree
from sixfold.domain.errors import SandboxUnavailable
from sixfold.domain.evidence import ExecResult
from sixfold.fakes.sandbox import ScriptedSandbox, ScriptEnded
from sixfold.layers.testing.sandbox import choose
from sixfold.layers.testing.sandbox.copies import Copy, sweep
from sixfold.layers.testing.sandbox.policy import clean_environment
from sixfold.layers.testing.sandbox.streams import Capture


def test_left_overs_are_swept_and_folders_in_use_stay(tmp_path):
    used = Copy(tmp_path, owner=None)
    (tmp_path / "w-dead" / "work").mkdir(parents=True)
    assert sweep(tmp_path) == 1
    assert used.work.is_dir()
    used.remove()
    assert list(tmp_path.iterdir()) == []


async def test_cut_output_has_the_allowed_size_and_says_how_much_is_missing():
    capture = Capture(10)
    os.write(capture.write_end, b"0123456789abcdefghij")
    capture.finish()
    assert capture.truncated
    assert capture.text() == "01234\n[… 10 bytes cut …]\nfghij"


async def test_output_of_exactly_the_allowed_size_is_whole():
    capture = Capture(10)
    os.write(capture.write_end, b"0123456789")
    capture.finish()
    assert not capture.truncated
    assert capture.text() == "0123456789"


def test_callers_variables_win_over_the_fixed_ones():
    assert clean_environment("/p/bin/python", "/h", "/t", {"TZ": "CET"})["TZ"] == "CET"


async def test_unknown_backend_is_no_sandbox_and_says_how_to_get_one(tmp_path):
    with pytest.raises(SandboxUnavailable) as caught:
        await choose(lambda tree, folder: None, lambda folder: Tree(""), tmp_path, only="none")
    assert caught.value.exit_code == 7
    assert "bubblewrap" in caught.value.next


async def test_script_answers_once_each_and_fails_loudly_at_its_end():
    good = ExecResult(exit_code=0, stdout="ok", stderr="")
    sandbox = ScriptedSandbox([("pytest", good)], files={"r.json": b"{}"})
    async with sandbox.open(Tree("t")) as workspace:
        assert await workspace.get("r.json") == b"{}"
        assert await workspace.exec(["python", "-m", "pytest"]) == good
        with pytest.raises(ScriptEnded):
            await workspace.exec(["python", "-m", "pytest"])
    sandbox.done()


def test_script_not_used_up_is_an_error():
    with pytest.raises(ScriptEnded):
        ScriptedSandbox([("x", ExecResult(exit_code=0, stdout="", stderr=""))]).done()
