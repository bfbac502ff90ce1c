"""The guards of conftest.py hold: otherwise every other test could be talking to the world."""

from __future__ import annotations

import os
import socket
import time
import urllib.request
from pathlib import Path

import pytest


def test_a_test_cannot_look_up_a_host() -> None:
    with pytest.raises(Exception, match="do not look up hosts"):
        urllib.request.urlopen("http://example.invalid/")


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80, 0, 0)])
def test_a_test_cannot_connect_or_send_to_another_machine(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as datagram:
        with pytest.raises(Exception, match="stay on this machine"):
            datagram.connect(address)
        with pytest.raises(Exception, match="stay on this machine"):
            datagram.sendto(b"x", address)


def test_loopback_and_unix_sockets_work(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"x")
        assert theirs.recv(1) == b"x"


def test_each_test_has_an_empty_state_folder_of_its_own(own_surroundings: Path) -> None:
    assert os.environ["SIXFOLD_HOME"] == str(own_surroundings)
    assert list(own_surroundings.iterdir()) == []


def test_no_personal_setting_or_key_is_visible() -> None:
    settings = {name for name in os.environ if name.startswith("SIXFOLD_") or name.endswith("_API_KEY")}
    assert settings == {"SIXFOLD_HOME", "SIXFOLD_ENVIRONMENTS"}
    assert time.tzname[0] == "UTC"
