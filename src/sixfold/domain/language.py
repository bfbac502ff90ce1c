"""How the tests of a language are run: a profile, built in or declared by a project."""

from __future__ import annotations

from typing import Literal

from sixfold.domain.data import Data


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
