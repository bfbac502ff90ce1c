"""npm packages are installed by lock and hash, for nobody but a person, and no code of theirs runs meanwhile."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from plain_folders import Folders

from sixfold.domain.language import Modules
from sixfold.domain.ports import Environment
from sixfold.layers.testing.languages import Allowed, run_suites
from sixfold.layers.testing.npm import Npm, wanted
from sixfold.layers.testing.sandbox.bubblewrap import Bubblewrap
from sixfold.layers.testing.sandbox.sandlock import Sandlock

PACKAGE = {"name": "web", "scripts": {"postinstall": "touch /tmp/oops"}, "devDependencies": {"vitest": "^3.2.4"}}
VITEST = """\
import { expect, test } from 'vitest';
import { total } from './total';

test('adds', () => expect(total([{ price: 2 }])).toBe(2));
test('of nothing', () => expect(total([])).toBe(1));
"""
TYPED = "export const total = (items: { price: number }[]): number => items.reduce((sum, one) => sum + one.price, 0);\n"
HASHED = {"version": "1.0.0", "integrity": "sha512-eA=="}


class Recorded:
    """Installs nothing and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[bytes, bytes | None]] = []

    async def prepare(self, manifest: bytes, lock: bytes | None) -> Modules:
        self.asked.append((manifest, lock))
        return Modules(problem="asked")


@pytest.fixture(scope="session")
def registry() -> None:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("npm is not installed: apt-get install nodejs npm")
    try:
        done = subprocess.run([npm, "view", "vitest", "name"], capture_output=True, timeout=40)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry does not answer")
    if done.returncode:
        pytest.skip("the npm registry cannot be reached")


def lock_of(packages: Mapping[str, object]) -> bytes:
    return json.dumps({"lockfileVersion": 3, "packages": {"": {}, **packages}}).encode()


@pytest.mark.parametrize(
    "versions",
    ["git+ssh://a/b", "file:../x", "https://x/y.tgz", "user/repository", "npm:other@1", "workspace:*", "../x"],
)
def test_only_names_with_versions_are_installed(versions: str) -> None:
    assert "no package of a registry" in wanted(json.dumps({"dependencies": {"a": versions}}).encode())
    assert wanted(b'{"dependencies": {"@a/b": "^1.2 || >=3 <4"}}') == {"dependencies": {"@a/b": "^1.2 || >=3 <4"}}
    assert "no package" in wanted(b'{"dependencies": {"../a": "1"}}')


@pytest.mark.parametrize(
    ("packages", "why"),
    [
        ({"node_modules/a": {"version": "1.0.0"}}, "no integrity hash for node_modules/a"),
        ({"node_modules/a": {**HASHED, "resolved": "git+ssh://git@x/a.git"}}, "from elsewhere"),
        ({"node_modules/a": {**HASHED, "link": True}}, "from elsewhere"),
        ({"../a": HASHED}, "no package of a registry"),
        ({"node_modules/../../a": HASHED}, "no package of a registry"),
    ],
)
async def test_a_lock_that_does_not_hold_everything_to_a_hash_is_not_used(
    tmp_path: Path, packages: Mapping[str, object], why: str
) -> None:
    made = await Npm(tmp_path, os.environ).prepare(b'{"dependencies": {"a": "1"}}', lock_of(packages))
    assert why in made.problem
    assert list(tmp_path.iterdir()) == []


async def test_without_npm_nothing_is_installed_and_it_is_said(tmp_path: Path) -> None:
    made = await Npm(tmp_path, {"PATH": str(tmp_path)}).prepare(b'{"dependencies": {"a": "1"}}', None)
    assert "npm is not installed here" in made.problem


async def test_packages_no_person_chose_are_never_installed(
    sandbox: Bubblewrap | Sandlock, folders: Folders, environment: Environment
) -> None:
    files = {"web/package.json": json.dumps(PACKAGE), "web/a.test.ts": VITEST, "web/package-lock.json": "of a model"}
    tree, empty, npm = folders.add(files), folders.add({}), Recorded()

    async def problem(origin: Mapping[str, str], *packages: str) -> str:
        allowed = Allowed(origin=folders.add(origin) if origin else empty, packages=packages)
        (report,) = await run_suites(sandbox, folders, npm, tree, environment, (), allowed)  # type: ignore[arg-type]
        assert not report.green
        return report.problem

    assert 'vitest has no package-lock.json of yours and was not allowed (packages = ["npm:vitest"])' in await problem(
        {}
    )
    assert "no package-lock.json" in await problem({"web/package.json": json.dumps(PACKAGE)})
    assert npm.asked == []
    await problem({}, "vitest")
    assert [lock for _, lock in npm.asked] == [None]  # the model's lock is not used
    await problem({"web/package.json": json.dumps(PACKAGE), "web/package-lock.json": "mine"})
    assert [lock for _, lock in npm.asked] == [None, b"mine"]


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("registry")
async def test_a_vitest_suite_runs_on_packages_that_npm_installed_and_nothing_of_them_is_writable(
    sandbox: Bubblewrap | Sandlock, folders: Folders, environment: Environment, tmp_path: Path
) -> None:
    npm = Npm(tmp_path / "environments", os.environ)
    files = {"web/package.json": json.dumps(PACKAGE), "web/total.ts": TYPED, "web/total.test.ts": VITEST}
    tree = folders.add(files)
    allowed = Allowed(origin=folders.add({}), packages=("vitest",))
    (report,) = await run_suites(sandbox, folders, npm, tree, environment, (), allowed)  # type: ignore[arg-type]
    assert report.problem == "", report.output
    assert [(case.id, case.outcome) for case in report.cases] == [
        ("web/total.test.ts::adds", "passed"),
        ("web/total.test.ts::of nothing", "failed"),
    ]
    (place,) = (tmp_path / "environments").glob("npm-*/package-lock.json")
    made = await Npm(tmp_path / "environments", {"PATH": os.environ["PATH"]}).prepare(
        json.dumps(PACKAGE).encode(), None
    )
    assert any(package.startswith("vitest@3.") for package in made.packages)  # offline, from the cache
    assert not Path("/tmp/oops").exists()
    young = Npm(tmp_path / "young", os.environ, min_age_days=1.0, today=lambda: datetime(2015, 1, 1, tzinfo=UTC))
    entry = json.loads(place.read_bytes())["packages"]["node_modules/tinyrainbow"]
    lock = lock_of({"node_modules/tinyrainbow": entry})
    manifest = json.dumps({"dependencies": {"tinyrainbow": entry["version"]}}).encode()
    kept = await Npm(tmp_path / "kept", os.environ).prepare(manifest, lock)
    assert kept.packages == (f"tinyrainbow@{entry['version']}",), kept
    refused = await young.prepare(manifest, lock)
    assert "too new to be trusted" in refused.problem, refused
