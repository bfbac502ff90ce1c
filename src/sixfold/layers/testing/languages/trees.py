"""Runs every suite of a tree that is not Python's, each in a sandbox of its own, with the npm packages it may have."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence

import msgspec

from sixfold.domain.data import Data, Tree
from sixfold.domain.evidence import Finding, Limits, TestReport
from sixfold.domain.language import Modules, Profile
from sixfold.domain.ports import Environment, NodePackages, Repository, Sandbox, Workspace
from sixfold.layers.testing.languages.profiles import BUILT_IN, Suite, applying
from sixfold.layers.testing.languages.running import run_profile, unparsable
from sixfold.layers.testing.npm import wanted

_PARSED = (".js", ".mjs", ".cjs")
_LOCK = "package-lock.json"
_LINK = """
import os, sys
source, target = sys.argv[1:]
if not os.path.lexists(target):
    os.makedirs(target)  # a folder of its own: build tools write caches into node_modules, the packages stay read-only
    for name in os.listdir(source):
        os.symlink(os.path.join(source, name), os.path.join(target, name))
"""


class Allowed(Data, frozen=True, kw_only=True):
    """What may be installed for the tests."""

    origin: Tree
    """The tree the run began with: what its `package.json` files and locks name, a person chose."""
    packages: tuple[str, ...] = ()
    """Names of further npm packages a person allowed."""


async def run_suites(
    sandbox: Sandbox,
    repository: Repository,
    npm: NodePackages | None,
    tree: Tree,
    environment: Environment,
    declared: Sequence[Profile],
    allowed: Allowed,
    *,
    only: Sequence[str] = (),
) -> tuple[TestReport, ...]:
    """The tests of a tree that are not Python's, one report a suite; nothing where there are none.

    Args:
        npm: None = no npm packages are installed.
        declared: the project's own profiles, before the built-in ones.
        only: test files that matter; empty = all.
    """
    reports = []
    for suite in await asyncio.to_thread(applying, repository, tree, declared):
        tests = tuple(path for path in suite.tests if path in only) if only else suite.tests
        if only and suite.tests and not tests:
            continue
        installed = {path: await _install(repository, npm, tree, path, allowed) for path in suite.manifests}
        reports.append(await _run(sandbox, tree, environment, suite, tests, installed))
    return tuple(reports)


async def refused_files(
    sandbox: Sandbox, repository: Repository, origin: Tree, tree: Tree, environment: Environment
) -> tuple[Finding, ...]:
    """Changed files that a parser refuses, as findings that block; no sandbox is opened where there are none."""
    changed = await asyncio.to_thread(repository.changes, origin, tree)
    paths = [one.path for one in changed if one.status != "deleted" and not one.binary and one.path.endswith(_PARSED)]
    if not paths:
        return ()
    profile = next(one for one in BUILT_IN if one.check)
    async with sandbox.open(tree, environment=environment) as workspace:
        return await unparsable(workspace, profile, paths)


async def _run(
    sandbox: Sandbox,
    tree: Tree,
    environment: Environment,
    suite: Suite,
    tests: Sequence[str],
    installed: dict[str, Modules],
) -> TestReport:
    profile = suite.profile
    ready = {path: modules for path, modules in installed.items() if modules.folder}
    problems = "; ".join(f"{path}: {modules.problem}" for path, modules in installed.items() if modules.problem)
    folders = tuple(dict.fromkeys((*environment.folders, *(modules.folder for modules in ready.values()))))
    widened = msgspec.structs.replace(environment, folders=folders)
    async with sandbox.open(tree, environment=widened) as workspace:
        for path, modules in ready.items():
            await _link(workspace, path, modules)
        if profile.needs and not await _is_there(workspace, suite):
            why = problems or "npm packages are not installed here"
            return TestReport(suite="unit", problem=f"{profile.name}: no {profile.needs} to run: {why}", exit_code=1)
        report = await run_profile(workspace, profile, tests, folder=suite.folder)
    if problems and not report.green:
        # Tests that fail for want of a package are no fault of the code, and the coder must know.
        output = f"{report.output}\npackages are missing: {problems}".strip()
        return msgspec.structs.replace(report, problem=report.problem or f"{profile.name}: {problems}", output=output)
    return report


async def _install(
    repository: Repository, npm: NodePackages | None, tree: Tree, path: str, allowed: Allowed
) -> Modules:
    """The packages of one `package.json`, when every name in it is a person's choice."""
    manifest = await asyncio.to_thread(repository.read, tree, path)
    asked = wanted(manifest or b"{}")
    if isinstance(asked, str):
        return Modules(problem=asked)
    if not asked:
        return Modules()
    if npm is None or manifest is None:
        return Modules(problem="npm packages are not installed here")
    known = await asyncio.to_thread(repository.read, allowed.origin, path)
    before = wanted(known or b"{}")
    standing = before if isinstance(before, dict) else {}
    lock = await asyncio.to_thread(repository.read, allowed.origin, f"{path.removesuffix('package.json')}{_LOCK}")
    names = {name for kind in asked.values() for name in kind}
    chosen = {name for kind in standing.values() for name in kind} if lock is not None else set()
    if foreign := sorted(names - chosen - set(allowed.packages)):
        shown = ", ".join(foreign[:5]) + (" and more" if len(foreign) > 5 else "")
        what = (
            "is not in the repository's own package.json" if lock is not None else "has no package-lock.json of yours"
        )
        return Modules(problem=f"{shown} {what} and was not allowed (packages = {json.dumps(_marked(foreign[:5]))})")
    return await npm.prepare(manifest, lock if asked == standing else None)


def _marked(names: Sequence[str]) -> list[str]:
    return [f"npm:{name}" for name in names]


async def _link(workspace: Workspace, path: str, modules: Modules) -> None:
    target = f"{workspace.folder}/{path.removesuffix('package.json')}node_modules"
    await workspace.exec(("python", "-I", "-c", _LINK, modules.folder, target), limits=Limits(wall_s=60))


async def _is_there(workspace: Workspace, suite: Suite) -> bool:
    package = f"{workspace.folder}/{suite.folder}/node_modules/{suite.profile.needs}/package.json"
    done = await workspace.exec(("test", "-f", package), limits=Limits(wall_s=20))
    return done.exit_code == 0
