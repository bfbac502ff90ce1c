"""Environments: what is refused, what is passed to uv, what is cached."""

from __future__ import annotations

import asyncio
import os
import subprocess

import pytest

from sixfold.domain.errors import ConfigurationError
from sixfold.layers.testing.environments import UvEnvironments


def environments(folder, **settings):
    return UvEnvironments(folder, {"HOME": str(folder), "PATH": os.environ["PATH"], **settings})


@pytest.mark.parametrize(
    "package", ["-r x", "--index-url=http://x", "./local", "a @ https://x/a.whl", "git+https://x/y", ""]
)
async def test_anything_but_a_name_with_versions_is_refused(tmp_path, package):
    with pytest.raises(ConfigurationError):
        await environments(tmp_path / "e").prepare((package,))
    assert not (tmp_path / "e").exists()


def test_pip_settings_become_uv_settings(tmp_path):
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "pip" / "pip.conf").write_text("[global]\nindex-url = https://a/simple\nfind-links = /w\n")
    words = environments(tmp_path, PIP_EXTRA_INDEX_URL="https://b/simple")._indexes()
    assert words[words.index("--default-index") + 1] == "https://a/simple"
    assert words[words.index("--index") + 1] == "https://b/simple"
    assert "/w" in words


def test_uv_settings_win_over_pips(tmp_path):
    assert environments(tmp_path, PIP_INDEX_URL="https://a", UV_DEFAULT_INDEX="https://b")._indexes() == []


def test_secrets_of_the_person_do_not_reach_uv(tmp_path):
    passed = environments(
        tmp_path, OPENAI_API_KEY="k", UV_DEFAULT_INDEX="i", HTTPS_PROXY="p", UV_PYTHON="x"
    )._variables()
    assert "OPENAI_API_KEY" not in passed
    assert "UV_PYTHON" not in passed
    assert (passed["UV_DEFAULT_INDEX"], passed["HTTPS_PROXY"]) == ("i", "p")


async def test_unreachable_index_is_one_clear_error_and_leaves_nothing_behind(tmp_path):
    here = environments(tmp_path / "e", UV_DEFAULT_INDEX="http://127.0.0.1:9/simple", UV_CACHE_DIR=str(tmp_path / "c"))
    here.settings = {**here.settings, "UV_HTTP_RETRIES": "0"}
    with pytest.raises(ConfigurationError) as caught:
        await here.prepare()
    assert "index" in caught.value.next
    assert [entry.name for entry in (tmp_path / "e").iterdir() if entry.is_dir()] == []


@pytest.mark.slow
async def test_two_builders_make_one_environment_that_is_then_offline(tmp_path):
    here = UvEnvironments(tmp_path / "e", dict(os.environ))
    one, two = await asyncio.gather(here.prepare(), here.prepare())
    assert one == two
    offline = UvEnvironments(tmp_path / "e", {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"})
    assert await offline.prepare() == one
    done = subprocess.run([one.python, "-m", "pytest", "--version"], capture_output=True, text=True)
    assert done.stdout.startswith("pytest ")
    assert any(package.startswith("pytest==") for package in one.packages)
