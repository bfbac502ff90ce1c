"""The index finds what a programmer would open, the same on every machine, and reads each blob once."""

from __future__ import annotations

import hashlib

import pytest

from sixfold.domain.data import Tree
from sixfold.domain.ports import FileEntry
from sixfold.layers.planning.retrieval.imports import import_graph
from sixfold.layers.planning.retrieval.index import RepositoryIndex
from sixfold.layers.planning.retrieval.ranking import Bm25, pagerank, words
from sixfold.layers.planning.retrieval.symbols import file_facts

ONE, TWO = Tree("1" * 40), Tree("2" * 40)


class Trees:
    def __init__(self, **trees: dict[str, str]) -> None:
        self.trees = trees
        self.reads: list[str] = []

    def files(self, tree: Tree) -> tuple[FileEntry, ...]:
        return tuple(
            FileEntry(path=path, mode="100644", digest=hashlib.sha1(text.encode()).hexdigest(), size_bytes=len(text))
            for path, text in sorted(self._tree(tree).items())
        )

    def read(self, tree: Tree, path: str) -> bytes | None:
        self.reads.append(path)
        text = self._tree(tree).get(path)
        return None if text is None else text.encode()

    def _tree(self, tree: Tree) -> dict[str, str]:
        return self.trees["one" if tree == ONE else "two"]


SHOP = {
    "shop/__init__.py": "",
    "shop/cart.py": (
        "from shop.money import split_evenly\n\n\nclass Cart:\n    def total(self) -> int:\n        return 0\n\n"
        "    def share_out(self, people: int) -> list[int]:\n        return split_evenly(self.total(), people)\n"
    ),
    "shop/money.py": (
        "def split_evenly(cents: int, ways: int) -> list[int]:\n"
        '    """Left-over cents go to the first."""\n    return []\n\n\n'
        "def parse_amount(text: str) -> int:\n    return 0\n"
    ),
    "shop/mail.py": "def send_reminder(address: str) -> None:\n    pass\n",
    "web/app.ts": "import { api } from './api';\nexport function renderCart(): void {}\n",
    "web/api.ts": "export const api = (path: string) => fetch(path);\n",
    "README.md": "# Shop\n\nReminders are mailed at night.\n",
}


def test_words_splits_camel_and_snake_and_keeps_the_whole() -> None:
    assert words("parseHTTPReply snake_case2 Stores") == [
        *("parse", "http", "reply", "parsehttpreply"),
        *("snake", "case", "2", "snake_case2")[:2],
        "snake_case2",
        "store",
    ]


def test_definition_that_is_named_comes_first_with_its_reason() -> None:
    found = RepositoryIndex(Trees(one=SHOP)).search(ONE, "what does split_evenly do?", most_chars=4_000)  # type: ignore[arg-type]
    assert (found[0].path, found[0].why) == ("shop/money.py", "names split_evenly")
    assert found[0].text.startswith("def split_evenly")
    assert found[0].start_line == 1


def test_prose_and_code_are_found_by_their_words() -> None:
    found = RepositoryIndex(Trees(one=SHOP)).search(ONE, "reminders by mail", most_chars=4_000)  # type: ignore[arg-type]
    assert {passage.path for passage in found[:2]} == {"shop/mail.py", "README.md"}


def test_what_a_seed_imports_is_found_without_a_common_word() -> None:
    index = RepositoryIndex(Trees(one=SHOP))  # type: ignore[arg-type]
    found = index.search(ONE, "zzz", most_chars=4_000, seeds=("shop/cart.py",))
    assert ("shop/money.py", "imported by a file of the task") in {(item.path, item.why) for item in found}
    assert "shop/mail.py" not in {item.path for item in found}


def test_search_keeps_its_size_and_unknown_seeds_do_no_harm() -> None:
    index = RepositoryIndex(Trees(one=SHOP))  # type: ignore[arg-type]
    found = index.search(ONE, "cart money mail reminder", most_chars=120, seeds=("gone.py",))
    assert found
    assert sum(len(item.text) for item in found) <= 120


def test_overview_names_files_and_the_definitions_most_depended_on() -> None:
    text = RepositoryIndex(Trees(one=SHOP)).overview(ONE, most_chars=4_000)  # type: ignore[arg-type]
    assert "shop/cart.py (9 lines)" in text
    assert text.index("shop/money.py:\n") < text.index("shop/mail.py:\n")
    assert "    def total(self) -> int" in text


def test_overview_of_a_large_tree_counts_folders_instead_of_cutting() -> None:
    many = {f"pkg{place % 7}/m{place}.py": f"def f{place}(): ...\n" for place in range(700)}
    text = RepositoryIndex(Trees(one=many)).overview(ONE, most_chars=1_000)  # type: ignore[arg-type]
    assert len(text) <= 1_000
    assert "pkg0/ (100 files, 100 lines)" in text


def test_two_indexes_of_equal_trees_say_the_same() -> None:
    one = RepositoryIndex(Trees(one=SHOP))  # type: ignore[arg-type]
    two = RepositoryIndex(Trees(one=dict(reversed(SHOP.items()))))  # type: ignore[arg-type]
    assert one.overview(ONE, most_chars=900) == two.overview(ONE, most_chars=900)
    assert one.search(ONE, "cart total", most_chars=900) == two.search(ONE, "cart total", most_chars=900)


def test_only_changed_blobs_are_read_for_the_next_tree() -> None:
    repository = Trees(one=SHOP, two={**SHOP, "shop/mail.py": "def send_letter() -> None: ...\n"})
    index = RepositoryIndex(repository)  # type: ignore[arg-type]
    index.overview(ONE, most_chars=900)
    repository.reads.clear()
    assert "send_letter" in index.overview(TWO, most_chars=4_000)
    assert repository.reads == ["shop/mail.py"]


def test_empty_tree_has_an_empty_overview() -> None:
    index = RepositoryIndex(Trees(one={}))  # type: ignore[arg-type]
    assert index.overview(ONE, most_chars=900) == ""
    assert index.search(ONE, "anything", most_chars=900) == ()


def test_imports_are_resolved_in_source_roots_relative_and_in_scripts() -> None:
    files = {
        "src/pkg/__init__.py": "",
        "src/pkg/a.py": "from . import b\nfrom .sub import c\nimport pkg.d\nimport os\n",
        "src/pkg/b.py": "",
        "src/pkg/d.py": "",
        "src/pkg/sub/__init__.py": "",
        "src/pkg/sub/c.py": "from ..b import x\n",
        "web/a.ts": "import x from './b'; const y = require('../lib'); import 'react';\n",
        "web/b.tsx": "",
        "lib/index.js": "",
    }
    graph = import_graph({path: file_facts(path, text).imports for path, text in files.items()})
    assert graph["src/pkg/a.py"] == (
        "src/pkg/__init__.py",
        "src/pkg/b.py",
        "src/pkg/d.py",
        "src/pkg/sub/__init__.py",
        "src/pkg/sub/c.py",
    )
    assert graph["src/pkg/sub/c.py"] == ("src/pkg/b.py",)
    assert graph["web/a.ts"] == ("lib/index.js", "web/b.tsx")


def test_head_of_a_definition_stands_as_in_the_source() -> None:
    text = (
        "@cached\nasync def fetch(\n    url: str,  # where\n    timeout_s: float = 1.0,\n) -> bytes:\n    return 0\n\n"
        "class Größe(Base, kind='x'): pass\n"
    )
    symbols = file_facts("a.py", text).symbols
    assert symbols[0].signature == "async def fetch(url: str, timeout_s: float = 1.0) -> bytes"
    assert (symbols[0].start_line, symbols[0].end_line) == (1, 6)
    assert symbols[1].signature == "class Größe(Base, kind='x')"


@pytest.mark.parametrize("text", ["def broken(:\n", "x = (" * 300, "\x0c\n", "", "a\n" * 3])
def test_every_line_of_any_file_lies_in_exactly_one_block(text: str) -> None:
    facts = file_facts("a.py", text)
    covered = [line for block in facts.blocks for line in range(block.start_line, block.end_line + 1)]
    assert covered == list(range(1, facts.lines + 1))


@pytest.mark.parametrize(
    ("path", "text", "name"),
    [
        ("a.ts", "export default async function load(x: number) {\n}\n", "load"),
        ("a.js", "const add = (a, b) => a + b;\n", "add"),
        ("a.go", "func (s *Store) Add(x int) error {\n}\n", "Add"),
        ("a.rs", "pub(crate) async fn run() {}\n", "run"),
        ("A.java", "public final class Shop {\n}\n", "Shop"),
    ],
)
def test_definitions_of_other_languages_are_found(path: str, text: str, name: str) -> None:
    assert [symbol.name for symbol in file_facts(path, text).symbols] == [name]


def test_rare_words_weigh_more_than_common_ones() -> None:
    index = Bm25([{"store": 1, "purge": 1}, {"store": 1}, {"store": 1}])
    scores = index.scores(["store", "purge"])
    assert max(scores, key=lambda place: scores[place]) == 0
    assert index.scores(["absent"]) == {}


def test_pagerank_sums_to_one_and_favours_what_is_pointed_to_and_near_the_start() -> None:
    edges = {"a": ("hub",), "b": ("hub",), "hub": (), "far": ("gone",)}
    rank = pagerank(edges)
    assert sum(rank.values()) == pytest.approx(1.0)
    assert max(rank, key=lambda node: rank[node]) == "hub"
    assert pagerank(edges, start={"far": 1.0})["far"] > 0.9
    assert pagerank({}) == {}
