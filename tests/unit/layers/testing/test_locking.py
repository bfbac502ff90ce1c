"""The install step asks a real resolver against an index on the loopback."""

from __future__ import annotations

import os
import subprocess
from datetime import UTC, datetime

import pytest
from loopback_index import Index, serve

from sixfold.domain.errors import ConfigurationError
from sixfold.layers.testing.environments import UvEnvironments
from sixfold.layers.testing.locking import Locked, Said, lock, oldest_allowed

TODAY = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture
def index():
    return Index()


@pytest.fixture
def resolve(tmp_path, index):
    """Lock the asked packages by `uv`, with nothing but the loopback's index."""

    def ask(asked: tuple[str, ...], min_age_days: float = 7) -> Locked:
        with serve(index) as address:
            settings = {
                "HOME": str(tmp_path),
                "PATH": os.environ["PATH"],
                "UV_DEFAULT_INDEX": address,
                "UV_NO_CONFIG": "1",
                "UV_CACHE_DIR": str(tmp_path / "cache"),
                "UV_HTTP_RETRIES": "0",
            }
            here = UvEnvironments(tmp_path / "e", settings)
            here.folder.mkdir()
            cutoff = oldest_allowed(TODAY, min_age_days)
            return lock(sorted(asked), lambda kept, ageless: here._resolve(cutoff, kept, ageless), cutoff=cutoff)

    return ask


def rules(locked: Locked) -> list[tuple[str, str]]:
    return [(finding.rule, finding.evidence) for finding in locked.findings]


def test_lock_names_versions_and_hashes_of_everything_that_is_needed(index, resolve):
    index.add("top", "1.0", requires=("below",))
    index.add("below", "2.0")
    locked = resolve(("top",))
    assert "top==1.0" in locked.lock
    assert "below==2.0" in locked.lock
    assert locked.lock.count("--hash=sha256:") == 2
    assert locked.findings == ()


def test_invented_package_is_a_finding_with_a_hint_and_the_rest_is_locked(index, resolve):
    index.add("older", "1.0")
    locked = resolve(("older", "reqeusts"))
    assert locked.packages == ("older",)
    assert rules(locked) == [("unknown-package", "reqeusts")]
    assert "did you mean requests?" in locked.findings[0].message
    assert "reqeusts" not in locked.lock


def test_package_that_needs_an_invented_one_is_left_out_with_it(index, resolve):
    index.add("needy", "1.0", requires=("invented",))
    index.add("older", "1.0")
    locked = resolve(("needy", "older"))
    assert locked.packages == ("older",)
    assert rules(locked) == [("unknown-package", "needy")]
    assert "no package invented" in locked.findings[0].message


def test_package_of_yesterday_is_a_finding(index, resolve):
    index.add("young", "1.0", uploaded="2026-05-31")
    locked = resolve(("young",))
    assert locked.packages == ()
    assert rules(locked) == [("too-new-package", "young")]
    assert "2026-05-31" in locked.findings[0].message


def test_older_version_is_taken_where_the_newest_is_too_new(index, resolve):
    index.add("grown", "1.0", uploaded="2020-01-01")
    index.add("grown", "2.0", uploaded="2026-05-31")
    locked = resolve(("grown",))
    assert "grown==1.0" in locked.lock
    assert locked.findings == ()


def test_age_is_asked_of_what_a_package_needs_too(index, resolve):
    index.add("top", "1.0", requires=("fresh",))
    index.add("fresh", "1.0", uploaded="2026-05-31")
    assert rules(resolve(("top",))) == [("too-new-package", "top")]


def test_person_may_switch_the_age_off(index, resolve):
    index.add("young", "1.0", uploaded="2026-05-31")
    assert resolve(("young",), min_age_days=0).packages == ("young",)


def test_unknown_age_is_said(index, resolve):
    index.dated = False
    index.add("plain", "1.0")
    locked = resolve(("plain",))
    assert locked.packages == ("plain",)
    assert rules(locked) == [("unknown-age", "plain")]


def test_version_that_does_not_exist_is_a_finding(index, resolve):
    index.add("older", "1.0")
    assert rules(resolve(("older==7",))) == [("no-such-version", "older==7")]


def test_packages_that_exclude_each_other_are_an_error(index, resolve):
    index.add("one", "1.0", requires=("shared<2",))
    index.add("two", "1.0", requires=("shared>=2",))
    index.add("shared", "1.0")
    index.add("shared", "2.0")
    with pytest.raises(ConfigurationError, match="exclude each other"):
        resolve(("one", "two"))


def test_index_that_does_not_answer_is_an_error_and_no_finding():
    def refused(asked, ageless):
        return Said(ok=False, why="Failed to fetch: connection refused")

    with pytest.raises(ConfigurationError):
        lock(["a"], refused, cutoff=None)


@pytest.mark.slow
async def test_environment_holds_the_locked_packages_and_tells_what_was_refused(tmp_path, index):
    index.add("older", "1.0")
    with serve(index) as address:
        settings = {**os.environ, "UV_INDEX": f"loop={address}", "UV_INDEX_STRATEGY": "unsafe-best-match"}
        here = UvEnvironments(tmp_path / "e", settings)
        made = await here.prepare(("older", "sixfold-invented-zzz"))
    assert [finding.evidence for finding in made.findings] == ["sixfold-invented-zzz"]
    assert "older==1.0" in made.packages
    done = subprocess.run([made.python, "-c", "import older; print(older.VERSION)"], capture_output=True, text=True)
    assert done.stdout == "1.0\n"
    offline = UvEnvironments(tmp_path / "e", {"UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple"})
    assert (await offline.prepare(("older",))).python == made.python
