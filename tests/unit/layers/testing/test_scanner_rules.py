"""Planted defects are found; sound code beside them is left alone."""

from __future__ import annotations

import pytest
from plain_folders import Folders

from sixfold.domain.evidence import Finding
from sixfold.layers.testing.dependencies import Dependencies, check_dependencies
from sixfold.layers.testing.scanners import baseline
from sixfold.layers.testing.scanners.audit import audit
from sixfold.layers.testing.scanners.secrets import find_secrets
from sixfold.layers.testing.scanners.suspicious import find_suspicious

ROUTE = "from flask import Flask, request\napp = Flask(__name__)\n@app.route('/x/<name>')\ndef view(name):\n"

SIGNED = (
    "import json, zlib\nfrom nacl.signing import VerifyKey\n"
    "def told(raw, signature, key):\n    VerifyKey(key).verify(raw, signature)\n    return json.loads(raw)\n"
)
DEFECTS = {
    "checksum-for-digest": SIGNED
    + "def take(raw, signature, image, key):\n    facts = told(raw, signature, key)\n"
    + "    if zlib.crc32(image) != facts['sum']:\n        raise ValueError\n    return image\n",
    "external-entities": "from lxml import etree\nPARSER = etree.XMLParser(resolve_entities=True)\n",
    "shell-injection": "import subprocess\ndef f(x):\n    subprocess.run('ls ' + x, shell=True)\n",
    "code-injection": "def f(x):\n    return eval(x)\n",
    "unsafe-deserialisation": "import pickle\ndef f(x):\n    return pickle.loads(x)\n",
    "sql-injection": "def f(db, x):\n    q = f\"SELECT * FROM t WHERE a = '{x}'\"\n    db.execute(q)\n",
    "path-traversal": ROUTE + "    return open('/srv/' + name).read()\n",
    "weak-hash": "import hashlib\ndef f(password):\n    return hashlib.md5(password.encode()).hexdigest()\n",
    "no-certificate-check": "import requests\nrequests.get('https://a', verify=False)\n",
    "race-prone-temporary": "import tempfile\npath = tempfile.mktemp()\n",
    "unverified-token": "import jwt\njwt.decode(t, options={'verify_signature': False})\n",
    "hard-coded-credential": "DB_PASSWORD = 'hunter2!Xy'\n",
    "debug-server": "app.run(debug=True)\n",
    "request-forgery": ROUTE + "    import requests\n    return requests.get(request.args['url']).text\n",
    "template-injection": ROUTE + "    return render_template_string('hi ' + name)\n",
    "cross-site-scripting": ROUTE + "    return f'<b>{name}</b>'\n",
    "world-writable": "import os\nos.chmod('/srv/queue', 0o777)\n",
}

SOUND = {
    "constant shell": "import subprocess\nsubprocess.run('ls | wc', shell=True)\n",
    "argument list": "import subprocess\ndef f(x):\n    subprocess.run(['ls', x])\n",
    "literal_eval": "import ast\ndef f(x):\n    return ast.literal_eval(x)\n",
    "model.eval": "def f(model):\n    return model.eval()\n",
    "safe yaml": "import yaml\nyaml.load(x, Loader=yaml.SafeLoader)\nyaml.safe_load(x)\n",
    "parameters": "def f(db, x):\n    db.execute('SELECT * FROM t WHERE a = ?', (x,))\n",
    "placeholders": (
        "def f(db, ids):\n    marks = ','.join('?' * len(ids))\n"
        "    db.execute(f'SELECT * FROM t WHERE id IN ({marks})', ids)\n"
    ),
    "constant table": "TABLE = 'items'\ndef f(db):\n    db.execute(f'SELECT * FROM {TABLE}')\n",
    "picked from a table": (
        "from flask import request\nKINDS = {b'GIF': '.gif'}\n@app.post('/p')\ndef add():\n"
        "    content = request.files['p'].read()\n"
        "    end = next((s for start, s in KINDS.items() if content.startswith(start)), None)\n"
        "    open('/srv/x' + end, 'wb').write(content)\n"
    ),
    "key of an INI file": (
        "import configparser, jwt\ndef f(path, claims):\n    config = configparser.ConfigParser()\n"
        "    config.read(path)\n    key = config.get('pass', 'key')\n"
        "    return jwt.encode(claims, key, algorithm='HS256')\n"
    ),
    "escaped by who calls": (
        "def find(search, name):\n    return _found(search, f'(uid={escape(name)})')\n"
        "def _found(search, part):\n    return search.search('dc=x', f'(&(active=TRUE){part})')\n"
    ),
    "order from a table": (
        "ORDER = {'id': 'id', 'name': 'name, id'}\ndef f(db, by):\n"
        "    db.execute(f'SELECT * FROM t ORDER BY {ORDER[by]}')\n"
        "    db.execute(f\"SELECT * FROM t ORDER BY {ORDER.get(by, 'id')}\")\n"
    ),
    "contained path": ROUTE
    + "    from pathlib import Path\n    path = (Path('/srv') / name).resolve()\n"
    + "    if not path.is_relative_to('/srv'):\n        abort(404)\n    return open(path).read()\n",
    "checksum": "import hashlib\ndef f(content):\n    return hashlib.md5(content, usedforsecurity=False).hexdigest()\n",
    "password from environment": "import os\nDB_PASSWORD = os.environ['DB_PASSWORD']\n",
    "names of fields": "password = 'password'\nsecret_key = ''\napi_key = 'api_key'\ntoken_type = 'bearer'\n",
    "prompt": "def f(password='Enter password: '):\n    return password\n",
    "escaped": ROUTE + "    from html import escape\n    return f'<b>{escape(name)}</b>'\n",
    "allow-list": ROUTE
    + "    import requests\n    url = request.args['url']\n"
    + "    if url not in ALLOWED:\n        abort(400)\n    return requests.get(url).text\n",
    "lock file": "import os\nlock = os.open('queue.lock', os.O_CREAT | os.O_RDWR, 0o666)\n",
    "digest beside a checksum": SIGNED
    + "import hashlib, hmac\ndef take(raw, signature, image, key):\n    facts = told(raw, signature, key)\n"
    + "    whole = hmac.compare_digest(hashlib.sha256(image).hexdigest(), facts['sha256'])\n"
    + "    if zlib.crc32(image) != facts['sum'] or not whole:\n"
    + "        raise ValueError\n    return image\n",
    "checksum of what was verified": SIGNED
    + "def take(raw, signature, key):\n    facts = told(raw, signature, key)\n    part = raw[4:]\n"
    + "    if zlib.crc32(part) != facts['sum']:\n        raise ValueError\n    return facts\n",
    "number from a route": ROUTE + "    return open(f'/srv/{int(name)}.txt').read()\n",
}


@pytest.mark.parametrize(("rule", "code"), DEFECTS.items(), ids=DEFECTS)
def test_planted_defect_blocks(rule: str, code: str) -> None:
    assert rule in {one.rule for one in audit("app.py", code.encode()) if one.severity == "error"}


@pytest.mark.parametrize("code", SOUND.values(), ids=SOUND)
def test_sound_code_does_not_block(code: str) -> None:
    assert [one for one in audit("app.py", code.encode()) if one.severity == "error"] == []


def test_rules_never_block_in_tests() -> None:
    assert {one.severity for code in DEFECTS.values() for one in audit("tests/test_app.py", code.encode())} == {"note"}


GITHUB = "ghp_" + "a1B2c3D4e5F6g7H8i9J0" * 2


@pytest.mark.parametrize(
    "line",
    [
        "key = 'AKIA" + "Z7Q2M4N6P8R1T3V5'",
        f"token = '{GITHUB}'",
        "-----BEGIN RSA " + "PRIVATE KEY-----",
        "url = 'postgres://admin:" + "s3cr3tPass@db.internal/x'",
        'api_key = "' + 'q7Hx92LmZpT4vKd8"',
    ],
)
def test_secret_is_found_and_not_repeated(line: str) -> None:
    (found,) = find_secrets("config.py", line.encode())
    assert found.severity == "error"
    assert line.split("'")[-1] not in found.evidence or len(found.evidence) < 30


@pytest.mark.parametrize(
    "line",
    [
        "api_key = os.environ['API_KEY']",
        'password = "your-password-here"',
        "url = 'postgres://user:{password}@host/db'",
        "AWS_KEY = 'AKIAIOSFODNN7EXAMPLE'",
        "digest = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'",
        'secret_name = "the-name-of-a-secret"',
    ],
)
def test_what_only_looks_like_a_secret_is_left_alone(line: str) -> None:
    assert list(find_secrets("config.py", line.encode())) == []


SUSPICIOUS = {
    "bidirectional-text": "x = 1  # \u202e evil\n",
    "hidden-text": "Read\u200bme\n",
    "look-alike-name": "p\u0430ssword = 1\n",
    "encoded-payload": "import base64\ncode = base64.b64decode('cHJpbnQoMSk=')\nexec(code)\n",
    "hidden-trigger": (
        "import datetime, os\nif datetime.datetime.now() > datetime.datetime(2030, 1, 1):\n    os.system('rm x')\n"
    ),
    "behaves-differently-under-test": "import os\nif 'PYTEST_CURRENT_TEST' in os.environ:\n    x = 1\n",
    "equal-to-everything": "class A:\n    def __eq__(self, other):\n        return True\n",
    "test-tampering": "import os\nos._exit(0)\n",
    "imports-test-runner": "import pytest\n",
}


@pytest.mark.parametrize(("rule", "code"), SUSPICIOUS.items(), ids=SUSPICIOUS)
def test_suspicious_construct_is_found(rule: str, code: str) -> None:
    assert rule in {one.rule for one in find_suspicious("app.py", code.encode())}


@pytest.mark.parametrize(
    "code",
    [
        "name = 'Müller'\ngruss = 'שלום'\nπ = 3.14\n",
        "family = '👨\u200d👩\u200d👧'\n",
        "import base64\nimage = base64.b64decode(text)\n",
        "import datetime\nif datetime.date.today() > due:\n    late = True\n",
        "class A:\n    def __eq__(self, other):\n        return self.x == other.x\n",
        "def test_me():\n    pass\n",
    ],
)
def test_ordinary_text_is_not_suspicious(code: str) -> None:
    assert list(find_suspicious("app.py", code.encode())) == []


def test_invented_package_is_an_error_with_a_hint() -> None:
    (found,) = check_dependencies({"app.py": b"import reqeusts\n"})
    assert (found.severity, found.rule) == ("error", "unknown-import")
    assert "did you mean requests?" in found.message


def test_known_modules_need_no_agreement() -> None:
    files = {
        "app/__init__.py": b"",
        "app/store.py": b"import sqlite3, yaml\nfrom . import x\nfrom app.other import y\n",
        "tests/test_a.py": b"import pytest, app\nimport helper_of_tests\n",
        "tests/helper_of_tests.py": b"",
    }
    assert check_dependencies(files, allowed=["PyYAML"]) == ()


def test_declaring_a_package_does_not_allow_it() -> None:
    files = {"pyproject.toml": b'[project]\ndependencies = ["evil-lib>=1"]\n', "requirements.txt": b"flask\n# no\n"}
    found = check_dependencies(files, allowed=["flask"])
    assert [(one.rule, one.evidence) for one in found] == [("undeclared-requirement", "evil-lib")]


async def test_what_the_users_repository_declares_is_allowed(folders: Folders) -> None:
    base = folders.add({"requirements.txt": "flask>=3\n"})
    tree = folders.add({"requirements.txt": "flask>=3\n", "app.py": "import flask\nimport numpy\n"})
    found = await Dependencies(folders, base=base).scan(tree)  # type: ignore[arg-type]
    assert [one.evidence for one in found] == ["numpy"]


def test_old_finding_is_marked_even_when_it_moved_and_a_second_one_is_new() -> None:
    def finding(line: int) -> Finding:
        return Finding(tool="t", rule="r", severity="error", message="m", path="a.py", line=line)

    base, tree = ["eval(x)"], ["", "  eval(x)", "eval( x )"]
    marked = baseline(
        [finding(2), finding(3)], [finding(1)], lambda _, line: tree[line - 1], lambda _, line: base[line - 1]
    )
    assert [one.baseline for one in marked] == [True, False]


def test_every_form_of_python_is_read_without_a_stumble() -> None:
    """Syntax that rules take apart: whoever trips over one form of it would end the scan of a whole product."""
    text = b"""
async def f(a, b=1, /, c=2, *args, password="xyzzy-plugh-17", **named):
    async with a as (x, y), b: pass
    async for (i, j), *k in a: yield i
    return
def g(*, token=None): global G; G = (lambda *a, b=1: (yield))()
class C(a.B, metaclass=M, **{}):
    x: int
    (y) : str = ""
    def find_class(self, *names): return names
match p:
    case {"a": [1, *rest], **others} | C(x=1) if (n := len(rest)): del rest[0], others.x
    case _: x = y = [*a, *b]; x, *y = *z, 1; x[0], x.y = 1, 2
try: pass
except* (A, B) as e: raise e from None
f"{a!r:{w}}" "b"; f(*a, **b)(); a @= b; not a if b else c; {**a}; {*b}; [i async for i in a if i for j in b]
"""
    found = [one.rule for one in audit("lib.py", text)]
    assert "hard-coded-credential" in found
