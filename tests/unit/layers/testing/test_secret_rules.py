"""Keys, salts, nonces, passwords and comparisons: what is certain blocks, what may be sound does not."""

from __future__ import annotations

import pytest

from sixfold.layers.testing.scanners.audit import audit

FALLBACK = """
KEY = "r9Vq-2023-Mz7pLw4x"
class Links:
    def __init__(self, settings):
        self._key = (DEFAULT).encode()
    def tag(self, text):
        return hmac.new(self._key, text.encode(), hashlib.sha256).hexdigest()
"""
SALTED = """
PEPPER = b"gym"
def _digest(password, salt):
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 600_000)
def sign_up(name, password):
    salt = CHOSEN
    return salt, _digest(password, salt)
"""
NONCE = """
class Notes:
    def __init__(self, key):
        self._aead = AESGCM(key)
    @staticmethod
    def _nonce(client):
        return CHOSEN
    def seal(self, client, note):
        nonce = self._nonce(client)
        return nonce + self._aead.encrypt(nonce, note, None)
"""
HASHED = """
def _stored(text):
    return CHOSEN
def sign_up(name, password):
    return _stored(password)
"""
COMPARED = """
import hmac
def station(headers, stations):
    scheme, _, token = headers["Authorization"].partition(" ")
    for name, expected in stations.items():
        if CHOSEN:
            return name
"""
SERVED = """
import hashlib
def answer(method, path, query, body, data):
    digest = hashlib.pbkdf2_hmac("sha256", body["password"].encode(), b"gym", 600_000)
    return 200, "text/plain", str(digest == read(data, body["name"]))
"""
RESETS = """
import hashlib, hmac, secrets
class Resets:
    def finish(self, token):
        wanted = hashlib.sha256(token.encode()).hexdigest()
        for name, digest in self._pending.items():
            if digest == wanted:
                return name
"""
READER = """
class Reader(pickle.Unpickler):
    def find_class(self, module, name):
        if CHOSEN:
            raise ValueError(module)
        return super().find_class(module, name)
"""
SHEET = """
def _path(station):
    return CHOSEN
def write(station, text):
    with open(_path(station), "w") as file:
        file.write(text)
"""


@pytest.mark.parametrize(
    ("program", "weak", "sound", "rule"),
    [
        (FALLBACK.replace("DEFAULT", "CHOSEN"), 'settings.get("key") or KEY', 'settings["key"]', "constant-key"),
        (SALTED, "hashlib.sha256(PEPPER).digest()[:16]", "os.urandom(16)", "constant-salt"),
        (SALTED, "name.encode()", "os.urandom(16)", "derived-salt"),
        (NONCE, "hashlib.sha256(client.encode()).digest()[:12]", "os.urandom(12)", "constant-iv"),
        (HASHED, "hashlib.sha256(text.encode()).hexdigest()", "hash_password(text)", "fast-password-hash"),
        (COMPARED, "token == expected", "hmac.compare_digest(token, expected)", "timing-comparison"),
        (READER, 'module not in ("builtins",)', "(module, name) not in ALLOWED", "unsafe-deserialisation"),
        (
            SHEET,
            'os.path.join(tempfile.gettempdir(), f"labels-{station}.txt")',
            "tempfile.mkstemp()[1]",
            "foreseeable-temporary",
        ),
    ],
)
def test_certain_weakness_of_secrets_blocks_and_its_sound_twin_passes(
    program: str, weak: str, sound: str, rule: str
) -> None:
    def blocking(chosen: str) -> set[str]:
        source = program.replace("CHOSEN", chosen).encode()
        return {one.rule for one in audit("lib.py", source) if one.severity == "error"}

    assert blocking(weak) == {rule}
    assert blocking(sound) == set()


def test_one_salt_in_a_whole_service_is_told_and_does_not_block() -> None:
    found = [one for one in audit("app.py", SERVED.encode()) if one.rule == "constant-salt"]
    assert [one.severity for one in found] == ["warning"]
    alone = SERVED.replace("def answer(method, path, query, body, data)", "def check(body, data)")
    assert "error" in {one.severity for one in audit("lib.py", alone.encode()) if one.rule == "constant-salt"}


def test_a_digest_of_what_is_given_may_be_looked_up() -> None:
    assert not [one for one in audit("lib.py", RESETS.encode()) if one.rule == "timing-comparison"]
    given = RESETS.replace("(self, token)", "(self, token, digest)").replace("name, digest in", "name, _ in")
    keyed = RESETS.replace("hashlib.sha256(token.encode())", "hmac.new(self._key, token.encode(), hashlib.sha256)")
    for source in (given, keyed):
        assert [one.rule for one in audit("lib.py", source.encode())] == ["timing-comparison"]
