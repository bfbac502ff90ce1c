"""The top-level help page, kept as a file so that `sixfold --help` imports nothing.

`python -m sixfold.interfaces.cli.help_page` writes it again from the commands; a test fails when it is stale.
"""

from __future__ import annotations

from pathlib import Path

from sixfold.interfaces.cli.app import GROUPS

PATH = Path(__file__).with_name("help.txt")
_HEAD = """\
sixfold: a vague request becomes reviewed, tested, secured software on a branch.

Usage: sixfold COMMAND [OPTIONS] [ARGUMENTS]
"""
_TAIL = """\
RUN is a run id or a part of it; without one, the newest run is meant.

  --version    print the version
  --debug      add the traceback to an error
  -h, --help   this page; `sixfold COMMAND --help` for one command

Exit codes: 0 validated, 1 no validated result, 2 usage, 3 waits for a human, 4 budget reached, 5 a gate failed,
6 replay drift, 7 no sandbox, 8 model unavailable, 130 interrupted.
"""


def page() -> str:
    """The page, made from the commands' own first lines."""
    lines = [_HEAD]
    for group, commands in GROUPS:
        lines.append(f"{group}:")
        lines += [f"  {name:<12} {(function.__doc__ or '').splitlines()[0].strip()}" for name, function in commands]
        lines.append("")
    return "\n".join([*lines, _TAIL])


if __name__ == "__main__":
    PATH.write_text(page(), encoding="utf-8")
