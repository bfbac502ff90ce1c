"""What is looked up in a repository for a request, before anything is asked: a map, and the places that bear on it."""

from __future__ import annotations

from sixfold.domain.data import Data, Tree
from sixfold.domain.ports import Passage, Repository, Retriever
from sixfold.domain.prompt import untrusted
from sixfold.layers.planning.rules import conventions, states_conventions
from sixfold.layers.planning.selection import looks_secret, readable_text

_MOST_OVERVIEW_CHARS = 3_000
_MOST_WHOLE_FILE_CHARS = 6_000


class Found(Data, frozen=True, kw_only=True):
    """The map and the places, each labelled with where it comes from and fenced as untrusted text."""

    rules: str = ""
    overview: str = ""
    passages: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    """Files shown, wholly or in part, best first."""

    @property
    def text(self) -> str:
        """Everything for a prompt; empty when there is nothing."""
        return "\n\n".join(part for part in (self.rules, self.overview, *self.passages) if part)


def look_up(retriever: Retriever, repository: Repository, tree: Tree, query: str, *, most_chars: int) -> Found:
    """Search a tree for what a request talks about. Deterministic.

    A file that matters and is small is shown whole, so that an edit can be written against its exact text; larger
    ones are shown as passages.

    Args:
        most_chars: size of the whole, in characters; about four make a token.
    """
    files = [entry.path for entry in repository.files(tree)]
    if not files:
        return Found()
    map_text = retriever.overview(tree, most_chars=min(_MOST_OVERVIEW_CHARS, most_chars // 4))
    overview = untrusted("repository map", map_text) if map_text.strip() else ""
    left = most_chars - len(overview)
    named = [path for path in files if path in query]
    rules = conventions(repository, tree, named, query)
    left -= len(rules)
    blocks: list[str] = []
    shown: list[str] = []
    passages = retriever.search(tree, query, most_chars=3 * left, seeds=named)
    for path in (*named, *(passage.path for passage in passages)):
        if path in shown or looks_secret(path) or states_conventions(path):
            continue
        text = readable_text(repository.read(tree, path))
        if text is None or len(text) > min(left, _MOST_WHOLE_FILE_CHARS):
            continue
        block = untrusted(f"repository {path}, whole file", text)
        blocks.append(block)
        shown.append(path)
        left -= len(block)
    for passage in passages:
        block = _passage(passage)
        if passage.path not in shown and not states_conventions(passage.path) and len(block) <= left:
            blocks.append(block)
            left -= len(block)
    paths = dict.fromkeys([*shown, *(passage.path for passage in passages)])
    return Found(rules=rules, overview=overview, passages=tuple(blocks), paths=tuple(paths))


def _passage(passage: Passage) -> str:
    where = f"repository {passage.path} lines {passage.start_line}-{passage.end_line}, {passage.why}"
    return untrusted(where, passage.text)
