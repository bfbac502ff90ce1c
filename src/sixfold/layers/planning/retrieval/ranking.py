"""Which blocks answer a query: BM25 over split identifiers, and PageRank along imports."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache

_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[^\W\d_]+|\d+")
_PART = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[^\W\d_]+|\d+")
_COMMON = frozenset(
    [
        *("a", "an", "and", "are", "as", "at", "be", "by", "for", "from", "in", "is", "it", "its", "must", "not", "of"),
        *("on", "or", "shall", "should", "system", "that", "the", "then", "this", "to", "when", "where", "which"),
        *("class", "def", "else", "false", "if", "import", "int", "none", "return", "self", "str", "true", "while"),
        *("will", "with"),
    ]
)


def words(text: str) -> list[str]:
    """Lower-case words: identifiers whole and split at camel case and underscores; very common words left out."""
    return [word for identifier in _IDENTIFIER.findall(text) for word in _split(identifier)]


@lru_cache(maxsize=1 << 17)
def _split(identifier: str) -> tuple[str, ...]:
    parts = [part.lower() for part in _PART.findall(identifier)]
    found = [_stem(part) for part in parts if part not in _COMMON and len(part) > 1]
    return (*found, identifier.lower()) if len(parts) > 1 else tuple(found)


def _stem(word: str) -> str:
    """Plural and singular meet; nothing more ambitious."""
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


class Bm25:
    """Okapi BM25 (k1 = 1.2, b = 0.75) over documents given as word counts."""

    def __init__(self, documents: Sequence[Mapping[str, int]]) -> None:
        self._lengths = [sum(document.values()) for document in documents]
        self._mean = sum(self._lengths) / len(documents) if documents else 1.0
        self._postings: dict[str, list[tuple[int, int]]] = {}
        for place, document in enumerate(documents):
            for word, count in document.items():
                self._postings.setdefault(word, []).append((place, count))

    def scores(self, query: Sequence[str]) -> dict[int, float]:
        """Positive scores by document number; a word counts once however often it stands in the query."""
        total: Counter[int] = Counter()
        size = len(self._lengths)
        for word in sorted(set(query)):
            postings = self._postings.get(word, [])
            rarity = math.log(1 + (size - len(postings) + 0.5) / (len(postings) + 0.5))
            for place, count in postings:
                norm = 1.2 * (0.25 + 0.75 * self._lengths[place] / (self._mean or 1.0))
                total[place] += rarity * count * 2.2 / (count + norm)  # type: ignore[assignment]
        return dict(total)


def pagerank(
    edges: Mapping[str, Sequence[str]], *, start: Mapping[str, float] | None = None, rounds: int = 25
) -> dict[str, float]:
    """Importance of each node (sum 1) when a reader follows edges and, one time in seven, returns to `start`.

    Args:
        edges: every node with what it points to; targets that are not nodes are ignored.
        start: weights of the nodes a reader begins at; None or zeros = everywhere alike.
        rounds: fixed, so that equal inputs give equal results.
    """
    nodes = sorted(edges)
    if not nodes:
        return {}
    weights = {node: max(0.0, (start or {}).get(node, 0.0)) for node in nodes}
    whole = sum(weights.values())
    home = {node: weights[node] / whole if whole else 1 / len(nodes) for node in nodes}
    targets = {node: sorted({target for target in edges[node] if target in edges and target != node}) for node in nodes}
    rank = dict(home)
    for _ in range(rounds):
        lost = sum(rank[node] for node in nodes if not targets[node])
        following = {node: 0.15 * home[node] + 0.85 * lost * home[node] for node in nodes}
        for node in nodes:
            for target in targets[node]:
                following[target] += 0.85 * rank[node] / len(targets[node])
        rank = following
    return rank
