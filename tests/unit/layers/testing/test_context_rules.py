"""Rules that block where the code is about secrets, and let the same call pass where it is not."""

from __future__ import annotations

import pytest

from sixfold.layers.testing.scanners.audit import audit
from sixfold.layers.testing.scanners.suspicious import find_suspicious


def blocking(source: str) -> set[str]:
    return {one.rule for one in audit("a.py", source.encode()) if one.severity == "error"}


@pytest.mark.parametrize(
    ("weak", "sound", "rule"),
    [
        (
            "rsa.generate_private_key(65537, key_size=1024)",
            "rsa.generate_private_key(65537, key_size=4096)",
            "short-key",
        ),
        (
            "hashlib.pbkdf2_hmac('sha256', p, b'salt', 600_000)",
            "hashlib.pbkdf2_hmac('sha256', p, salt, 600_000)",
            "constant-salt",
        ),
        ("modes.CBC(b'0' * 16)", "modes.CBC(os.urandom(16))", "constant-iv"),
        ("url.startswith('https://a.example.com')", "url.startswith('https://a.example.com/')", "loose-address-check"),
        ("host.endswith('example.com')", "host.endswith('.example.com')", "loose-address-check"),
        ("re.match('(a|b).example.com/', u)", r"re.match(r'(a|b)\.example\.com/', u)", "unescaped-dot"),
        ("re.sub('<script>.*</script>', '', t)", "re.sub('[<>]', '', t)", "markup-filter"),
        ("tree.xpath('//user[name=\"' + name + '\"]')", "tree.xpath('//user[name=$n]', n=name)", "query-injection"),
        (
            "c.search_s(base, 2, '(uid=' + uid + ')')",
            "c.search_s(base, 2, '(uid=' + escape(uid) + ')')",
            "query-injection",
        ),
        ("os.system('ls ' + name)", "os.system('ls ' + shlex.quote(name))", "shell-injection"),
    ],
)
def test_weak_form_blocks_and_sound_form_passes(weak: str, sound: str, rule: str) -> None:
    assert blocking(f"def f(name, uid, u, t, p, salt):\n    return {weak}\n") == {rule}
    assert blocking(f"def f(name, uid, u, t, p, salt):\n    return {sound}\n") == set()


def test_purpose_of_a_function_decides_about_hashes_and_random_numbers() -> None:
    assert blocking("def reset_token():\n    return random.choice(letters)\n") == {"guessable-secret"}
    assert blocking("def throw_dice():\n    return random.randint(1, 6)\n") == set()
    assert blocking("def verify(certificate):\n    return hashlib.sha1(certificate)\n") == {"weak-hash"}
    assert blocking("def cache_key(text):\n    return hashlib.md5(text)\n") == set()


PAGE = (
    "from jinja2 import Template, Environment\nPAGE = {page!r}\ndef show(name):\n    return {made}.render(name=name)\n"
)


def test_a_page_made_by_a_bare_template_blocks_and_an_escaped_one_or_a_letter_passes() -> None:
    page, letter = "<p title='{{ name }}'>{{ name }}</p>", "Dear {{ name }}, 3 < 4"
    assert blocking(PAGE.format(page=page, made="Template(PAGE)")) == {"no-autoescape"}
    assert blocking(PAGE.format(page=page, made="Template(PAGE, autoescape=True)")) == set()
    assert blocking(PAGE.format(page="<p>{{ name | e }}</p>", made="Template(PAGE)")) == set()
    assert blocking(PAGE.format(page=letter, made="Template(PAGE)")) == set()


CHOSEN = """\
STEPS = {"dedent": textwrap.dedent}
def run(text, step):
    GUARD
    module, name = step.rsplit(".", 1)
    function = getattr(importlib.import_module(module), name)
    return function(text)
"""


@pytest.mark.parametrize("guard", ["if step not in known: raise ValueError", "step = STEPS[step]"])
def test_a_function_of_whatever_module_is_named_blocks_unless_the_choice_is_narrowed(guard: str) -> None:
    assert blocking(CHOSEN.replace("GUARD", "pass")) == {"chosen-code"}
    assert blocking(CHOSEN.replace("GUARD", guard)) == set()
    assert blocking(CHOSEN.replace("GUARD", "pass").replace("function(text)", "function")) == set()


FINGERPRINT = """\
class Register:
    def fingerprint(self, content):
        return HASH(content).hexdigest()
    def is_approved(self, number, content):
        return hmac.compare_digest(self.known[number], self.fingerprint(content))
"""


def test_a_broken_digest_blocks_where_a_comparison_relies_on_it() -> None:
    assert blocking(FINGERPRINT.replace("HASH", "hashlib.md5")) == {"weak-hash"}
    assert blocking(FINGERPRINT.replace("HASH", "hashlib.sha256")) == set()


SIGNER = """\
class Signer:
    def __init__(self, config):
        secret = config.get("secret", DEFAULT)
        self.secret = secret.encode("utf-8")
    def sign(self, path):
        return hmac.new(self.secret, path.encode("utf-8"), hashlib.sha256).hexdigest()
"""


def test_a_key_that_is_fallen_back_to_blocks_and_the_name_of_an_encoding_is_no_key() -> None:
    assert blocking(SIGNER.replace("DEFAULT", "'dev-secret'")) == {"constant-key"}
    assert blocking(SIGNER.replace("DEFAULT", "''")) == set()


def test_certificates_that_are_not_checked_block() -> None:
    assert blocking("context.verify_mode = ssl.CERT_NONE\ncontext.check_hostname = False\n") == {"no-certificate-check"}


def rules(source: str) -> set[str]:
    return {one.rule for one in find_suspicious("shop/a.py", source.encode())}


@pytest.mark.parametrize(
    ("source", "rule"),
    [
        ("import os\nif 'pytest' in os.getcwd():\n    x = 1\n", "behaves-differently-under-test"),
        ("x = any(n.startswith('SIXFOLD') for n in os.environ)\n", "behaves-differently-under-test"),
        ("text = open('tests/test_shop.py').read()\n", "reads-the-tests"),
        ("for p in folder.rglob('test_*.py'):\n    p.unlink()\n", "reads-the-tests"),
        ("print('sixfold-result ' + mac)\n", "result-forgery"),
    ],
)
def test_product_that_looks_for_its_judge_is_found(source: str, rule: str) -> None:
    assert rule in rules(source)


@pytest.mark.parametrize(
    "source",
    [
        "import os\nurl = os.environ['STRIPE_SANDBOX']\n",
        "def test_connection(host):\n    return ping(host)\n",
        "name = 'pytest'\nallowed = {'pytest', 'ruff'}\n",
        "import sys\nif '--verbose' in sys.argv:\n    x = 1\n",
    ],
)
def test_honest_code_with_the_same_words_is_left_alone(source: str) -> None:
    assert rules(source) == set()


def test_a_statement_with_what_an_own_function_chose_is_told_and_does_not_block() -> None:
    call = "def f(db, x):\n    db.execute('SELECT a FROM t ORDER BY ' + PART + ' LIMIT 9')\n"
    assert blocking(call.replace("PART", "x")) == {"sql-injection"}
    assert blocking(call.replace("PART", "x.lower()")) == {"sql-injection"}
    assert blocking(call.replace("PART", "ordering(x)")) == set()


def test_a_loader_of_the_products_own_is_told_and_does_not_block() -> None:
    call = "import yaml\ndef f(text):\n    return yaml.load(text, Loader=LOADER)\n"
    assert blocking(call.replace("LOADER", "yaml.UnsafeLoader")) == {"unsafe-deserialisation"}
    assert blocking(call.replace(", Loader=LOADER", "")) == {"unsafe-deserialisation"}
    assert blocking(call.replace("LOADER", "PlanLoader")) == set()
    assert blocking(call.replace("LOADER", "yaml.CSafeLoader")) == set()
