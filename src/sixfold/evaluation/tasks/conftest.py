"""Markers and the record of an acceptance run; also loaded by the scorer as the plugin `accept_rows`.

`ACCEPT_JSON=rows.json SUT_DIR=PRODUCT pytest TASK/acceptance` writes a row a test:
`{"test", "outcome", "core", "req": […], "security": […], "message"}`. Rows are on disk from the start, as `unrun`, so a
suite that hangs or dies has not passed.
"""

import json
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # the services' plugin lies beside this file, wherever that is
pytest_plugins = ("accept_service",)
ROWS = {}
TARGET = os.environ.pop("ACCEPT_ROWS_JSON", "") or os.environ.get("ACCEPT_JSON", "")


def pytest_configure(config):
    config.addinivalue_line("markers", "core: without it the product is of no use")
    config.addinivalue_line("markers", "req(id): the hidden row this test decides")
    config.addinivalue_line("markers", "security(cwe): an attack the product must withstand")


def pytest_collection_modifyitems(items):
    for item in items:
        ROWS[item.nodeid] = {
            "test": item.nodeid,
            "outcome": "unrun",
            "core": item.get_closest_marker("core") is not None,
            "req": [str(id) for mark in item.iter_markers("req") for id in mark.args],
            "security": [str(cwe) for mark in item.iter_markers("security") for cwe in mark.args],
            "message": "",
        }
    _write()


def pytest_runtest_logreport(report):
    row = ROWS.get(report.nodeid)
    if row is None:
        return
    if report.when == "call" and row["outcome"] == "unrun":
        row["outcome"] = report.outcome
    elif report.when == "setup" and report.skipped:
        row["outcome"] = "skipped"
    elif report.failed:
        row["outcome"] = "error" if report.when != "call" else "failed"
    if report.failed and not row["message"]:
        row["message"] = str(getattr(report.longrepr, "reprcrash", None) or report.longrepr)[-500:]
    if report.when == "teardown":
        _write()


def _write():
    if TARGET:
        draft = Path(TARGET + ".draft")
        draft.write_text(json.dumps(list(ROWS.values()), indent=1))
        draft.replace(TARGET)


@pytest.fixture(scope="session")
def sut():
    """The product's folder."""
    return Path(os.environ["SUT_DIR"]).resolve()
