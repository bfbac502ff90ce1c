"""Planted faults: small, valid, and always the same."""

from __future__ import annotations

import ast

from sixfold.layers.testing.mutation import mutants

SOURCE = b'''"""Doc."""
import logging
logger = logging.getLogger(__name__)

def add(store, key: int = 3) -> bool:
    """Doc."""
    logger.info("adding")
    if key > 10:
        return False
    store.put(key, 1)
    return True

if __name__ == "__main__":
    add({}, 2)
'''


def test_mutants_parse_differ_and_never_change_text_or_logging() -> None:
    found = mutants({"a.py": SOURCE}, most=50)
    contents = {mutant.content for mutant in found}
    assert len(contents) == len(found) > 5
    for mutant in found:
        ast.parse(mutant.content)
        assert b"logger.info('adding')" in mutant.content
        assert b"add({}, 2)" in mutant.content
    assert {mutant.change.split()[0] for mutant in found} == {"dropped", "swapped", "turned", "changed", "returned"}


def test_a_longer_timeout_is_no_fault() -> None:
    source = b"def ask(send):\n    return send(b'x', timeout=5, retries=3)\n"
    assert [one.change for one in mutants({"a.py": source}, most=9) if "constant" in one.change] == [
        "changed the constant 3"
    ]


def test_same_files_give_the_same_bounded_sample() -> None:
    files = {"a.py": SOURCE, "b.py": SOURCE, "test_a.py": SOURCE, "broken.py": b"def (", "conftest.py": SOURCE}
    first = mutants(files, most=4)
    assert first == mutants(dict(reversed(files.items())), most=4)
    assert len(first) == 4
    assert {mutant.path for mutant in mutants(files, most=50)} == {"a.py", "b.py"}


def test_change_that_nobody_could_notice_is_not_planted() -> None:
    source = b"def main(grams):\n    show(max(0, grams))\n    return 0\n"
    changes = [one.change for one in mutants({"a.py": source}, most=20)]
    assert not [change for change in changes if change.startswith(("swapped", "returned"))]
    assert changes.count("changed the constant 0") == 2
    told = [one.change for one in mutants({"a.py": b"def f(a):\n    return pick(a, 1)\n"}, most=20)]
    assert [change.split()[0] for change in told].count("swapped") == 1
    assert "returned None instead of pick(a, 1)" in told
