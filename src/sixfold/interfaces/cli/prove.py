"""`replay` and `export`: evidence for people and programs that were not there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from sixfold.domain.errors import StorageError, UsageError
from sixfold.domain.view import RunView
from sixfold.interfaces.cli import session
from sixfold.interfaces.cli.choices import Format
from sixfold.interfaces.cli.engine import load_engine
from sixfold.interfaces.cli.finish import finish
from sixfold.interfaces.cli.progress import choose_progress
from sixfold.interfaces.cli.session import JsonOption, LastOption, RunArgument, Session
from sixfold.interfaces.cli.terminal import put, say
from sixfold.interfaces.escape import one_line
from sixfold.interfaces.export import audit, coverage, junit, kiro, matrix, sarif, sbom, slsa, spec_kit, summary
from sixfold.interfaces.runs import read_blob


def replay(
    run: RunArgument = None,
    last: LastOption = False,
    workers: Annotated[int, typer.Option("--workers", min=0, help="Steps at once; changes nothing but time.")] = 0,
    as_json: JsonOption = False,
) -> int:
    """Run again from the recorded answers, offline; exit 6 when anything differs."""
    open_session = Session()
    name = open_session.state.resolve(None if last else run)
    say(f"sixfold: replaying {name}")
    engine = load_engine()
    with choose_progress(RunView(run=name)) as progress:
        fresh, code = engine.replay(
            open_session.settings, name, listener=progress, debug=session.debug(), workers=workers
        )
    return finish(open_session, None, fresh, code, as_json=as_json)


def export(
    run: RunArgument = None,
    format: Annotated[Format, typer.Option("--format", "-f", help="What to write.")] = Format.HTML,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="PATH", help="File (a folder for spec-kit and kiro). Default: stdout."),
    ] = None,
    last: LastOption = False,
) -> int:
    """Write a run as a report page, test report, findings, audit trail or specification."""
    open_session = Session()
    view = open_session.view(run, last)
    folders = {Format.SPEC_KIT: spec_kit.files, Format.KIRO: kiro.files}
    if format in folders:
        if output is None:
            raise UsageError(f"{format.value} writes several files", next="add -o FOLDER")
        return _write_all(output, folders[format](view))
    makers: dict[Format, Callable[[], str]] = {
        Format.HTML: lambda: _page(open_session, view),
        Format.JUNIT: lambda: junit.document(view),
        Format.SARIF: lambda: sarif.document(view),
        Format.SBOM: lambda: sbom.document(view),
        Format.PROVENANCE: lambda: slsa.document(view),
        Format.MATRIX: lambda: matrix.document(view),
        Format.SUMMARY: lambda: summary.document(view),
        Format.COVERAGE: lambda: coverage.document(view),
        Format.AUDIT: lambda: audit.document(view, open_session.state.log(view.run).read()),
    }
    text = makers[format]()
    if output is None:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        return 0
    return _write_all(output.parent, {output.name: text})


def _page(open_session: Session, view: RunView) -> str:
    from sixfold.interfaces.report import render  # the page's modules are only needed for a page

    return render(view, lambda digest: read_blob(open_session.state, view.run, digest))


def _write_all(folder: Path, files: dict[str, str]) -> int:
    for name, text in files.items():
        path = folder / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError as error:
            raise StorageError(
                f"cannot write {path}", why=str(error.strerror or error), next="give -o a writable place"
            ) from error
        put(one_line(str(path)))
    return 0
