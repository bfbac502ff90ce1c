"""Secrets never leave, and ordinary code is left alone."""

from __future__ import annotations

import sysconfig
from pathlib import Path

import pytest

from sixfold.domain.model import Message, ModelRequest
from sixfold.layers.models.redaction import Redactor

# Canaries are put together here, so that no scanner takes this file for a leak.
BODY = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
CANARIES = {
    "openai": "sk-proj-" + BODY,
    "openai, old": "sk-" + BODY,
    "anthropic": "sk-ant-api03-" + BODY,
    "openrouter": "sk-or-v1-" + BODY,
    "google": "AIza" + (BODY + BODY)[:35],
    "aws id": "AKIA" + "ABCDEFGHIJKLMNOP",
    "aws secret": 'aws_secret_access_key = "' + BODY + '"',
    "github": "ghp_" + BODY,
    "github, fine": "github_pat_" + BODY,
    "gitlab": "glpat-" + BODY,
    "slack": "xoxb-" + BODY,
    "npm": "npm_" + BODY,
    "stripe": "sk_live_" + BODY,
    "jwt": "eyJ" + BODY + ".eyJ" + BODY + "." + BODY,
    "url": "postgresql://app:" + BODY + "@db.example.com/x",
    "assigned": "PASSWORD='" + BODY + "'",
    "json": '"api_key": "' + BODY + '"',
    "private key": "-----BEGIN RSA PRIVATE KEY-----\n" + (BODY + "\n") * 3 + "-----END RSA PRIVATE KEY-----",
    "private key, cut": "-----BEGIN OPENSSH PRIVATE KEY-----\n" + (BODY + "\n") * 3,
}


@pytest.mark.parametrize("canary", CANARIES)
def test_nothing_of_a_planted_secret_is_left(canary: str) -> None:
    cleaned = Redactor().text(f"before {CANARIES[canary]} after")
    assert BODY not in cleaned
    assert "ABCDEFGHIJKLMNOP" not in cleaned
    assert "[redacted:" in cleaned
    assert cleaned.startswith("before ")


@pytest.mark.parametrize(
    "text",
    [
        "the sk-learn-compatible-transformer-interface2 and task-force-of-twenty-people-21",
        "https://user:password@example.com and redis://{user}:{password}@{host}",
        "password = getpass.getpass('password: ')",
        "api_key = os.environ['SERVICE_API_KEY_FOR_PRODUCTION_USE']",
        "secret_key = 'change-me-before-you-deploy-this'",
        "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
        "http://localhost:8080/@scope/package",
    ],
)
def test_ordinary_text_passes_unchanged(text: str) -> None:
    assert Redactor().text(text) == text


def test_known_values_are_replaced_wherever_they_stand() -> None:
    redactor = Redactor({"DB_PASSWORD": "p@ss word!", "TOKEN": "p@ss word!-longer", "EMPTY": "", "SHORT": "abc"})
    assert redactor.text("xp@ss word!-longerx") == "x[redacted:token]x"
    assert redactor.text("u:p%40ss%20word%21@h abc") == "u:[redacted:db-password]@h abc"
    assert redactor.known("sk-proj-" + BODY) == "sk-proj-" + BODY


def test_redaction_is_deterministic_and_stable_when_repeated() -> None:
    redactor = Redactor({"A": "first-secret", "B": "second-secret"})
    text = "first-secret second-secret " + " ".join(CANARIES.values())
    once = redactor.text(text)
    assert once == Redactor({"B": "second-secret", "A": "first-secret"}).text(text)
    assert redactor.text(once) == once


def test_every_text_of_a_request_is_cleaned() -> None:
    redactor = Redactor({"A": "first-secret"})
    request = ModelRequest(
        purpose="p",
        role="coder",
        system="first-secret",
        messages=(Message(author="user", text="first-secret"), Message(author="model", text="first-secret")),
        json_schema={"description": ["first-secret"]},
    )
    assert "first-secret" not in repr(redactor.request(request))


def test_a_clean_request_is_the_same_object() -> None:
    request = ModelRequest(purpose="p", role="coder", system="s", messages=(Message(author="user", text="t"),))
    assert Redactor({"A": "first-secret"}).request(request) is request


@pytest.mark.slow
def test_pythons_own_library_passes_unchanged() -> None:
    redactor = Redactor()
    changed, read = [], 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("**/*.py")):
        if {"site-packages", "test", "tests", "idlelib", "lib2to3"} & set(path.parts):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        read += 1
        if redactor.text(text) != text:
            changed.append(path.name)
    assert read > 300
    assert changed == []
