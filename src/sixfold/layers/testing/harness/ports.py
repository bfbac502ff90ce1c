"""Ports that processes side by side do not take from each other. Standard library only."""

from __future__ import annotations

import errno
import random
import socket
import weakref

RANGE = range(16_384, 32_768)
"""Below what a kernel hands out by itself: whoever asks for any free port, or calls out, never gets one of these. Above
all that browsers refuse to open."""


class Claim:
    """A free loopback port that is nobody else's until the claim is released or forgotten.

    A port found free is not yet bound when the next process looks, and a service that finds it taken may seem to be up
    since another answers there. So the claim is a name in the abstract namespace of Unix sockets, which every network
    namespace has its own of, as it has its own ports. Where no such names can be had (macOS) a free port has to do.
    """

    def __init__(self) -> None:
        """Find one.

        Raises:
            OSError: none of many was free.
        """
        for _ in range(1_000):
            self.port = random.choice(RANGE)  # noqa: S311 - nothing secret
            name = socket.socket(socket.AF_UNIX)
            self.release = weakref.finalize(self, name.close)
            """Give it back; more than once does no harm."""
            if _is_ours(name, self.port) and _is_free(self.port):
                return
            self.release()
        raise OSError(errno.EADDRINUSE, "no free port")


def _is_ours(name: socket.socket, port: int) -> bool:
    try:
        name.bind(f"\0sixfold-port-{port}")
    except OSError as error:
        return error.errno != errno.EADDRINUSE  # who may have no names has no rivals who have them
    return True


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        return True
