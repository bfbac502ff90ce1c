"""Line coverage of the product's own tests in Cobertura's XML (the DTD coverage-04), as CI services read it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from sixfold.domain.errors import UsageError
from sixfold.domain.evidence import FileCoverage
from sixfold.domain.view import RunView
from sixfold.interfaces.coverage import measured, totals
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
