"""Model names, keys and prices: what is wrong is said before anything is sent."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import pytest

from sixfold.domain.errors import ModelMisconfigured
from sixfold.domain.model import Message, ModelRequest
from sixfold.layers.models.catalog import base_url_of, is_local, key_of, known, parse_model, price_of
from sixfold.layers.models.providers import ProviderModel, preload


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        ("openai:gpt-5", "openai:gpt-5"),
        ("openai-chat:org/model:free", "openai-chat:org/model:free"),
        ("ollama:qwen3:8b", "ollama:qwen3:8b"),
        ("relay:/home/me/private", "relay"),
        ("command:/opt/tools/ask --token abc", "command:ask"),
        ("replay:recordings/x", "replay"),
    ],
)
def test_a_model_is_known_without_folders_or_arguments(text: str, identity: str) -> None:
    assert parse_model(text).identity == identity


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("gpt-5", "PROVIDER:NAME"),
        ("antropic:claude", "anthropic:claude"),
        ("openai:", "nothing follows"),
        ("command: ", "nothing follows"),
        ("command:say 'hi", "cannot be read"),
        ("groq:x", "unknown model provider"),
    ],
)
def test_what_is_not_a_model_is_explained(text: str, said: str) -> None:
    with pytest.raises(ModelMisconfigured, match=said) as caught:
        parse_model(text)
    assert caught.value.next


def test_a_missing_key_names_its_variable_and_the_ways_without_one() -> None:
    with pytest.raises(ModelMisconfigured, match="ANTHROPIC_API_KEY") as caught:
        key_of(parse_model("anthropic:claude-sonnet-4-5"), {})
    assert caught.value.exit_code == 2
    assert "ollama" in caught.value.next


def test_keys_are_found_under_their_usual_names() -> None:
    assert key_of(parse_model("google:gemini-2.5-pro"), {"GEMINI_API_KEY": "k"}) == "k"
    assert key_of(parse_model("openai-chat:x"), {"OPENAI_BASE_URL": "http://localhost:8000/v1"}) is None
    assert key_of(parse_model("ollama:x"), {}) is None
    assert base_url_of(parse_model("ollama:x"), {}) == "http://localhost:11434/v1"


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost:1/v1", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:8000", True),
        ("http://10.1.2.3/v1", True),
        ("https://api.openai.com/v1", False),
        ("https://localhost.example.com", False),
        (None, False),
    ],
)
def test_only_this_machine_and_private_networks_are_local(url: str | None, local: bool) -> None:
    assert is_local(url) is local


def test_prices_are_known_free_or_unknown_but_never_guessed() -> None:
    assert price_of(parse_model("openai:gpt-5"), None, 1_000_000, 0) == pytest.approx(1.25)
    assert price_of(parse_model("openai:no-such-model"), None, 1, 1) is None
    assert price_of(parse_model("openai-chat:gpt-5"), "https://gateway.example.com/v1", 1, 1) is None
    assert price_of(parse_model("openai-chat:gpt-5"), "http://localhost:8000/v1", 1, 1) == 0.0
    assert price_of(parse_model("relay:x"), None, 1, 1) == 0.0


def test_the_table_lists_models_that_can_be_named_here() -> None:
    rows = known()
    assert len(rows) > 50
    assert all(parse_model(row.name).kind == "provider" for row in rows)
    sonnet = next(row for row in rows if row.name == "anthropic:claude-sonnet-4-5")
    assert (sonnet.context_tokens, sonnet.input_usd, sonnet.output_usd) == (
        200_000,
        pytest.approx(3),
        pytest.approx(15),
    )


def test_building_a_cloud_imports_nothing_heavy() -> None:
    code = (
        "import sys, sixfold.layers.models.routing;"
        "print([m for m in ('pydantic_ai', 'genai_prices', 'openai', 'anthropic', 'httpx2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(importlib.util.find_spec("boto3") is not None, reason="the bedrock extra is installed")
async def test_a_missing_extra_is_named_with_its_install_command() -> None:
    model = ProviderModel(parse_model("bedrock:x"), environ={})
    request = ModelRequest(purpose="p", role="coder", system="s", messages=(Message(author="user", text="u"),))
    with pytest.raises(ModelMisconfigured, match="not installed") as caught:
        await model.complete(request)
    assert "pydantic-ai-slim[bedrock]" in caught.value.next


def test_preloading_a_model_that_cannot_be_loaded_waits_for_its_use() -> None:
    preload([parse_model("bedrock:x"), parse_model("relay:x")])
