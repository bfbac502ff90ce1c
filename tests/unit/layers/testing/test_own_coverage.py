"""Lines that the product's own tests ran, measured in the real sandbox."""

from __future__ import annotations

import pytest
from plain_folders import Opener

from sixfold.layers.testing.runner import run_tests

pytestmark = pytest.mark.slow

CODE = """\
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import absent


def sign(n):
    if n < 0:
        return "-"
    return "+"


def aside(found):
    worker = threading.Thread(target=lambda: found.append(
        1
    ))
    worker.start()
    worker.join()


if __name__ == "__main__":
    print(sign(1))
"""
TEST = """\
from product.signs import aside, sign

def test_sign():
    assert sign(1) == "+"

def test_aside():
    found = []
    aside(found)
    assert found == [1]
"""
FILES = {"product/__init__.py": "", "product/signs.py": CODE, "product/unused.py": "x = 1\n", "test_signs.py": TEST}


async def test_lines_that_ran_and_lines_that_did_not_are_told_by_file(workspace: Opener) -> None:
    opened = await workspace(FILES)
    report = await run_tests(opened, suite="unit", coverage=True)
    assert report.green, report
    assert [file.path for file in report.coverage] == ["product/signs.py", "product/unused.py"]
    signs, unused = report.coverage
    assert (signs.missed, unused.ran, unused.missed) == ((10,), (), (1,))
    assert {1, 2, 8, 9, 11, 14, 15, 16, 18, 19} <= set(signs.ran)
    assert not {4, 5, 22, 23} & {*signs.ran, *signs.missed}


async def test_coverage_is_measured_only_when_asked_for(workspace: Opener) -> None:
    opened = await workspace(FILES)
    assert (await run_tests(opened, suite="unit")).coverage == ()


async def test_a_product_that_takes_tracing_away_is_not_measured_and_its_verdict_stands(workspace: Opener) -> None:
    stolen = "import sys\n\ndef test_a():\n    sys.settrace(None)\n    if hasattr(sys, 'monitoring'):\n"
    stolen += "        sys.monitoring.free_tool_id(4)\n"
    opened = await workspace({**FILES, "test_signs.py": stolen})
    report = await run_tests(opened, suite="unit", coverage=True)
    assert report.green, report
    assert report.coverage == ()
