"""Where Semgrep is installed, and which folders a sandbox must see so that it runs inside."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from sixfold.domain.data import Data, digest
from sixfold.domain.errors import ConfigurationError
from sixfold.domain.ports import Environment

HOW = "`uv tool install semgrep` or `pipx install semgrep`, or set scan.semgrep to the path of one"


class Installed(Data, frozen=True, kw_only=True):
    """Semgrep on this machine."""

    program: str
    environment: Environment
    """The Python environment it lives in, as a toolchain that can be mounted read-only."""


class Absent(Data, frozen=True, kw_only=True):
    """It will not run: nothing is known about what it would have found."""

    why: str


def find(asked: str) -> Installed | Absent:
    """The Semgrep that is asked for.

    Args:
        asked: `auto` (on PATH), `off`, or the path of the program.

    Raises:
        ConfigurationError: a path was given, and there is no Semgrep that a sandbox can run.
    """
    if asked == "off":
        return Absent(why="not run: switched off (scan.semgrep)")
    named = shutil.which("semgrep") if asked == "auto" else asked
    if named is None:
        return Absent(why=f"not run: semgrep is not installed ({HOW})")
    found = _installed(Path(named).expanduser())
    if isinstance(found, Absent) and asked != "auto":
        raise ConfigurationError(f"scan.semgrep is {asked!r}: {found.why}", next=f"{HOW}; or `off`")
    return found


def _installed(named: Path) -> Installed | Absent:
    try:
        program = named.resolve(strict=True)
        with program.open("rb") as file:
            first = file.readline(1024).decode(errors="replace").strip()
    except OSError as error:
        return Absent(why=f"not run: {named} cannot be read ({error.strerror})")
    python = _interpreter(program, first)
    folders = _folders(program, python) if python else None
    if python is None or folders is None:
        return Absent(why=f"not run: {named} lies in no Python environment that can be mounted alone ({HOW})")
    environment = Environment(python=str(python), folders=folders, digest=digest(f"{program}\0{python}"))
    return Installed(program=str(program), environment=environment)


def _interpreter(program: Path, first: str) -> Path | None:
    """The Python of a script: of the environment around it, else the one its first line names."""
    if (program.parent.parent / "pyvenv.cfg").is_file():
        return program.with_name("python")
    named = Path(first.removeprefix("#!"))
    return named if first.startswith("#!/") and "python" in named.name and named.is_file() else None


def _folders(program: Path, python: Path) -> tuple[str, ...] | None:
    """What must be readable beyond the system's folders; None when it would be more than Semgrep's own.

    A program in `~/.local/bin` must not bring all of `~/.local` along.
    """
    prefixes = [path.parent.parent for path in (python, *_targets(python))]
    prefixes = [one for prefix in prefixes for one in (prefix, prefix.resolve()) if not one.is_relative_to("/usr")]
    home = Path.home().resolve()
    if any(home.is_relative_to(prefix.resolve()) for prefix in prefixes):
        return None
    if any(program.is_relative_to(prefix) for prefix in (*prefixes, Path("/usr"))):
        inside: tuple[Path, ...] = ()
    elif (python.parent.parent / "pyvenv.cfg").is_file():
        inside = (program,)  # as Homebrew has it: the program stands beside the environment that it uses
    else:
        return None
    return tuple(dict.fromkeys(str(path) for path in (*prefixes, *inside)))


def _targets(link: Path) -> Iterator[Path]:
    """Where a link points, and where that points: each name must exist inside."""
    for _ in range(8):
        if not link.is_symlink():
            return
        link = link.parent / link.readlink()
        yield link
