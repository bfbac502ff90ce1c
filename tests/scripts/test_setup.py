"""`scripts/setup`, whole: the real program, the real uv, an index on loopback."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from clone import Checkout, Index, write_wheel

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("form", ["html", "json"])
def test_bare_python_and_an_index_are_enough(checkout: Checkout, index: Index, form: str) -> None:
    index.form = form
    result = checkout.setup(PIP_INDEX_URL=index.url)
    assert result.returncode == 0, result.stderr
    assert ".tools/uv" in result.stderr
    assert "requirements.lock" in result.stderr
    assert checkout.run("sixfold") == "it runs"
    assert checkout.run("python", "-c", "import smallpackage; print(smallpackage.ANSWER)") == "42"


def test_second_call_is_fast_needs_no_index_and_changes_nothing(checkout: Checkout, index: Index) -> None:
    assert checkout.setup(PIP_INDEX_URL=index.url).returncode == 0
    index.asked.clear()
    stamp = (checkout.folder / ".tools/setup.json").stat().st_mtime_ns
    started = time.monotonic()
    result = checkout.setup(PIP_INDEX_URL="http://127.0.0.1:9/simple", PYTHON="")
    assert time.monotonic() - started < 1
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Already set up")
    assert checkout.setup("--quiet", PYTHON="").stdout == ""
    assert index.asked == []
    assert (checkout.folder / ".tools/setup.json").stat().st_mtime_ns == stamp


def test_credentials_in_the_index_address_are_used_and_never_shown(checkout: Checkout, index: Index) -> None:
    index.login = "someone:s3cret"
    result = checkout.setup(PIP_INDEX_URL=index.url)
    assert result.returncode == 0, result.stderr
    shutil.rmtree(checkout.folder / ".tools")
    failed = checkout.setup(PIP_INDEX_URL="http://someone:s3cret@127.0.0.1:9/simple")
    assert failed.returncode == 1
    assert "s3cret" not in result.stderr + failed.stderr


def test_pip_configuration_file_of_the_person_is_honoured(checkout: Checkout, index: Index) -> None:
    (checkout.home / ".config/pip").mkdir(parents=True)
    (checkout.home / ".config/pip/pip.conf").write_text(f"[global]\nindex-url = {index.url}\n")
    result = checkout.setup()
    assert result.returncode == 0, result.stderr


def test_uv_configuration_file_of_the_person_is_honoured(checkout: Checkout, index: Index) -> None:
    (checkout.home / ".config/uv").mkdir(parents=True)
    (checkout.home / ".config/uv/uv.toml").write_text(f'[[index]]\nurl = "{index.url}"\ndefault = true\n')
    result = checkout.setup(PIP_INDEX_URL="http://127.0.0.1:9/simple")
    assert result.returncode == 0, result.stderr


def test_folder_of_wheels_is_enough(checkout: Checkout, index: Index) -> None:
    result = checkout.setup(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(index.folder))
    assert result.returncode == 0, result.stderr
    assert index.asked == []


def test_unreachable_index_is_one_line_that_names_the_settings(checkout: Checkout) -> None:
    result = checkout.setup(UV_DEFAULT_INDEX="http://127.0.0.1:9/simple")
    assert result.returncode == 1
    error = [line for line in result.stderr.splitlines() if line.startswith("setup: ")]
    assert len(error) == 1
    assert all(name in error[0] for name in ("UV_DEFAULT_INDEX", "PIP_INDEX_URL", "pip.conf", "HTTPS_PROXY"))
    assert "Traceback" not in result.stderr


def test_uv_that_is_not_the_locked_one_is_never_run(checkout: Checkout, index: Index) -> None:
    wheel = next(index.folder.glob("uv-*"))
    proof = checkout.folder / "it-ran"
    version, tag = wheel.name.split("-")[1], wheel.stem.split("-", 2)[2]
    write_wheel(
        index.folder, "uv", version, {f"uv-{version}.data/scripts/uv": f"#!/bin/sh\n>{proof}".encode()}, tag=tag
    )
    result = checkout.setup(PIP_INDEX_URL=index.url)
    assert result.returncode == 1
    assert "SHA-256 differs" in result.stderr
    assert not proof.exists()
    assert not (checkout.folder / ".tools/uv").exists()


def test_package_that_is_not_the_locked_one_is_not_installed(checkout: Checkout, index: Index) -> None:
    write_wheel(index.folder, "smallpackage", "1.0", {"smallpackage.py": b"ANSWER = 'forged'\n"})
    result = checkout.setup(PIP_INDEX_URL=index.url)
    assert result.returncode == 1
    assert "cannot install the packages" in result.stderr
    assert not list(checkout.folder.glob(".venv/lib/*/site-packages/smallpackage.py"))


def test_interrupted_setup_is_begun_again_from_nothing(checkout: Checkout, index: Index) -> None:
    assert checkout.setup(PIP_INDEX_URL=index.url).returncode == 0
    (checkout.folder / ".tools/setup.json").write_text(json.dumps({"state": "installing", "group": "core"}))
    [module] = checkout.folder.glob(".venv/lib/*/site-packages/smallpackage.py")
    module.unlink()  # as a kill between two files leaves it: recorded as installed, yet not there
    assert checkout.setup(PIP_INDEX_URL=index.url).returncode == 0
    assert module.exists()


def test_changed_lock_brings_the_environment_up_to_date(checkout: Checkout, index: Index) -> None:
    assert checkout.setup(PIP_INDEX_URL=index.url).returncode == 0
    lock = checkout.folder / "requirements.lock"
    lock.write_text("".join(part for part in lock.read_text().splitlines(keepends=True)[2:]))
    assert lock.read_text().startswith("uv==")
    assert checkout.setup(PIP_INDEX_URL=index.url).returncode == 0
    assert not list(checkout.folder.glob(".venv/lib/*/site-packages/smallpackage.py"))


def test_environment_somebody_else_made_is_kept_aside(checkout: Checkout, index: Index) -> None:
    (checkout.folder / ".venv").mkdir()
    (checkout.folder / ".venv/precious").write_text("mine")
    assert checkout.setup(PIP_INDEX_URL=index.url).returncode == 0
    [aside] = checkout.folder.glob(".venv.before-setup-*")
    assert (aside / "precious").read_text() == "mine"


def test_environment_with_the_checks_serves_those_who_only_use_it_too(checkout: Checkout, index: Index) -> None:
    assert checkout.setup("--dev", PIP_INDEX_URL=index.url).returncode == 0
    assert checkout.setup(PYTHON="").stdout.startswith("Already set up")


def test_moved_checkout_still_works(checkout: Checkout, index: Index, tmp_path: Path) -> None:
    assert checkout.setup(PIP_INDEX_URL=index.url).returncode == 0
    moved = Checkout(checkout.folder.rename(tmp_path / "elsewhere"), checkout.home)
    assert moved.run("sixfold") == "it runs"


def test_home_that_cannot_be_written_is_no_obstacle(checkout: Checkout, index: Index) -> None:
    result = checkout.setup(PIP_INDEX_URL=index.url, HOME="/dev/null")
    assert result.returncode == 0, result.stderr


def test_python_that_is_too_old_or_absent_is_one_clear_line(checkout: Checkout) -> None:
    result = checkout.setup(PYTHON="/bin/false")
    assert result.returncode == 1
    assert result.stderr == "setup: PYTHON=/bin/false is not a Python 3.11 or newer; unset it or name another\n"


def test_two_setups_at_once_do_not_disturb_each_other(checkout: Checkout, index: Index) -> None:
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(checkout.home), "PIP_INDEX_URL": index.url}
    command = [str(checkout.folder / "scripts/setup")]
    if shutil.which("python3", path=environment["PATH"]) is None:
        pytest.skip("no python3 in the system's own folders")
    running = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in running]
    assert [process.returncode for process in running] == [0, 0], errors
    assert checkout.run("sixfold") == "it runs"
