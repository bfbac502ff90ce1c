"""Line coverage of the product's own tests in Cobertura's XML (the DTD coverage-04), as CI services read it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sixfold.domain.errors import UsageError
from sixfold.domain.evidence import FileCoverage
from sixfold.domain.view import RunView
from sixfold.interfaces.escape import visible


def document(view: RunView) -> str:
    """One `class` a file, one `package` a folder. Lines run by processes that tests start are not counted.

    Raises:
        UsageError: no run of the product's own tests measured it.
    """
    files = measured(view)
    if not files:
        raise UsageError(f"{view.run or 'the run'} has no coverage", next=f"sixfold show {view.run or 'RUN'}")
    root = Element("coverage", version=view.version or "0", timestamp=str(_milliseconds(view.last_at)))
    ran, lines = totals(files)
    root.attrib |= {"lines-covered": str(ran), "lines-valid": str(lines), "line-rate": _rate(files)}
    root.attrib |= {"branches-covered": "0", "branches-valid": "0", "branch-rate": "0", "complexity": "0"}
    SubElement(SubElement(root, "sources"), "source").text = "."
    packages = SubElement(root, "packages")
    folders: dict[str, list[FileCoverage]] = {}
    for file in files:
        folders.setdefault(file.path.rpartition("/")[0], []).append(file)
    for folder, inside in sorted(folders.items()):
        name = visible(folder.replace("/", ".")) or "."
        package = SubElement(packages, "package", name=name)
        package.attrib |= {"line-rate": _rate(inside), "branch-rate": "0", "complexity": "0"}
        classes = SubElement(package, "classes")
        for file in inside:
            _class(classes, file)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def measured(view: RunView) -> tuple[FileCoverage, ...]:
    """Files of the last run of the product's own tests that measured anything."""
    found = [report.coverage for report in view.reports() if report.coverage]
    return found[-1] if found else ()


def totals(files: Iterable[FileCoverage]) -> tuple[int, int]:
    """Lines run, and lines there are."""
    files = tuple(files)
    return sum(len(file.ran) for file in files), sum(len(file.ran) + len(file.missed) for file in files)


def spans(lines: Iterable[int]) -> str:
    """`3, 7-9` for 3, 7, 8 and 9."""
    runs: list[list[int]] = []
    for line in lines:
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _class(classes: Element, file: FileCoverage) -> None:
    name = visible(file.path)
    one = SubElement(classes, "class", name=name.rpartition("/")[2], filename=name)
    one.attrib |= {"line-rate": _rate([file]), "branch-rate": "0", "complexity": "0"}
    SubElement(one, "methods")
    lines = SubElement(one, "lines")
    ran = set(file.ran)
    for number in sorted((*file.ran, *file.missed)):
        SubElement(lines, "line", number=str(number), hits="1" if number in ran else "0")


def _rate(files: Iterable[FileCoverage]) -> str:
    ran, lines = totals(files)
    return f"{ran / lines:.4f}" if lines else "1"


def _milliseconds(at: str) -> int:
    try:
        return round(datetime.fromisoformat(at).timestamp() * 1000)
    except ValueError:
        return 0
