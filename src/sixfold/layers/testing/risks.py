"""What in an increment needs a person's eyes before it is committed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from sixfold.domain import syntax
from sixfold.domain.code import Risk
from sixfold.domain.data import Tree
from sixfold.domain.evidence import Finding, TestReport
from sixfold.domain.ports import Repository
from sixfold.layers.testing.dependencies import declared
from sixfold.layers.testing.scanners.files import is_test

LARGE_LINES = 300
"""Changed lines without tests; reviewers lose faults beyond 200 to 400 (SmartBear and Cisco study, 2006)."""
POWERS = (
    (
        "process",
        re.compile(r"\b(subprocess\.\w+|os\.system|os\.popen|os\.exec\w+|os\.spawn\w+|create_subprocess_\w+)\s*\("),
    ),
    (
        "network",
        re.compile(
            r"\b(socket\.socket|urlopen|requests\.\w+|httpx\.\w+|http\.client\.\w+|HTTPServer|smtplib\.\w+|ftplib\.\w+)\b"
        ),
    ),
    ("files", re.compile(r"\b(shutil\.rmtree|os\.remove|os\.unlink|os\.rename|os\.chmod|\.unlink|\.rmdir)\s*\(")),
)
SCRIPT_POWERS = (
    (
        "process",
        re.compile(r"""child_process|\beval\s*\(|\bnew\s+Function\s*\(|\.innerHTML\s*=|dangerouslySetInnerHTML"""),
    ),
    (
        "network",
        re.compile(
            r"""\bfetch\s*\(|XMLHttpRequest|\bnew\s+WebSocket\b|from\s+['"](?:node:)?(?:https?|net|dgram)['"]"""
        ),
    ),
    ("files", re.compile(r"""\b(?:rm|rmSync|unlink|unlinkSync|rename|renameSync|chmod|chmodSync)\s*\(""")),
)
"""The same for JavaScript and TypeScript; text that becomes code or markup counts with processes."""
SCRIPTS = (".js", ".mjs", ".cjs", ".jsx", ".ts", ".tsx", ".mts", ".vue", ".svelte")


def risks(
    repository: Repository,
    base: Tree,
    tree: Tree,
    findings: Sequence[Finding] = (),
    reports: Sequence[TestReport] = (),
) -> tuple[Risk, ...]:
    """Flags for the change `base` → `tree`, most serious kind first.

    Args:
        repository: where both trees are read from.
        base: tree before the change.
        tree: tree after it.
        findings: of the scanners on `tree`; those in the baseline are no risk of this change.
        reports: test runs on `tree`; without any, the change counts as untested.
    """
    found = [
        Risk(kind="security", path=one.path, line=one.line, text=one.message)
        for one in findings
        if one.severity == "error" and not one.baseline
    ]
    stats = repository.changes(base, tree)
    named = _named_in_tests(repository, tree)
    size = 0
    for stat in stats:
        old, new = repository.read(base, stat.path), repository.read(tree, stat.path)
        if not is_test(stat.path):
            size += stat.added + stat.removed
        if stat.status == "deleted":
            kind = "test file" if is_test(stat.path) else "file"
            found.append(Risk(kind="deletion", path=stat.path, text=f"{kind} deleted ({stat.removed} lines)"))
        elif stat.removed > 50 and stat.removed > 3 * stat.added:
            found.append(Risk(kind="deletion", path=stat.path, text=f"{stat.removed} lines deleted"))
        if stat.path.endswith(".py") and not stat.binary:
            found += _powers(stat.path, old, new, POWERS)
            found += _interface(stat.path, old, new)
            found += _unnamed(stat.path, old, new, named)
        elif stat.path.endswith(SCRIPTS) and not stat.binary:
            found += _powers(stat.path, old, new, SCRIPT_POWERS)
        found += _dependencies(stat.path, old, new)
    if size > LARGE_LINES:
        found.append(Risk(kind="size", text=f"{size} changed lines without tests; review in parts"))
    bad = [case.id for report in reports for case in report.cases if case.outcome in ("failed", "error")]
    problems = [report.problem for report in reports if report.problem]
    if bad or problems:
        found.append(Risk(kind="failing", text="; ".join([*problems, *bad][:3])))
    elif stats and not any(report.green for report in reports):
        found.append(Risk(kind="untested", text="no test ran on this change"))
    order = (
        "security",
        "failing",
        "dependency",
        "interface",
        "deletion",
        "process",
        "network",
        "files",
        "size",
        "untested",
    )
    return tuple(sorted(dict.fromkeys(found), key=lambda risk: (order.index(risk.kind), risk.path, risk.line)))


def _named_in_tests(repository: Repository, tree: Tree) -> set[str]:
    """Every word that stands in a test file of the tree."""
    words: set[str] = set()
    for file in repository.files(tree):
        if is_test(file.path) and file.size_bytes < 1 << 20:
            words |= set(re.findall(r"\w+", (repository.read(tree, file.path) or b"").decode(errors="replace")))
    return words


def _unnamed(path: str, old: bytes | None, new: bytes | None, named: set[str]) -> Iterator[Risk]:
    """Public functions that are new or changed their signature and that no test names: they are weakly tested."""
    if is_test(path) or not named:
        return
    before = _public(old or b"")
    for name, (signature, line) in _public(new or b"").items():
        changed = name not in before or before[name][0] != signature
        if signature and changed and name.rpartition(".")[2] not in named:
            yield Risk(kind="untested", path=path, line=line, text=f"no test names {name}")


def _powers(
    path: str, old: bytes | None, new: bytes | None, powers: Sequence[tuple[str, re.Pattern[str]]]
) -> Iterator[Risk]:
    if is_test(path):
        return
    before = {line.strip() for line in (old or b"").decode(errors="replace").splitlines()}
    for number, line in enumerate((new or b"").decode(errors="replace").splitlines(), 1):
        if line.strip() in before or line.lstrip().startswith(("#", "//")):
            continue
        for kind, pattern in powers:
            if pattern.search(line):
                yield Risk(kind=kind, path=path, line=number, text=line.strip()[:160])  # type: ignore[arg-type]


def _interface(path: str, old: bytes | None, new: bytes | None) -> Iterator[Risk]:
    if old is None or is_test(path):
        return
    before, after = _public(old), _public(new or b"")
    for name, (signature, _) in before.items():
        if name not in after:
            yield Risk(kind="interface", path=path, text=f"public {name} removed")
        elif after[name][0] != signature:
            text = f"public {name}{signature} became {name}{after[name][0]}"
            yield Risk(kind="interface", path=path, line=after[name][1], text=text[:200])


def _public(content: bytes) -> dict[str, tuple[str, int]]:
    try:
        tree = syntax.parse(content)
    except (SyntaxError, ValueError, RecursionError):
        return {}
    found: dict[str, tuple[str, int]] = {}
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            found[node.name] = ("", node.lineno)
            for part in node.body:
                if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)) and not part.name.startswith("_"):
                    found[f"{node.name}.{part.name}"] = (f"({ast.unparse(part.args)})", part.lineno)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and not node.name.startswith("_"):
            found[node.name] = (f"({ast.unparse(node.args)})", node.lineno)
    return found


def _dependencies(path: str, old: bytes | None, new: bytes | None) -> Iterator[Risk]:
    before, after = declared({path: old or b""}), declared({path: new or b""})
    for name, (_, line) in after.items():
        if name not in before:
            yield Risk(kind="dependency", path=path, line=line, text=f"new dependency {name}")
