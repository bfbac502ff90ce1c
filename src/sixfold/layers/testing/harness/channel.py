"""A result channel on which a record cannot be changed, dropped or added unnoticed by who does not hold the key."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import os
import re
import sys
import zlib
from typing import Any

_RESULT = re.compile(r"^sixfold-result ([0-9a-f]{64}) ([A-Za-z0-9+/=]+)$", re.MULTILINE)


def print_result(value: Any, nonce: str) -> None:
    """Print one signed line that only the holder of the nonce can have written."""
    packed = base64.b64encode(zlib.compress(json.dumps(value, ensure_ascii=True).encode()))
    mac = hmac.new(nonce.encode(), packed, "sha256").hexdigest()
    sys.stdout.write(f"\nsixfold-result {mac} {packed.decode()}\n")
    sys.stdout.flush()


def read_result(stdout: str, nonce: str) -> Any:
    """The value of the line `print_result` wrote with this nonce; None when there is none."""
    for mac, packed in _RESULT.findall(stdout):
        if hmac.compare_digest(mac, hmac.new(nonce.encode(), packed.encode(), "sha256").hexdigest()):
            try:
                return json.loads(zlib.decompress(base64.b64decode(packed)))
            except (binascii.Error, zlib.error, ValueError):
                return None
    return None


class Sealer:
    """Writes numbered, signed records to a pipe. The key moves on after each record: old ones cannot be rewritten."""

    def __init__(self, descriptor: int, key: bytes) -> None:
        # Bound here, before any product code is loaded, so that later patches of these modules change nothing.
        write, dumps, new, sha256 = os.write, json.dumps, hmac.new, hashlib.sha256
        state = [key]

        def send(record: dict[str, Any]) -> None:
            text = dumps(record, ensure_ascii=True).encode()
            line = new(state[0], text, "sha256").hexdigest().encode() + b" " + text + b"\n"
            state[0] = sha256(state[0]).digest()
            while line:
                line = line[write(descriptor, line) :]

        self.send = send


class Opener:
    """Checks and decodes what a `Sealer` with the same key wrote."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._rest = b""
        self.forged = False
        """True once a line came that the key holder did not write next."""

    def feed(self, chunk: bytes) -> list[dict[str, Any]]:
        """Records completed by these bytes; none any more after a forged line."""
        records = []
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            mac, _, text = line.partition(b" ")
            good = hmac.new(self._key, text, "sha256").hexdigest().encode()
            if self.forged or not hmac.compare_digest(mac, good):
                self.forged = True
                break
            self._key = hashlib.sha256(self._key).digest()
            records.append(json.loads(text))
        return records
