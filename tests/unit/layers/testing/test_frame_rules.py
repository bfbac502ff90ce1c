"""Rules on web applications block what is certain and let its secure twin pass."""

from __future__ import annotations

import pytest

from sixfold.layers.testing.scanners.audit import audit
from sixfold.layers.testing.scanners.pattern_rules import is_endless

HEAD = "import jwt, os, traceback\nfrom flask import *\nfrom lxml import etree\napp = Flask(__name__)\n"


def blocking(source: str) -> set[str]:
    return {one.rule for one in audit("a.py", (HEAD + source).encode()) if one.severity == "error"}


ORIGIN = """
@app.after_request
def allow(response):
    origin = request.headers.get("Origin")
    if CHECK:
        response.headers["Access-Control-Allow-Origin"] = origin
        response.headers["Access-Control-Allow-Credentials"] = "true"
    return response
"""
TRACE = """
@app.errorhandler(Exception)
def failed(error):
    told = traceback.format_exc()
    app.logger.error(told)
    return jsonify(error=VALUE), 500
"""


@pytest.mark.parametrize(
    ("weak", "sound", "rule"),
    [
        (
            "@login_required\n@app.get('/x')\ndef x(): return ''",
            "@app.get('/x')\n@login_required\ndef x(): return ''",
            "guard-without-effect",
        ),
        (ORIGIN.replace("CHECK", "origin"), ORIGIN.replace("CHECK", "origin in ORIGINS"), "any-origin"),
        (
            "CORS(app, supports_credentials=True)",
            "CORS(app, supports_credentials=True, origins=['https://a.b'])",
            "any-origin",
        ),
        (
            "app.add_middleware(CORSMiddleware, allow_origins=['*'], allow_credentials=True)",
            "app.add_middleware(CORSMiddleware, allow_origins=['*'])",
            "any-origin",
        ),
        (
            "r.set_cookie('session', t, secure=True)",
            "r.set_cookie('session', t, secure=True, httponly=True)",
            "cookie-for-scripts",
        ),
        ("r.set_cookie('session', t)", "r.set_cookie('theme', t)", "cookie-for-scripts"),
        (
            "r.set_cookie('token', t, httponly=True, secure=False)",
            "r.set_cookie('token', t, httponly=True)",
            "cookie-in-the-clear",
        ),
        ("app.secret_key = 'dev'", "app.secret_key = os.environ['KEY']", "hard-coded-key"),
        (
            "app.config['SECRET_KEY'] = os.environ.get('KEY', 'dev')",
            "app.config['SECRET_KEY'] = os.environ.get('KEY') or os.urandom(32)",
            "hard-coded-key",
        ),
        ("jwt.encode(claims, 'dev')", "jwt.encode(claims, KEY)", "hard-coded-key"),
        ("app.config.update(DEBUG=True)", "app.config.update(DEBUG=False)", "debug-server"),
        (TRACE.replace("VALUE", "told"), TRACE.replace("VALUE", "'failed'"), "errors-told"),
    ],
)
def test_settings_of_applications_block_and_their_twins_pass(weak: str, sound: str, rule: str) -> None:
    assert rule in blocking(weak)
    assert rule not in blocking(sound)


@pytest.mark.parametrize(
    ("source", "rule", "blocks"),
    [
        ("def to(): return request.args['n']\n@app.get('/')\ndef x(): return redirect(to())", "open-redirect", True),
        ("def to(u): return u\n@app.get('/')\ndef x(): return redirect(to(request.args['n']))", "open-redirect", True),
        (
            "def to(u): return '/' if u else '/a'\n@app.get('/')\ndef x(): return redirect(to(request.args['n']))",
            "open-redirect",
            False,
        ),
        (
            "def ok(u): return len(u) < 9\n@app.get('/')\ndef x():\n    u = request.args['n']\n"
            "    return redirect(u if ok(u) else '/')",
            "open-redirect",
            False,
        ),
        (
            "P = {'a': 'x'}\n@app.get('/<n>')\ndef x(n): return render_template_string(P[n])",
            "template-injection",
            False,
        ),
        (
            "def at(n: str): return ROOT / n\n@app.get('/{n}')\ndef x(p=Depends(at)): return FileResponse(p)",
            "path-traversal",
            True,
        ),
        (
            "def at(n: str):\n    p = (ROOT / n).resolve()\n    if ROOT not in p.parents: raise E()\n    return p\n"
            "@app.get('/{n}')\ndef x(p=Depends(at)): return FileResponse(p)",
            "path-traversal",
            False,
        ),
        ("def x(db, token): return db.query(M).filter(M.token == token)", "timing-comparison", False),
        ("@app.get('/')\ndef x(): return make_response(jsonify(request.args))", "cross-site-scripting", False),
    ],
)
def test_values_are_followed_through_helpers_of_the_module(source: str, rule: str, blocks: bool) -> None:
    assert (rule in blocking(source)) is blocks


@pytest.mark.parametrize(
    ("pattern", "endless"),
    [
        (r"^(\w+[ ,-]?)+$", True),
        (r"(a+)+$", True),
        (r"^(?:[a-z0-9]+\.?)+@b$", True),
        (r"(\d+|x)*y", True),
        (r"\w+(?:[ ,-]\w+)*", False),
        (r"(ab+)+c", False),
        (r"(a*)*", False),
        (r"([^,]*,)*z", False),
        (r"(a{1,3}b?){1,4}c", False),
        (r"(", False),
    ],
)
def test_patterns_that_divide_a_text_in_many_ways_are_endless(pattern: str, endless: bool) -> None:
    assert is_endless(pattern) is endless
