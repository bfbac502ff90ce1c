"""Ports of products that are tested side by side."""

from __future__ import annotations

import gc
import os
import socket
import sys

import pytest

from sixfold.layers.testing.harness import ports
from sixfold.layers.testing.harness.ports import RANGE, Claim

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux"), reason="abstract names of Unix sockets are Linux's; elsewhere free has to do"
)


@pytest.fixture
def two_ports(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The only ports there are."""
    found: list[int] = []
    while len(found) < 2:
        claim = Claim()
        if claim.port not in found:
            found.append(claim.port)
        claim.release()
    monkeypatch.setattr(ports, "RANGE", found)
    return found


def test_two_claims_never_share_a_port(two_ports: list[int]) -> None:
    first, second = Claim(), Claim()
    assert {first.port, second.port} == set(two_ports)


def test_another_process_cannot_claim_the_same_port(two_ports: list[int]) -> None:
    kept = Claim()
    child = os.fork()
    if not child:
        os._exit([0, 1][Claim().port == kept.port])
    assert os.waitpid(child, 0)[1] == 0


def test_what_all_is_claimed_is_an_error_and_not_a_shared_port(two_ports: list[int]) -> None:
    kept = [Claim(), Claim()]
    with pytest.raises(OSError, match="no free port"):
        Claim()
    assert len(kept) == 2


def test_a_port_that_somebody_listens_on_is_not_free(two_ports: list[int]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", two_ports[0]))
        taken.listen()
        assert Claim().port == two_ports[1]


def test_a_released_or_forgotten_claim_is_free_again(two_ports: list[int]) -> None:
    first, second = Claim(), Claim()
    given_back = first.port
    first.release()
    first.release()
    again = Claim()
    assert again.port == given_back
    forgotten = second.port
    del second
    gc.collect()
    assert Claim().port == forgotten


def test_claims_stay_below_what_the_kernel_hands_out_and_above_what_browsers_refuse() -> None:
    usual_start_of_ephemeral, last_refused_by_browsers = 32_768, 10_080
    assert last_refused_by_browsers < RANGE.start
    assert RANGE.stop <= usual_start_of_ephemeral
    assert Claim().port in RANGE
