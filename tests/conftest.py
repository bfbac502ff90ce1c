"""What every test gets: a state folder of its own, no settings or keys of the person, no network, one locale.

Installed toolchains alone are shared, read-only as they are for runs: each costs seconds and is the same every time.
"""

from __future__ import annotations

import ipaddress
import os
import re
import socket
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PERSONAL = re.compile(
    r"SIXFOLD_.*|.*_API_KEY|.*_BASE_URL|.*_AUTH_TOKEN|GIT_.*|NO_COLOR|FORCE_COLOR|COLUMNS|LC_.*|LANGUAGE"
)
"""Variables a person may have set, whose value would change what a test sees or whom it talks to."""


class NetworkBlocked(Exception):
    """A test tried to leave this machine. Not an OSError, so that no code under test takes it for a dead line."""


@pytest.fixture(autouse=True)
def own_surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh SIXFOLD_HOME, a clean environment and UTC; returns the home."""
    for name in list(os.environ):
        if PERSONAL.fullmatch(name):
            monkeypatch.delenv(name)
    home = tmp_path_factory.mktemp("sixfold-home")
    monkeypatch.setenv("SIXFOLD_HOME", str(home))
    monkeypatch.setenv("SIXFOLD_ENVIRONMENTS", str(_of_the_session(tmp_path_factory) / "environments"))
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv("TZ", "UTC")
    # The person's git configuration (hooks, signing, default branch) is not what a guarantee may rest on.
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    time.tzset()
    return home


def _of_the_session(places: pytest.TempPathFactory) -> Path:
    """The temporary folder that all workers of this session have in common."""
    own = places.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(autouse=True)
def no_network(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sockets of this process reach loopback and unix sockets only; `live` tests are exempt."""
    if request.node.get_closest_marker("live"):
        return
    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
    real_lookup = socket.getaddrinfo

    def lookup(host: Any, *arguments: Any, **options: Any) -> Any:
        _refuse_remote(host)
        return real_lookup(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", lookup)


def _guarded(call: Callable[..., Any]) -> Callable[..., Any]:
    def guarded(self: socket.socket, *arguments: Any) -> Any:
        address = arguments[-1]
        if isinstance(address, tuple):
            _refuse_remote(address[0])
        return call(self, *arguments)

    return guarded


def _refuse_remote(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost"):
        return
    try:
        address = ipaddress.ip_address(str(name))
    except ValueError:
        raise NetworkBlocked(f"tests do not look up hosts: {name}") from None
    if not (address.is_loopback or address.is_unspecified):
        raise NetworkBlocked(f"tests stay on this machine: {name}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Fast tests first, so that a mistake shows within seconds."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Why tests were skipped, a line a reason: the list of what failed stands below it and is not buried."""
    skipped = [report.longrepr for report in terminalreporter.stats.get("skipped", [])]
    reasons = Counter(told[2].removeprefix("Skipped: ") for told in skipped if isinstance(told, tuple))
    if reasons:
        terminalreporter.section("why tests were skipped")
    for reason, count in sorted(reasons.items()):
        terminalreporter.line(f"{count} skipped: {reason}")
