"""`doctor`, `config show`, `models`, `sandbox run`: what is here and what is enforced."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from sixfold.domain.data import to_json
from sixfold.domain.errors import UsageError
from sixfold.interfaces.cli.engine import load_engine
from sixfold.interfaces.cli.session import JsonOption, Session
from sixfold.interfaces.cli.terminal import put, put_json, table
from sixfold.interfaces.escape import visible

TIMED_OUT = 124
"""Exit code of `sandbox run` when the time was up, as GNU timeout has it."""


def doctor(
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Install the sandbox's toolchain now, so that the first run need not.")
    ] = False,
    as_json: JsonOption = False,
) -> int:
    """What works here: sandbox and its limits, git, toolchain, models, state folder."""
    settings = Session().settings
    if prepare:
        return _rows("doctor", [load_engine().prepare_toolchain(settings)], as_json)
    return _rows("doctor", load_engine().doctor(settings), as_json)


def models(as_json: JsonOption = False) -> int:
    """Known models with price, context and source."""
    return _rows("models", load_engine().models(Session().settings), as_json)


def config_show(
    origin: Annotated[bool, typer.Option("--origin", help="Say where each value comes from.")] = False,
    as_json: JsonOption = False,
) -> int:
    """Every setting in force."""
    settings = Session().settings
    if as_json:
        listed = [msgspec.structs.replace(item, value=_without_password(item.value)) for item in settings.listing]
        put_json({"schema_version": 1, "settings": to_json(listed)})
        return 0
    rows = []
    for item in settings.listing:
        value = ", ".join(item.value) if isinstance(item.value, tuple) else item.value
        shown = "-" if value in (None, "") else str(_without_password(value))
        rows.append((item.key, shown, item.origin) if origin else (item.key, shown))
    for line in table(rows, head=("KEY", "VALUE", "ORIGIN") if origin else ("KEY", "VALUE")):
        put(line)
    return 0


def _without_password(value: Any) -> Any:
    """A database URL without who and with which password; everything else as it is."""
    scheme, found, rest = value.partition("://") if isinstance(value, str) else ("", "", "")
    if not found or "@" not in rest:
        return value
    return f"{scheme}://…@{rest.rpartition('@')[2]}"


def sandbox_run(
    command: Annotated[list[str], typer.Argument(metavar="-- CMD…", help="Program and arguments, no shell.")],
    tree: Annotated[Path, typer.Option("--tree", metavar="DIR", help="Folder the command sees a copy of.")] = Path("."),
    timeout_s: Annotated[float | None, typer.Option("--timeout-s", help="Seconds until it is killed.")] = None,
    as_json: JsonOption = False,
) -> int:
    """Run a command in the sandbox on a copy of a folder; exits as the command does, 124 when time was up."""
    if not tree.is_dir():
        raise UsageError(f"there is no folder {tree}", next="give --tree an existing folder")
    if timeout_s is not None and timeout_s <= 0:
        raise UsageError("--timeout-s must be above 0", next="leave it out for the default")
    result = load_engine().sandbox_run(Session().settings, tree.resolve(), command, timeout_s)
    code = TIMED_OUT if result.timed_out else result.exit_code
    if as_json:
        put_json({"schema_version": 1, **to_json(result)})
        return code
    for text, stream in ((result.stdout, sys.stdout), (result.stderr, sys.stderr)):
        stream.write(visible(text) if stream.isatty() else text)
    return code


def _rows(name: str, rows: Sequence[Any], as_json: bool) -> int:
    """Rows are data of one type, or plain sequences; the first column names the thing."""
    if as_json:
        put_json({"schema_version": 1, name: to_json(list(rows))})
        return 0
    head: tuple[str, ...] = ()
    if rows and isinstance(rows[0], msgspec.Struct):
        head = tuple(field.upper() for field in rows[0].__struct_fields__)
        rows = [[_cell(value) for value in msgspec.structs.astuple(row)] for row in rows]
    for line in table([[_cell(value) for value in row] for row in rows], head=head):
        put(line)
    return 0


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)
