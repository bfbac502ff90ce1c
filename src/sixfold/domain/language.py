"""How the tests of a language are run: a profile, built in or declared by a project."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from sixfold.domain.data import Data
from sixfold.domain.evidence import Finding

_NPM = "npm:"


def python_packages(packages: Sequence[str]) -> tuple[str, ...]:
    """Those of the allowed packages that are Python's: all without a mark."""
    return tuple(package for package in packages if not package.startswith(_NPM))


def npm_packages(packages: Sequence[str]) -> tuple[str, ...]:
    """Names of the allowed packages that are npm's, written `npm:NAME`."""
    return tuple(package.removeprefix(_NPM) for package in packages if package.startswith(_NPM))


class Modules(Data, frozen=True, kw_only=True):
    """Installed npm packages, or why there are none."""

    folder: str = ""
    """Host folder that stands in for `node_modules`; empty when nothing was installed."""
    packages: tuple[str, ...] = ()
    """`name@version`, sorted."""
    findings: tuple[Finding, ...] = ()
    problem: str = ""
    """One line why there are none."""


class Profile(Data, frozen=True, kw_only=True):
    """One way to build, check and test files of a language. Its commands run in the sandbox, nowhere else.

    A command's words may hold `{tests}` (replaced by the test files, one word each), `{reporter}` (a file of ours that
    makes node's test runner write events) and `{report}` (a file the command writes its report to).
    """

    name: str
    files: tuple[str, ...] = ()
    """Patterns of the language's files; the profile applies to a tree that holds one."""
    tests: tuple[str, ...] = ()
    """Patterns of its test files; empty = the test command finds them itself."""
    needs: str = ""
    """A package that must stand in `package.json` for this profile to apply, e.g. `vitest`."""
    packages: Literal["", "npm"] = ""
    """Who installs what the tests import; `npm`: the `package.json` nearest above them says what."""
    probe: tuple[str, ...] = ()
    """Command that succeeds where the toolchain is installed."""
    build: tuple[str, ...] = ()
    lint: tuple[str, ...] = ()
    test: tuple[str, ...] = ()
    check: tuple[str, ...] = ()
    """Command that parses one file, whose path is added as the last word; exit 0 = it parses."""
    report: Literal["exit", "events", "vitest", "junit"] = "exit"
    """How the result of `test` is read. `exit`: the exit status alone, one case in all."""
    environment: tuple[tuple[str, str], ...] = ()
