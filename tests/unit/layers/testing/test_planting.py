"""Faults planted on the real sandbox: in forks, and one by one where a suite insists on its place."""

from __future__ import annotations

import pytest
from plain_folders import Opener

from sixfold.domain.ports import Workspace
from sixfold.layers.testing import planting
from sixfold.layers.testing.mutation import Mutant
from sixfold.layers.testing.planting import Planted, Sown, plant
from sixfold.layers.testing.runner import Product

pytestmark = pytest.mark.slow

CODE = "def double(n):\n    return n * 2\n\ndef triple(n):\n    return n * 3\n"
TEST = "from calc import double\n\ndef test_double():\n    assert double(2) == 4\n"
BLIND = b"def test_triple(call):\n    assert call('calc.triple(1)') == 3\n"
PRODUCT = Product(entries=({"name": "calc", "kind": "library", "module": "calc"},), path=(".", "src"))


def fault(old: str, new: str) -> Mutant:
    return Mutant(path="calc.py", line=1, change=f"{old} -> {new}", content=CODE.replace(old, new).encode())


CAUGHT, SPARED = fault("n * 2", "n + 3"), fault("n * 3", "n + n + n")
HANGING = fault("n * 2", "max(iter(int, 1))")
UNIT = Sown(suite="unit", tests=("test_calc.py",), product=PRODUCT)
ACCEPTANCE = Sown(suite="acceptance", tests=("acceptance/test_blind.py",), product=PRODUCT)


async def in_forks(workspace: Workspace, faults: list[Mutant], suites: list[Sown]) -> dict[int, int] | None:
    return await planting._in_forks(workspace, faults, suites, 60.0)


async def test_suites_are_asked_in_turn_and_the_product_stays_as_it_was(workspace: Opener) -> None:
    opened = await workspace({"calc.py": CODE, "test_calc.py": TEST})
    await opened.put({"acceptance/test_blind.py": BLIND})
    blind_only = fault("n * 3", "n * 4")
    assert await in_forks(opened, [CAUGHT, SPARED, blind_only], [UNIT]) == {0: 0, 1: -1, 2: -1}
    assert await in_forks(opened, [CAUGHT, SPARED, blind_only], [UNIT, ACCEPTANCE]) == {0: 0, 1: -1, 2: 1}
    assert await opened.get("calc.py") == CODE.encode()


async def test_suite_that_insists_on_its_place_is_asked_there(workspace: Opener) -> None:
    opened = await workspace({"calc.py": CODE})
    insisting = f"import os\n\ndef test_place():\n    assert os.getcwd() == {opened.folder!r}\n\n"
    await opened.put({"test_calc.py": (insisting + TEST).encode()})
    assert await in_forks(opened, [CAUGHT, SPARED], [UNIT]) is None
    assert await plant(opened, [CAUGHT, SPARED], [UNIT]) == Planted(
        noticed=(CAUGHT,), noticed_by=(0,), missed=(SPARED,)
    )
    assert await opened.get("calc.py") == CODE.encode()


async def test_run_that_spoils_the_ground_for_others_is_found_out(workspace: Opener) -> None:
    opened = await workspace({"calc.py": CODE, "test_calc.py": TEST})
    spoiling = f"open({opened.folder + '/calc.py'!r}, 'w').close()\n"
    spoiler = Mutant(path="calc.py", line=1, change="spoils", content=(spoiling + CODE).encode())
    assert await in_forks(opened, [spoiler, SPARED, CAUGHT], [UNIT]) is None


async def test_fault_that_makes_a_suite_hang_is_noticed(workspace: Opener, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planting, "RUN_S", 10.0)
    opened = await workspace({"calc.py": CODE, "test_calc.py": TEST})
    assert await in_forks(opened, [HANGING, SPARED], [UNIT]) == {0: 0, 1: -1}


SLOW = """\\
import subprocess, sys, time
from hypothesis import given, strategies

def test_once():
    double = [sys.executable, "-c", "import calc; print(calc.double(2))"]
    assert subprocess.run(double, capture_output=True).stdout == b"4\\n"

@given(strategies.booleans())
def test_property(flag):
    time.sleep(0.3)
    assert subprocess.run([sys.executable, "-c", f"import calc; print(calc.triple({flag:d}))"], capture_output=True)
"""


async def test_slow_property_that_starts_the_product_is_asked_in_forks(workspace: Opener) -> None:
    opened = await workspace({"calc.py": CODE, "test_calc.py": SLOW})
    assert await in_forks(opened, [CAUGHT, SPARED], [UNIT]) == {0: 0, 1: -1}


ON_A_PORT = """\\
import socket, time

def test_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 47011))
        time.sleep(0.5)

"""


async def test_suites_that_share_a_port_are_asked_one_after_another(workspace: Opener) -> None:
    opened = await workspace({"calc.py": CODE, "test_calc.py": ON_A_PORT + TEST})
    assert await in_forks(opened, [SPARED, CAUGHT, SPARED], [UNIT]) == {0: -1, 1: 0, 2: -1}


ONCE_BY_CHANCE = """\\
import os

def test_chance():
    place = "/tmp/sixfold-planting-chance"
    known = os.path.exists(place)
    open(place, "w").close()
    assert known
"""


async def test_suite_that_fails_by_chance_has_noticed_nothing(workspace: Opener) -> None:
    opened = await workspace({"calc.py": CODE, "test_calc.py": ONCE_BY_CHANCE})
    found = await planting._in_forks(opened, [SPARED, SPARED, CAUGHT], [UNIT], 60.0)
    assert found == {0: -1, 1: -1, 2: -1}
