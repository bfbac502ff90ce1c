"""Sloppy and hostile edits: how many land in the wrong place, and how many of the clear ones land at all.

Every case is a file, what a model answered, and the one right result (None = no result is right: it must be refused).
The corpus is generated here: five texts times the ways in which models get edits wrong. aider's appliers get the same
corpus, when `--aider-python PYTHON` (or `SIXFOLD_AIDER_PYTHON`) names an interpreter that can import aider:

    uv venv /tmp/aider && uv pip install --python /tmp/aider/bin/python aider-chat
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sixfold.domain.replies import Unreadable
from sixfold.layers.refinement.git import GitRepository
from sixfold.layers.synthesis.apply import Applied, apply
from sixfold.layers.synthesis.formats import BLOCKS

PYTHON = """\
import os


class Store:
    def __init__(self, path):
        self.path = path
        self.items = {}

    def add(self, key, value):
        if key in self.items:
            raise KeyError(key)
        self.items[key] = value
        return value

    def remove(self, key):
        if key not in self.items:
            raise KeyError(key)
        return self.items.pop(key)


def main():
    store = Store(os.environ["STORE"])
    store.add("a", 1)
    return 0
"""
SCRIPT = """\
export function total(items) {
\tlet sum = 0;
\tfor (const item of items) {
\t\tsum += item.price;
\t}
\treturn sum;
}

export function count(items) {
\tlet sum = 0;
\tfor (const item of items) {
\t\tsum += item.amount;
\t}
\treturn sum;
}
"""
PAGE = """\
<ul>
  <li>\u201cOne\u201d \u2013 first</li>
  <li>Two</li>
  <li>Three</li>
</ul>
<p>caf\u00e9</p>
"""
SETTINGS = '{\n  "name": "demo",\n  "limit": 10,\n  "nested": {\n    "limit": 20\n  }\n}\n'
TABLE = "".join(f"row {number}: value {number * 7 % 13}\n" for number in range(120))


@dataclass(frozen=True)
class Case:
    """One answer to one file."""

    name: str
    kind: str
    """`exact`, `sloppy` (clear to a person, not literal) or `hostile` (must be refused)."""
    path: str
    before: bytes
    edits: tuple[tuple[str, str], ...] = ()
    """Search and replacement of each block; empty for a whole file."""
    whole: str | None = None
    right: bytes | None = None
    answer: str = ""
    """The answer as written, when it is not simply made from `edits` or `whole`."""
    peer: bool = True
    """Whether aider's appliers can be given the same task (path rules are not theirs)."""

    @property
    def text(self) -> str:
        """What the model answered."""
        if self.answer:
            return self.answer
        if self.whole is not None:
            return f'<file path="{self.path}">\n{self.whole}</file>\n'
        blocks = "".join(
            f"<<<<<<< SEARCH\n{search}=======\n{content}>>>>>>> REPLACE\n" for search, content in self.edits
        )
        return f'<edit path="{self.path}">\n{blocks}</edit>\n'


TARGETS = (
    ("store.py", PYTHON, "        self.items[key] = value\n        return value\n", "        self.items[key] = str(value)\n        return value\n"),  # noqa: E501
    ("store.py", PYTHON, '    store.add("a", 1)\n    return 0\n', '    store.add("a", 2)\n    return 0\n'),
    ("total.js", SCRIPT, "\t\tsum += item.price;\n\t}\n", "\t\tsum += item.price * 2;\n\t}\n"),
    ("page.html", PAGE, "  <li>Two</li>\n  <li>Three</li>\n", "  <li>Two</li>\n  <li>Four</li>\n"),
    ("demo.json", SETTINGS, '  "limit": 10,\n  "nested": {\n', '  "limit": 11,\n  "nested": {\n'),
)  # fmt: skip


def cases() -> Iterator[Case]:
    """The corpus."""
    for number, (path, text, search, content) in enumerate(TARGETS):
        yield from _variants(f"{path}#{number}", path, text, search, content)
    yield from _wrong_places()
    yield from _losses()
    yield from _paths()


def _variants(name: str, path: str, text: str, search: str, content: str) -> Iterator[Case]:
    """One right edit, written in all the ways models write it."""
    before, right = text.encode(), text.replace(search, content).encode()

    def sloppy(how: str, one: str, other: str, was: bytes = before, then: bytes | None = right) -> Case:
        return Case(f"{name}: {how}", "sloppy", path, was, ((one, other),), right=then)

    yield Case(f"{name}: exact", "exact", path, before, ((search, content),), right=right)
    dos = text.replace("\n", "\r\n").encode(), text.replace(search, content).replace("\n", "\r\n").encode()
    yield sloppy("CRLF file, LF answer", search, content, *dos)
    yield sloppy("byte order mark", search, content, b"\xef\xbb\xbf" + before, b"\xef\xbb\xbf" + right)
    yield sloppy("trailing blanks in the search", search.replace("\n", "  \n", 1), content)
    padded = text.replace(search, search.replace("\n", " \n")).encode()
    changed = _keeping(search, content, " ")
    yield sloppy("trailing blanks in the file", search, content, padded, text.replace(search, changed).encode())
    indent = min(len(line) - len(line.lstrip()) for line in search.splitlines())
    bare = "".join(line[indent:] + "\n" for line in search.splitlines())
    bare_content = "".join(line[indent:] + "\n" for line in content.splitlines())
    yield sloppy("indentation left out", bare, bare_content)
    deeper = "".join("    " + line + "\n" for line in search.splitlines())
    yield sloppy("indented too far", deeper, "".join("    " + line + "\n" for line in content.splitlines()))
    yield sloppy("blank lines around", f"\n{search}\n", f"\n{content}\n")
    tabs = "\t" in search
    other = [each.replace("\t", "    ") if tabs else each.replace("    ", "\t") for each in (search, content)]
    yield sloppy("tabs and blanks exchanged", *other)
    yield sloppy("first line's indentation cut", search.lstrip(), content.lstrip())
    yield sloppy("blank line inside", search.replace("\n", "\n\n", 1), content)
    escaped = [each.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;") for each in (search, content)]
    yield sloppy("escaped as in HTML", *escaped)
    block = f"<<<<<<< SEARCH\n{search}=======\n{content}>>>>>>> REPLACE\n"
    fenced = f'```\n<edit path="{path}">\n```text\n{block}```\n</edit>\n```\n'
    yield Case(
        f"{name}: fences inside and outside", "sloppy", path, before, ((search, content),), right=right, answer=fenced
    )
    spoiled = search.replace("item", "entry").replace("value", "val").replace("Two", "Deux").replace("limit", "max")
    spoiled = spoiled.replace('"a"', '"b"')
    yield Case(f"{name}: stale text", "hostile", path, before, ((spoiled, content),))
    twice = (text + text).encode()
    if not path.endswith(".json"):
        yield Case(f"{name}: two places", "hostile", path, twice, ((search, content),))
    ragged = "".join((" " * (3 * number) + line.lstrip()) + "\n" for number, line in enumerate(search.splitlines(), 1))
    yield Case(f"{name}: indentation nobody can carry over", "hostile", path, before, ((ragged, content.lstrip()),))


def _keeping(search: str, content: str, blanks: str) -> str:
    """The replacement, with the blanks kept on lines that did not change."""
    old = search.splitlines()
    return "".join(line + (blanks if line in old else "") + "\n" for line in content.splitlines())


def _wrong_places() -> Iterator[Case]:
    """Text that is almost, or also, somewhere else."""
    js, py, page = SCRIPT.encode(), PYTHON.encode(), PAGE.encode()
    for name, path, before, search, content in (
        ("same loop in two functions", "total.js", js, "\tlet sum = 0;\n", "\tlet sum = 1;\n"),
        ("same check in two methods", "store.py", py, "            raise KeyError(key)\n", "            return None\n"),
        ("end of a longer line", "store.py", py, "items.pop(key)\n", "items.pop(key, None)\n"),
        ("elided middle", "store.py", py, "    def add(self, key, value):\n...\n        return value\n", "    def add(self):\n        return 1\n"),  # noqa: E501
        ("similar but other row", "table.txt", TABLE.encode(), "row 500: value 3\n", "row 500: value 4\n"),
        ("plain quotes, line rewritten", "page.html", page, '  <li>"One" - first</li>\n', "  <li>Uno</li>\n"),
        ("empty search", "store.py", py, "", "import sys\n"),
        ("text from another file", "page.html", page, "def main():\n    pass\n", "def main():\n    return 1\n"),
        ("half of a block changed meanwhile", "store.py", py, "        if key in self.items:\n            raise ValueError(key)\n", "        pass\n"),  # noqa: E501
    ):  # fmt: skip
        yield Case(name, "hostile", path, before, ((search, content),))
    kept = page.replace(b"Two", b"Deux")
    quotes = ('  <li>"One" - first</li>\n  <li>Two</li>\n', '  <li>"One" - first</li>\n  <li>Deux</li>\n')
    yield Case("plain quotes, line kept", "sloppy", "page.html", page, (quotes,), right=kept)
    decomposed = ("<p>cafe\u0301</p>\n</main>\n", "<p>cafe\u0301</p>\n<hr>\n</main>\n")
    before = page + b"</main>\n"
    right = page + b"<hr>\n</main>\n"
    yield Case("accents written apart, line kept", "sloppy", "page.html", before, (decomposed,), right=right)
    bare = b"a = 1\nb = 2"
    yield Case("no final newline", "sloppy", "x.py", bare, (("b = 2\n", "b = 3\n"),), right=b"a = 1\nb = 3")
    swap = (("a = 1\n", "b = 2\n"), ("b = 2\n", "a = 1\n"))
    yield Case("two lines swapped", "exact", "x.py", b"a = 1\nb = 2\n", swap, right=b"b = 2\na = 1\n")


def _losses() -> Iterator[Case]:
    """Answers that would lose text or leave it broken."""
    py, table = PYTHON.encode(), TABLE.encode()
    for name, path, before, whole in (
        ("whole file cut after a few lines", "table.txt", table, TABLE[:200] + "\n"),
        ("whole file emptied", "table.txt", table, ""),
        ("rest unchanged", "store.py", py, "import os\nimport sys\n\n# ... rest of the file unchanged ...\n"),
        ("existing code here", "total.js", SCRIPT.encode(), SCRIPT.replace("\t\tsum += item.price;\n", "\t\t// ... existing code ...\n")),  # noqa: E501
        ("not Python any more", "store.py", py, PYTHON.replace("def main():", "def main(:")),
        ("not JSON any more", "demo.json", SETTINGS.encode(), SETTINGS.replace("10,", "10")),
        ("not UTF-8 before", "latin.txt", b"caf\xe9\n", "caf\u00e9\n"),
    ):  # fmt: skip
        yield Case(name, "hostile", path, before, whole=whole)
    gone = (("".join(f"row {number}: value {number * 7 % 13}\n" for number in range(10, 110)), ""),)
    yield Case("block deletes most of a file", "hostile", "table.txt", table, gone)
    conflict = '<edit path="a.txt">\n<<<<<<< SEARCH\na\n=======\nb\n=======\nc\n>>>>>>> REPLACE\n</edit>\n'
    yield Case("two dividers", "hostile", "a.txt", b"a\n=======\nb\n", answer=conflict, peer=False)
    tag = '<file path="t.html">\n<file>\n</file>\n<p>\n</file>\n'
    yield Case("closing tag inside content", "hostile", "t.html", b"<p>\n", answer=tag, peer=False)
    cut = f'<file path="store.py">\n{PYTHON[:80]}'
    yield Case("answer cut off", "hostile", "store.py", py, answer=cut, peer=False)


def _paths() -> Iterator[Case]:
    """Names that lead elsewhere."""
    for path in (
        *("../out.txt", "/etc/cron.d/x", ".git/hooks/pre-commit", ".GIT/config", "sub/.git/config", "git~1/config"),
        *("a\\..\\b", "C:/x", "a/./b", ".github/workflows/ci.yml", "KEEP.txt", "keep.txt/x", ".git\u200c/config"),
        *("x\u0085y", "nul \u0000"),
    ):
        yield Case(f"path {path!r}", "hostile", path, b"", whole="text\n", peer=False)


def ours(case: Case) -> bytes | str | None:
    """The file's bytes after our applier, None when it refuses, `elsewhere` when another file changed."""
    with tempfile.TemporaryDirectory() as folder:
        repository = GitRepository(Path(folder) / "repository", Path(folder) / "blobs")
        files = {"keep.txt": b"keep\n", **({case.path: case.before} if case.before else {})}
        tree = repository.write(repository.empty(), files)
        try:
            outcome = apply(repository, tree, BLOCKS.parse(case.text))
        except Unreadable:
            return None
        if not isinstance(outcome, Applied):
            return None
        if set(outcome.files) != {case.path}:
            return "elsewhere"
        return repository.read(outcome.tree, case.path)


_PEER = """
import json, sys
from aider.coders.editblock_coder import do_replace
results = []
for case in json.load(sys.stdin):
    text = case["before"]
    try:
        if case["whole"] is not None:
            text = case["whole"]
        for search, content in case["edits"]:
            text = do_replace(case["path"], text, search, content, ("```", "```"))
            if text is None:
                break
    except Exception:  # any error of the peer counts as a refusal
        text = None
    results.append(text)
json.dump(results, sys.stdout)
"""


def aider(python: str, corpus: list[Case]) -> list[bytes | None]:
    """What aider's appliers make of the corpus, in an interpreter of its own.

    aider reads and writes files as text, so line ends and byte order marks are translated as its own file access does.
    """
    with tempfile.TemporaryDirectory() as folder:
        tasks: list[dict[str, object]] = []
        for number, case in enumerate(corpus):
            path = Path(folder) / str(number) / Path(case.path).name
            path.parent.mkdir()
            path.write_bytes(case.before)
            text = case.before.decode(errors="replace").replace("\r\n", "\n")
            tasks.append({"path": str(path), "before": text, "edits": case.edits, "whole": case.whole})
        done = subprocess.run(
            [python, "-c", _PEER], input=json.dumps(tasks), capture_output=True, text=True, cwd=folder, check=True
        )
    return [None if text is None else text.encode() for text in json.loads(done.stdout)]


def _peer_equal(found: bytes | None, right: bytes | None) -> bool:
    """Equality that forgives the peer line ends: those belong to its file access, not to its applier."""
    return found is not None and right is not None and found.replace(b"\r\n", b"\n") == right.replace(b"\r\n", b"\n")


def measure(aider_python: str) -> dict[str, object]:
    """All figures."""
    corpus = list(cases())
    found = [ours(case) for case in corpus]
    results = list(zip(corpus, found, strict=True))
    wrong = [case.name for case, got in results if got is not None and (case.right is None or got != case.right)]
    sloppy = [got == case.right for case, got in results if case.kind == "sloppy"]
    exact = [got == case.right for case, got in results if case.kind == "exact"]
    missed = [case.name for case, got in results if case.right is not None and got is None]
    figures: dict[str, object] = {
        "cases": len(corpus),
        "hostile": sum(case.kind == "hostile" for case in corpus),
        "wrong_applications": len(wrong),
        "wrong": wrong,
        "sloppy_applied_share": round(sum(sloppy) / len(sloppy), 3),
        "exact_applied_share": round(sum(exact) / len(exact), 3),
        "refused_although_clear": missed,
        "aider_cases": None,
        "aider_wrong": None,
        "aider_sloppy_applied_share": None,
        "aider_hint": "uv venv /tmp/aider && uv pip install --python /tmp/aider/bin/python aider-chat; --aider-python",
    }
    if aider_python:
        shared = [case for case in corpus if case.peer]
        theirs = aider(aider_python, shared)
        pairs = list(zip(shared, theirs, strict=True))
        sloppy = [_peer_equal(got, case.right) for case, got in pairs if case.kind == "sloppy"]
        figures |= {
            "aider_cases": len(shared),
            "aider_wrong": sum(got is not None and not _peer_equal(got, case.right) for case, got in pairs),
            "aider_wrong_cases": [c.name for c, got in pairs if got is not None and not _peer_equal(got, c.right)],
            "aider_sloppy_applied_share": round(sum(sloppy) / len(sloppy), 3),
            "aider_hint": None,
        }
    return figures


def main() -> None:
    """Print the figures as one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="accepted for uniformity; the output is always JSON")
    parser.add_argument("--aider-python", default=os.environ.get("SIXFOLD_AIDER_PYTHON", ""))
    arguments = parser.parse_args()
    json.dump(measure(arguments.aider_python), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
