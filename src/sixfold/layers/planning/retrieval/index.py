"""The index of a repository: built per tree, from facts cached per blob."""

from __future__ import annotations

import re
from collections import Counter, OrderedDict
from collections.abc import Sequence

from sixfold.domain.data import Data, Tree
from sixfold.domain.ports import Passage, Repository
from sixfold.layers.planning.retrieval.imports import import_graph
from sixfold.layers.planning.retrieval.ranking import Bm25, pagerank, words
from sixfold.layers.planning.retrieval.symbols import Block, FileFacts, Symbol, file_facts
from sixfold.layers.planning.selection import readable_text, worth_reading

_TREES_KEPT = 4
_MOST_FILES = 20_000
_MOST_HITS = 60
_NAME = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*")


class _File(Data, frozen=True, kw_only=True):
    facts: FileFacts
    counts: tuple[dict[str, int], ...]
    """Word counts of each block."""


class _View:
    """Everything known of one tree."""

    def __init__(self, files: dict[str, _File]) -> None:
        self.files = files
        self.blocks = [(path, block) for path, file in files.items() for block in file.facts.blocks]
        named = [_with_path(counts, path) for path, file in files.items() for counts in file.counts]
        self.text = Bm25(named)
        self.by_name: dict[str, list[int]] = {}
        self.by_path: dict[str, list[int]] = {path: [] for path in files}
        for place, (path, block) in enumerate(self.blocks):
            self.by_path[path].append(place)
            for name in {block.name, block.name.rsplit(".", 1)[-1]} - {""}:
                self.by_name.setdefault(name, []).append(place)
        self.graph = import_graph({path: file.facts.imports for path, file in files.items()})
        self.importers: dict[str, list[str]] = {path: [] for path in files}
        for path, targets in self.graph.items():
            for target in targets:
                self.importers[target].append(path)
        self.both_ways = {path: (*targets, *self.importers[path]) for path, targets in self.graph.items()}
        self.rank = pagerank(self.graph)


class RepositoryIndex:
    """Retriever over the run's own repository. Binary, vendored, huge and secret-looking files do not exist for it."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._files: dict[tuple[str, str], _File | None] = {}
        self._views: OrderedDict[Tree, _View] = OrderedDict()

    def overview(self, tree: Tree, *, most_chars: int) -> str:
        """See `Retriever.overview`: paths with line counts, then definitions of the most imported files."""
        view = self._view(tree)
        if not view.files:
            return ""
        text = _listing(view, most_chars * 6 // 10)
        order = sorted(view.files, key=lambda path: (-view.rank[path], path))
        for path in order:
            part = _outline(path, view.files[path].facts.symbols)
            if part and len(text) + len(part) + 1 <= most_chars:
                text += "\n" + part
        return text

    def search(self, tree: Tree, query: str, *, most_chars: int, seeds: Sequence[str] = ()) -> tuple[Passage, ...]:
        """See `Retriever.search`."""
        view = self._view(tree)
        asked = words(query)
        scores, reasons = _scores(view, query, asked, tuple(seed for seed in seeds if seed in view.files))
        order = sorted(scores, key=lambda place: (-scores[place], place))[:_MOST_HITS]
        found: list[Passage] = []
        left = most_chars
        for place in order:
            path, block = view.blocks[place]
            text = self._lines(tree, path, block)
            if text.strip() and len(text) <= left:
                left -= len(text)
                why = reasons.get(place) or _why_text(view, place, asked)
                found.append(
                    Passage(path=path, start_line=block.start_line, end_line=block.end_line, text=text, why=why)
                )
        return tuple(found)

    def _view(self, tree: Tree) -> _View:
        if tree not in self._views:
            entries = [entry for entry in self._repository.files(tree) if worth_reading(entry)][:_MOST_FILES]
            files: dict[str, _File] = {}
            for entry in entries:
                # The suffix decides how a blob is read, so it is part of the name under which the facts are kept.
                key = (entry.digest, entry.path.rsplit(".", 1)[-1])
                if key not in self._files:
                    self._files[key] = _read(entry.path, readable_text(self._repository.read(tree, entry.path)))
                file = self._files[key]
                if file is not None:
                    files[entry.path] = file
            self._views[tree] = _View(files)
            while len(self._views) > _TREES_KEPT:
                self._views.popitem(last=False)
        self._views.move_to_end(tree)
        return self._views[tree]

    def _lines(self, tree: Tree, path: str, block: Block) -> str:
        text = readable_text(self._repository.read(tree, path)) or ""
        return "\n".join(text.split("\n")[block.start_line - 1 : block.end_line])


def _with_path(counts: dict[str, int], path: str) -> dict[str, int]:
    """A block's words and its path's: a query that names a folder or file finds what is in it."""
    whole = dict(counts)
    for word in words(path):
        whole[word] = whole.get(word, 0) + 1
    return whole


def _read(path: str, text: str | None) -> _File | None:
    if text is None:
        return None
    facts = file_facts(path, text)
    lines = text.split("\n")
    counts = tuple(
        dict(Counter(words("\n".join(lines[block.start_line - 1 : block.end_line])))) for block in facts.blocks
    )
    return _File(facts=facts, counts=counts)


def _scores(
    view: _View, query: str, asked: Sequence[str], seeds: tuple[str, ...]
) -> tuple[dict[int, float], dict[int, str]]:
    """Score by block number, and the reason where it is not the text: names, then nearness to the seeds."""
    scores = view.text.scores(asked)
    reasons: dict[int, str] = {}
    best = max(scores.values(), default=1.0)
    spoken = {match.group(0) for match in _NAME.finditer(query)}
    spoken |= {name.rsplit(".", 1)[-1] for name in spoken}
    start = {path: 1.0 for path in seeds}
    for place, score in scores.items():
        path = view.blocks[place][0]
        start[path] = max(start.get(path, 0.0), 0.5 * score / best)
    near = pagerank(view.both_ways, start=start) if start else {}
    nearest = max(near.values(), default=1.0) or 1.0
    named = sorted({place for name in spoken if _telling(name) for place in view.by_name.get(name, ())})
    for place in named:
        scores[place] = scores.get(place, 0.0) + best
        reasons[place] = f"names {view.blocks[place][1].name}"
    around = sorted({target for seed in seeds for target in view.graph[seed]} - set(seeds))
    for paths, share, reason in (
        (seeds, 0.05, "in a file of the task"),
        (around, 0.02, "imported by a file of the task"),
    ):
        for place in (place for path in paths for place in view.by_path[path] if place not in scores):
            scores[place], reasons[place] = share * best, reason
    for place in scores:
        scores[place] *= 0.6 + 0.4 * near.get(view.blocks[place][0], 0.0) / nearest
    return scores, reasons


def _telling(name: str) -> bool:
    """Whether a name is more than an everyday word that a query holds by chance."""
    last = name.rsplit(".", 1)[-1]
    return "_" in last.strip("_") or any(sign.isupper() for sign in last) or len(last) > 5


def _why_text(view: _View, place: int, asked: Sequence[str]) -> str:
    path, block = view.blocks[place]
    number = view.files[path].facts.blocks.index(block)
    here = view.files[path].counts[number]
    hits = [word for word in dict.fromkeys(asked) if word in here][:4]
    return f"matches {', '.join(hits)}" if hits else "its path matches"


def _listing(view: _View, most_chars: int) -> str:
    """All paths with their line counts; when that is too long, whole folders are counted instead."""
    lines = [f"{path} ({file.facts.lines} lines)" for path, file in view.files.items()]
    depth = max((path.count("/") for path in view.files), default=0)
    while sum(len(line) + 1 for line in lines) > most_chars and depth > 0:
        lines = _folded(view, depth)
        depth -= 1
    text = ""
    for line in lines:
        if len(text) + len(line) + 1 > most_chars:
            return text + "…\n"
        text += line + "\n"
    return text


def _folded(view: _View, depth: int) -> list[str]:
    folders: dict[str, list[int]] = {}
    lines = []
    for path, file in view.files.items():
        parts = path.split("/")
        if len(parts) > depth:
            folders.setdefault("/".join(parts[:depth]), []).append(file.facts.lines)
        else:
            lines.append(f"{path} ({file.facts.lines} lines)")
    lines += [f"{folder}/ ({len(sizes)} files, {sum(sizes)} lines)" for folder, sizes in folders.items()]
    return sorted(lines)


def _outline(path: str, symbols: Sequence[Symbol]) -> str:
    """A file's definitions, methods indented; private ones left out."""
    shown = []
    for symbol in symbols:
        names = symbol.name.split(".")
        if any(name.startswith("_") for name in names) and names[-1] != "__init__":
            continue
        shown.append("  " * len(names) + symbol.signature)
    return f"{path}:\n" + "\n".join(shown[:40]) + "\n" if shown else ""
