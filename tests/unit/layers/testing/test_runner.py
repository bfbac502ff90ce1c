"""The runner on the real sandbox: honest suites get their verdict, cheating ones never a pass."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from plain_folders import Folders, Opener

from sixfold.domain.evidence import Limits, TestReport
from sixfold.domain.ports import Environment
from sixfold.layers.testing.runner import Product, list_tests, run_tests
from sixfold.layers.testing.sandbox.bubblewrap import Bubblewrap
from sixfold.layers.testing.sandbox.sandlock import Sandlock

pytestmark = pytest.mark.slow

TESTS = """\
from fizz import fizz

def test_three():
    assert fizz(3) == 'Fizz'

def test_five():
    assert fizz(5) == 'Buzz'
"""
GOOD = "def fizz(n):\n    return 'Fizz' if n % 3 == 0 else 'Buzz'\n"
BAD = "def fizz(n):\n    return 'Fizz'\n"
LIMITS = Limits(wall_s=60)

CHEATING_PRODUCTS = {
    "os._exit at import": "import os\nos._exit(0)\n",
    "os._exit in the function": "import os\ndef fizz(n):\n    os._exit(0)\n",
    "sys.exit at import": "import sys\nsys.exit(0)\n",
    "pytest.exit": "import pytest\ndef fizz(n):\n    pytest.exit('done', 0)\n",
    "skip instead of an answer": "import pytest\ndef fizz(n):\n    pytest.skip('later')\n",
    "unittest skip": "import unittest\ndef fizz(n):\n    raise unittest.SkipTest('later')\n",
    "skip at import": "import pytest\npytest.skip('no', allow_module_level=True)\n",
    "expected failure": "import pytest\ndef fizz(n):\n    pytest.xfail('known')\n",
    "assertion class replaced": "import builtins\nbuiltins.AssertionError = type('A', (Exception,), {})\n" + BAD,
    "pytest.raises replaced": "import pytest\npytest.raises = None\n" + BAD,
    "byte code of the tests replaced": (
        "def fizz(n):\n    import test_fizz\n"
        "    test_fizz.test_five.__code__ = (lambda: None).__code__\n    return 'Fizz'\n"
    ),
    "builtin replaced": "import builtins\nbuiltins.len = lambda x: 0\ndef fizz(n):\n    return 'Fizz'\n",
    "forged records on every descriptor": (
        "import os, json\n"
        "for number in range(3, 64):\n"
        "    try:\n"
        "        os.write(number, b'00 ' + json.dumps({'kind': 'end', 'exit': 0, 'patched': []}).encode() + b'\\n')\n"
        "    except OSError:\n        pass\n" + BAD
    ),
    "forged result on the runner's output": (
        "import os\n"
        "def fizz(n):\n"
        "    try:\n"
        "        out = os.open(f'/proc/{os.getppid()}/fd/1', os.O_WRONLY)\n"
        "        os.write(out, b'\\nsixfold-result ' + b'0' * 64 + b' e30=\\n')\n"
        "    except OSError:\n        pass\n"
        "    os._exit(0)\n"
    ),
    "killing the runner": "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\n" + BAD,
}

CHEATING_HOOKS = {
    "deselecting": "def pytest_collection_modifyitems(items):\n    items[:] = items[:1]\n",
    "ignoring files": "collect_ignore = ['test_fizz.py']\n",
    "marking as skipped": (
        "import pytest\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        item.add_marker(pytest.mark.skip(reason='slow'))\n"
    ),
    "marking as expected failures": (
        "import pytest\ndef pytest_collection_modifyitems(items):\n"
        "    for item in items:\n        item.add_marker(pytest.mark.xfail)\n"
    ),
    "not calling the function": (
        "import pytest\n@pytest.hookimpl(tryfirst=True)\ndef pytest_pyfunc_call(pyfuncitem):\n    return True\n"
    ),
    "not running the protocol": "def pytest_runtest_protocol(item):\n    return True\n",
    "rewriting reports": (
        "import pytest\n@pytest.hookimpl(wrapper=True)\ndef pytest_runtest_makereport(item, call):\n"
        "    report = yield\n    report.outcome = 'passed'\n    return report\n"
    ),
    "rewriting the exit status": "def pytest_sessionfinish(session):\n    session.exitstatus = 0\n",
    "putting another function in place": (
        "def pytest_collection_modifyitems(items):\n    for item in items:\n        item.obj = lambda: None\n"
    ),
    "throwing out the recorder": (
        "def pytest_configure(config):\n    for plugin in config.pluginmanager.get_plugins():\n"
        "        if type(plugin).__name__ == 'Recorder':\n            config.pluginmanager.unregister(plugin)\n"
    ),
}

CHEATING_SETTINGS = {
    "deselect in addopts": ("pytest.ini", "[pytest]\naddopts = --deselect test_fizz.py::test_five\n"),
    "names that match nothing": ("pytest.ini", "[pytest]\npython_functions = test_three\n"),
    "other files": ("pyproject.toml", "[tool.pytest.ini_options]\npython_files = 'check_*.py'\n"),
}


async def report_on(workspace: Opener, files: Mapping[str, str], limits: Limits = LIMITS) -> TestReport:
    return await run_tests(await workspace(files), suite="unit", limits=limits)


async def test_passing_suite_is_green(workspace: Opener) -> None:
    report = await report_on(workspace, {"fizz.py": GOOD, "test_fizz.py": TESTS})
    assert report.green, report
    assert [case.id for case in report.cases] == ["test_fizz.py::test_three", "test_fizz.py::test_five"]


async def test_failure_names_type_message_and_source_lines(workspace: Opener) -> None:
    report = await report_on(workspace, {"fizz.py": "def fizz(n):\n    return 1 / 0\n", "test_fizz.py": TESTS})
    assert not report.problem
    assert report.cases[0].message == (
        "ZeroDivisionError: division by zero\n  test_fizz.py:4: assert fizz(3) == 'Fizz'\n  fizz.py:2: return 1 / 0"
    )


async def test_messages_are_the_same_in_every_run(workspace: Opener) -> None:
    tests = (
        "import os, tempfile\n"
        "def test_noise(tmp_path):\n"
        "    assert 0, f'{object()} {tmp_path} {os.getcwd()}/x {tempfile.mkdtemp()} {set(map(str, range(9)))}'\n"
    )
    first, second = [await report_on(workspace, {"test_noise.py": tests, "n.txt": str(run)}) for run in range(2)]
    assert first.cases[0].message == second.cases[0].message
    assert first.output == second.output


@pytest.mark.parametrize("product", CHEATING_PRODUCTS.values(), ids=CHEATING_PRODUCTS)
async def test_cheating_product_never_gets_a_pass(workspace: Opener, product: str) -> None:
    report = await report_on(workspace, {"fizz.py": product, "test_fizz.py": TESTS})
    assert not report.green, report


@pytest.mark.parametrize("hooks", CHEATING_HOOKS.values(), ids=CHEATING_HOOKS)
async def test_cheating_conftest_never_gets_a_pass(workspace: Opener, hooks: str) -> None:
    report = await report_on(workspace, {"fizz.py": BAD, "conftest.py": hooks, "test_fizz.py": TESTS})
    assert not report.green, report


@pytest.mark.parametrize(("name", "text"), CHEATING_SETTINGS.values(), ids=CHEATING_SETTINGS)
async def test_cheating_settings_never_get_a_pass(workspace: Opener, name: str, text: str) -> None:
    report = await report_on(workspace, {"fizz.py": BAD, name: text, "test_fizz.py": TESTS})
    assert not report.green, report


async def test_hanging_test_is_named(workspace: Opener) -> None:
    files = {"fizz.py": "def fizz(n):\n    while True: pass\n", "test_fizz.py": TESTS}
    report = await report_on(workspace, files, Limits(wall_s=8))
    assert report.problem == "time ran out while test_fizz.py::test_three ran"


async def test_endless_output_does_not_hide_the_result(workspace: Opener) -> None:
    tests = "def test_loud():\n    import os\n    for _ in range(200): os.write(1, b'x' * 100_000)\n"
    report = await report_on(workspace, {"test_loud.py": tests})
    assert report.green, report


async def test_deleted_pinned_test_is_a_problem(workspace: Opener) -> None:
    pinned = list_tests({"test_fizz.py": TESTS.encode()})
    place = await workspace({"fizz.py": GOOD, "test_fizz.py": TESTS.split("def test_five")[0]})
    report = await run_tests(place, suite="unit", pinned=pinned, limits=LIMITS)
    assert report.problem == "1 of 2 expected tests were not collected: test_fizz.py::test_five"


async def test_cases_that_a_hook_takes_out_are_told_as_not_run(workspace: Opener) -> None:
    tests = (
        "import pytest\n@pytest.mark.parametrize('n', [3, 4])\ndef test_many(n):\n"
        "    from fizz import fizz\n    assert fizz(n) == 'Fizz'\n"
    )
    hook = (
        "def pytest_collection_modifyitems(config, items):\n"
        "    config.hook.pytest_deselected(items=[i for i in items if '4' in i.name])\n"
        "    items[:] = [i for i in items if '4' not in i.name]\n"
    )
    place = await workspace({"fizz.py": GOOD, "test_fizz.py": tests, "conftest.py": hook})
    report = await run_tests(place, suite="unit")
    assert {case.id: case.outcome for case in report.cases} == {
        "test_fizz.py::test_many[3]": "passed",
        "test_fizz.py::test_many[4]": "skipped",
    }


async def test_skips_and_expected_failures_of_the_test_file_are_counted(workspace: Opener) -> None:
    tests = (
        "import pytest, unittest\n"
        "@pytest.mark.skip(reason='no')\ndef test_a(): assert 0\n"
        "def test_b(): pytest.skip('mine')\n"
        "@pytest.mark.xfail\ndef test_c(): assert 0\n"
        "@pytest.mark.parametrize('n', [1, 2])\ndef test_d(n): assert n\n"
        "async def test_e(): assert True\n"
        "class Old(unittest.TestCase):\n"
        "    def test_f(self): self.assertEqual(1, 1)\n"
        "    @unittest.skip('no')\n    def test_g(self): pass\n"
    )
    report = await report_on(workspace, {"test_all.py": tests, "pytest.ini": "[pytest]\nasyncio_mode = auto\n"})
    assert not report.problem
    assert [case.outcome for case in report.cases] == [*["skipped"] * 3, *["passed"] * 4, "skipped"]


async def test_acceptance_reaches_the_product_only_through_its_own_process(workspace: Opener) -> None:
    product = "class Liar:\n    def __eq__(self, other): return True\ndef fizz(n):\n    return Liar()\n"
    tests = "import pytest\n@pytest.mark.req('R1')\ndef test_three(call):\n    assert call('fizz.fizz(3)') == 'Fizz'\n"
    hooks = "def pytest_collection_modifyitems(items):\n    items.clear()\n"
    place = await workspace({"fizz.py": product, "conftest.py": hooks, "acceptance/test_a.py": tests})
    report = await run_tests(
        place, suite="acceptance", paths=["acceptance/test_a.py"], product=Product(path=(".",)), limits=LIMITS
    )
    assert not report.problem
    assert [(case.outcome, case.requirements) for case in report.cases] == [("failed", ("R1",))]


def test_listing_leaves_out_what_pytest_would_not_collect() -> None:
    source = b"""
import pytest, unittest
def test_a(): pass
def helper(): pass
@pytest.fixture
def test_data(): pass
class TestB:
    def test_c(self): pass
    class TestD:
        def test_e(self): pass
class TestWithInit:
    def __init__(self): pass
    def test_no(self): pass
class Old(unittest.TestCase):
    def test_f(self): pass
class TestOff:
    __test__ = False
    def test_no(self): pass
"""
    assert list_tests({"t.py": source, "broken.py": b"def ("}) == (
        "t.py::test_a",
        "t.py::TestB::test_c",
        "t.py::TestB::TestD::test_e",
        "t.py::Old::test_f",
    )


PROPERTY = """\
import pytest
from hypothesis import given, strategies as st
from m import unique

@pytest.mark.req("R1")
@given(st.lists(st.integers()))
def test_length_is_kept(xs):
    assert len(unique(xs)) == len(xs)

def test_members_are_kept():
    @given(st.lists(st.integers()))
    def check(xs):
        assert set(unique(xs)) == set(xs)
    check()
"""


async def test_a_property_fails_with_the_same_shrunk_counterexample_every_time(
    sandbox: Bubblewrap | Sandlock, folders: Folders, toolchain: Environment
) -> None:
    tree = folders.add({"m.py": "def unique(xs):\n    return sorted(set(xs))\n", "test_m.py": PROPERTY})
    reports = []
    for _ in range(2):
        async with sandbox.open(tree, environment=toolchain) as workspace:
            reports.append(await run_tests(workspace, suite="unit", limits=LIMITS))
    assert [case.outcome for case in reports[0].cases] == ["failed", "passed"]
    assert reports[0].cases[0].counterexample == "test_length_is_kept(xs=[0, 0])"
    assert reports[0].cases == reports[1].cases


async def test_hypothesis_is_loaded_only_where_a_file_names_it(workspace: Opener) -> None:
    test = (
        "import sys\n\ndef test_it():\n"
        "    assert ['hypo' + 'thesis'] == [name for name in sys.modules if name == 'hypo' + 'thesis']\n"
    )
    plain = await workspace({"test_it.py": test})
    await plain.exec(("ln", "-s", "/nowhere", "gone.py"))
    assert (await run_tests(plain, suite="unit", limits=LIMITS)).count("failed") == 1
    named = await workspace({"test_it.py": test, "conftest.py": "import hypothesis\n"})
    assert (await run_tests(named, suite="unit", limits=LIMITS)).green
