"""Entry point. Answers `--version` and `--help` before anything heavy is imported."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments in (["--version"], ["-V"]):
        from sixfold import __version__

        print(f"sixfold {__version__}")
        return 0
    if arguments in ([], ["--help"], ["-h"], ["help"]):
        from pathlib import Path

        print(Path(__file__).with_name("interfaces").joinpath("cli", "help.txt").read_text(encoding="utf-8"), end="")
        return 0
    if arguments[0] == "build" and not {"-h", "--help"} & set(arguments):
        # The engine takes seconds to import; the person must see at once that work began.
        print("sixfold: reading the request", file=sys.stderr, flush=True)
    from sixfold.interfaces.cli.app import run

    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
