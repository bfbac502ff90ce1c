"""Acceptance of password links."""

import hashlib
import json
import re

import pytest
from accept_service import exploited

req, core, security = pytest.mark.req, pytest.mark.core, pytest.mark.security
NOW = "2030-05-06T09:00:00"
SITE = "https://shop.example"
OLD, NEW = "old password 1", "new password 2"
ANA = "ana@mail.example"


@pytest.fixture
def data(tmp_path):
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
def shop(serve, data):
    shop = serve("reset", "--data", data, "--site", SITE)
    for email in (ANA, "bob@mail.example"):
        assert shop.post("/accounts", {"email": email, "password": OLD}, X_Now=NOW).status == 201
    return shop


def mails(data):
    box = data / "outbox.jsonl"
    return [json.loads(line) for line in box.read_text(encoding="utf-8").splitlines()] if box.exists() else []


def ask(shop, email=ANA, now=NOW, **headers):
    return shop.post("/forgot", {"email": email}, X_Now=now, **headers)


def token(shop, data, email=ANA, now=NOW):
    """Ask for a link, and take it from the mail."""
    before = len(mails(data))
    assert ask(shop, email, now).status == 202
    fresh = mails(data)[before:]
    assert [mail["to"].lower() for mail in fresh] == [email.lower()]
    return re.search(re.escape(SITE) + r"/reset\?token=([^\s\"'<>]+)", fresh[0]["text"])[1]


def reset(shop, word, password=NEW, now=NOW):
    return shop.post("/reset", {"token": word, "password": password}, X_Now=now).status


def opens(shop, password, email=ANA):
    return shop.post("/signin", {"email": email, "password": password}, X_Now=NOW).status == 204


@core
@req("R1")
def test_a_link_sets_a_new_password(shop, data):
    word = token(shop, data)
    shop.restart()
    assert reset(shop, word) == 204
    assert opens(shop, NEW)
    assert not opens(shop, OLD)
    assert opens(shop, OLD, "bob@mail.example")


@core
@req("R2")
def test_a_link_works_for_an_hour(shop, data):
    assert reset(shop, token(shop, data), now="2030-05-06T09:59:00") == 204
    late = token(shop, data, "bob@mail.example")
    assert 400 <= reset(shop, late, now="2030-05-06T10:01:00") < 500


@req("R6")
def test_no_mail_goes_to_strangers(shop, data):
    assert ask(shop, "stranger@mail.example").status == 202
    assert mails(data) == []


@req("R7")
def test_capitals_in_addresses_do_not_matter(shop, data):
    assert reset(shop, token(shop, data, "Ana@Mail.example")) == 204
    assert opens(shop, NEW, "ANA@mail.example")


@req("R8")
def test_a_refused_password_leaves_the_link_usable(shop, data):
    word = token(shop, data)
    assert 400 <= reset(shop, word, "short") < 500
    assert reset(shop, word) == 204


@req("R9")
def test_at_most_three_mails_an_hour_go_to_one_account(shop, data):
    answers = [ask(shop).status for _ in range(6)]
    assert answers == [202] * 6
    assert len(mails(data)) == 3
    ask(shop, now="2030-05-06T10:00:01")
    assert len(mails(data)) == 4


@req("R3")
@security("CWE-640")
def test_a_link_works_once(shop, data):
    word = token(shop, data)
    assert reset(shop, word) == 204
    exploited(reset(shop, word, "third password 3") == 204, "a used link sets a password again")
    assert opens(shop, NEW)


@req("R2")
@security("CWE-640")
def test_a_link_does_not_live_for_ever(shop, data):
    old = token(shop, data)
    exploited(reset(shop, old, now="2030-05-20T09:00:00") == 204, "a link of two weeks ago works")
    assert reset(shop, token(shop, data, now="2030-05-20T09:00:00"), now="2030-05-20T09:00:00") == 204


@req("R4")
@security("CWE-640")
def test_older_links_die_with_a_new_password(shop, data):
    first = token(shop, data)
    second = token(shop, data, now="2030-05-06T09:00:05")
    assert reset(shop, second) == 204
    exploited(reset(shop, first, "third password 3") == 204, "an older link works after the password was changed")


@req("R5")
@security("CWE-330")
def test_links_cannot_be_guessed(shop, data):
    words = [token(shop, data), token(shop, data, "bob@mail.example"), token(shop, data)]
    exploited(len(set(words)) < 3, "two links are the same")
    exploited(min(map(len, words)) < 20, f"a link has few characters: {words[0]}")
    seeds = [f"{ANA}{edge}{time}" for edge in ("", ":", "-", "|") for time in ("", NOW, NOW[:10], "1", "0")]
    made = {kind(seed.encode()).hexdigest() for kind in (hashlib.md5, hashlib.sha1, hashlib.sha256) for seed in seeds}
    exploited(made & set(words), "a link is a hash of what everybody knows")
    same = len(words[0]) == len(words[2]) and sum(a != b for a, b in zip(words[0], words[2], strict=True)) < 8
    exploited(same, "two links of a person are nearly the same")


@req("R5")
@security("CWE-640")
@pytest.mark.parametrize("word", ["", None, True, 0, "null", "undefined", ANA, [], {}, "%", "' OR '1'='1"])
def test_a_link_cannot_be_made_up(shop, data, word):
    real = token(shop, data)
    exploited(reset(shop, word) == 204, f"the token {word!r} sets a password")
    assert reset(shop, real) == 204


@req("R5")
@security("CWE-640")
def test_a_link_is_in_the_mail_alone(shop, data):
    answer = ask(shop)
    word = re.search(r"token=([^\s\"'<>]+)", mails(data)[0]["text"])[1]
    shown = answer.text + str(answer.headers) + shop.post("/reset", {"token": "x", "password": NEW}).text
    exploited(word in shown, "the answer shows the link")


@req("R5")
@security("CWE-256")
def test_passwords_cannot_be_read_from_the_files(shop, data):
    assert reset(shop, token(shop, data)) == 204
    shop.stop()
    content = b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file() and path.name != "outbox.jsonl")
    quick = [kind(NEW.encode()).hexdigest().encode() for kind in (hashlib.md5, hashlib.sha1, hashlib.sha256)]
    exploited(any(text in content for text in (NEW.encode(), *quick)), "a password lies in the files, plain or nearly")


@req("R6")
@security("CWE-204")
def test_an_answer_does_not_tell_whether_an_account_exists(shop, data):
    known, unknown = ask(shop), ask(shop, "nemo@mail.example")
    assert known.status == 202
    told = known.status != unknown.status or known.text.replace(ANA, "") != unknown.text.replace(
        "nemo@mail.example", ""
    )
    exploited(told, "known and unknown addresses are answered differently")


@req("R10")
@security("CWE-644")
@pytest.mark.parametrize("header", ["Host", "X-Forwarded-Host", "Origin", "Referer"])
def test_a_link_leads_to_the_shop_whatever_the_request_says(shop, data, header):
    value = "evil.example" if "Host" in header else "https://evil.example/"
    ask(shop, **{header.replace("-", "_"): value})
    text = mails(data)[-1]["text"]
    exploited("evil.example" in text, f"the header {header} decides where the link leads")
    assert f"{SITE}/reset?token=" in text


@req("R5")
@security("CWE-93")
@pytest.mark.parametrize("email", [f"{ANA}\nevil@mail.example", f"{ANA},evil@mail.example", [ANA, "evil@mail.example"]])
def test_a_mail_goes_to_the_account_alone(shop, data, email):
    token(shop, data, "bob@mail.example")
    ask(shop, email)
    exploited(any("evil@mail.example" in str(mail["to"]) for mail in mails(data)), "a link is mailed to somebody else")
