"""Every way to reach a model keeps the promises of the port `Model`; hosted ones also those about their faults."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from model_server import ModelServer, Turn

from sixfold.domain.data import digest
from sixfold.domain.errors import ContextTooLong, ModelMisconfigured, ModelUnavailable
from sixfold.domain.model import Image, Message, ModelRequest, Usage
from sixfold.fakes.model import Rule, ScriptedModel
from sixfold.layers.models.adapter import Adapter, Transient
from sixfold.layers.models.cassette import Cassette, Entry, ReplayModel, key_of
from sixfold.layers.models.catalog import Price, parse_model
from sixfold.layers.models.command import CommandModel
from sixfold.layers.models.faults import Rejected
from sixfold.layers.models.providers import ProviderModel
from sixfold.layers.models.relay import RelayModel

TEXT = "Grüße, 世界\n```python\nprint('x')\n```\n"
PICTURE = b"\x89PNG\r\n\x1a\n-not-really-"

REQUEST = ModelRequest(
    purpose="development.write_patch",
    role="coder",
    system="You write code.",
    messages=(
        Message(author="user", text="first question"),
        Message(author="model", text="first answer"),
        Message(author="user", text="second question, with ünïcode"),
    ),
    max_output_tokens=200,
)
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}},
    "required": ["a"],
    "additionalProperties": False,
}
HOSTED = ["openai-chat:m", "openai:m", "anthropic:claude-sonnet-4-5", "google:gemini-2.5-pro", "ollama:m"]


def provider(name: str, server: ModelServer, **more: Any) -> ProviderModel:
    environ = {
        "OPENAI_API_KEY": "test-key-openai",
        "ANTHROPIC_API_KEY": "test-key-anthropic",
        "GOOGLE_API_KEY": "test-key-google",
        "OPENAI_BASE_URL": f"{server.url}/v1",
        "OLLAMA_BASE_URL": f"{server.url}/v1",
        "ANTHROPIC_BASE_URL": server.url,
        "GOOGLE_GEMINI_BASE_URL": server.url,
    }
    return ProviderModel(parse_model(name), environ=environ, blob=lambda _: PICTURE, **more)


@pytest.fixture
def server() -> Iterator[ModelServer]:
    running = ModelServer()
    yield running
    running.close()


class Answerer(threading.Thread):
    """Somebody who answers a relay folder."""

    def __init__(self, folder: Path, text: str) -> None:
        super().__init__(daemon=True)
        self.folder, self.text, self.stop = folder, text, threading.Event()

    def run(self) -> None:
        while not self.stop.wait(0.01):
            for path in self.folder.glob("*.request.md"):
                number = path.name.partition(".")[0]
                if not (self.folder / f"{number}.response.md").exists():
                    draft = self.folder / f"{number}.response.tmp"
                    draft.write_text(self.text)
                    draft.rename(self.folder / f"{number}.response.md")


@pytest.fixture(params=["scripted", "relay", "command", "replay", *HOSTED])
async def model(request: pytest.FixtureRequest, tmp_path: Path, server: ModelServer) -> AsyncIterator[Adapter]:
    """An adapter that will answer REQUEST with TEXT."""
    if request.param == "scripted":
        yield ScriptedModel([Rule(TEXT)])
    elif request.param == "relay":
        answerer = Answerer(tmp_path, TEXT)
        answerer.start()
        yield RelayModel(tmp_path, poll_s=0.01)
        answerer.stop.set()
        answerer.join()
    elif request.param == "command":
        script = tmp_path / "answer.py"
        script.write_text(
            f"import sys; sys.stdin.read(); sys.stdout.reconfigure(encoding='utf-8'); print({TEXT!r}, end='')"
        )
        yield CommandModel(f"{sys.executable} {script}")
    elif request.param == "replay":
        cassette = Cassette(tmp_path)
        cassette.describe({"*": "openai:x"})
        key = key_of("openai:x", REQUEST)
        usage = Usage(calls=1, input_tokens=3, output_tokens=4)
        cassette.record(Entry(key=key, model="openai:x", request=REQUEST, text=TEXT, usage=usage))
        yield ReplayModel(Cassette(tmp_path))
    else:
        server.turns = [Turn(text=TEXT)]
        adapter = provider(request.param, server)
        yield adapter
        await adapter.aclose()


async def test_the_answer_arrives_unchanged_and_accounted_for(model: Adapter) -> None:
    reply = await model.complete(REQUEST, scope="T1")
    assert reply.text == TEXT
    assert reply.finish == "stop"
    assert reply.model == model.identify(REQUEST)
    assert reply.usage.calls == 1
    assert reply.usage.input_tokens > 0
    assert reply.usage.output_tokens > 0


async def test_names_in_replies_hold_no_path(model: Adapter, tmp_path: Path) -> None:
    assert str(tmp_path) not in model.identify(REQUEST)


@pytest.mark.parametrize("name", HOSTED)
async def test_the_whole_conversation_reaches_the_server(name: str, server: ModelServer) -> None:
    server.turns = [Turn()]
    adapter = provider(name, server)
    await adapter.complete(REQUEST)
    await adapter.aclose()
    sent = json.dumps(server.bodies[0], ensure_ascii=False)
    places = [sent.index(text) for text in ("first question", "first answer", "second question, with ünïcode")]
    assert places == sorted(places)
    assert "You write code." in sent
    assert "200" in sent
    assert "tools" not in server.bodies[0] or not server.bodies[0]["tools"]


@pytest.mark.parametrize("name", HOSTED)
async def test_pictures_are_sent_as_bytes(name: str, server: ModelServer) -> None:
    server.turns = [Turn()]
    adapter = provider(name, server)
    image = Image(digest=digest(PICTURE), media_type="image/png")
    await adapter.complete(
        ModelRequest(
            purpose="input.write_specification",
            role="analyst",
            system="s",
            messages=(Message(author="user", text="look", images=(image,)),),
        )
    )
    await adapter.aclose()
    assert "iVBORw0KGgot" in json.dumps(server.bodies[0])  # base64 of the picture's first bytes


@pytest.mark.parametrize("name", HOSTED)
async def test_a_cut_answer_is_flagged(name: str, server: ModelServer) -> None:
    server.turns = [Turn(finish="length")]
    adapter = provider(name, server)
    assert (await adapter.complete(REQUEST)).finish == "length"
    await adapter.aclose()


@pytest.mark.parametrize("name", HOSTED)
async def test_a_filtered_answer_is_refused(name: str, server: ModelServer) -> None:
    server.turns = [Turn(finish="refused")]
    adapter = provider(name, server)
    assert (await adapter.complete(REQUEST)).finish == "refused"
    await adapter.aclose()


async def test_a_request_the_server_filters_is_refused(server: ModelServer) -> None:
    server.turns = [Turn(status=400, code="content_policy", error="blocked by the content_filter")]
    adapter = provider("openai-chat:m", server)
    assert (await adapter.complete(REQUEST)).finish == "refused"
    await adapter.aclose()


@pytest.mark.parametrize("name", ["openai-chat:m", "openai:m", "google:gemini-2.5-pro", "ollama:m"])
async def test_usage_the_server_does_not_report_is_estimated_and_flagged(name: str, server: ModelServer) -> None:
    server.turns = [Turn(text="x" * 400, usage=None), Turn()]
    adapter = provider(name, server)
    estimated = await adapter.complete(REQUEST)
    counted = await adapter.complete(REQUEST)
    await adapter.aclose()
    assert estimated.usage.estimated
    assert estimated.usage.output_tokens == 100
    assert counted.usage == Usage(calls=1, input_tokens=11, output_tokens=7, cost_usd=0.0)


async def test_a_configured_price_is_used(server: ModelServer) -> None:
    server.turns = [Turn(usage=(1_000_000, 500_000))]
    adapter = provider("openai-chat:m", server, price=Price(input_usd=2.0, output_usd=10.0))
    assert (await adapter.complete(REQUEST)).usage.cost_usd == pytest.approx(7.0)
    await adapter.aclose()


FAULTS: dict[str, tuple[Turn, type[Exception], str]] = {
    "429": (Turn(status=429, headers={"Retry-After": "7"}, error="slow down"), Transient, "slow down"),
    "500": (Turn(status=500, error="boom"), Transient, "boom"),
    "503": (Turn(status=503, error="overloaded"), Transient, "overloaded"),
    "cut": (Turn(cut=True), Transient, ""),
    "garbage": (Turn(raw=b"<html>a proxy's page</html>"), Transient, ""),
    "half-json": (Turn(raw=b'{"id": "x", "choices": ['), Transient, ""),
    "wrong-shape": (Turn(raw=b'{"hello": "world"}'), Transient, ""),
    "401": (Turn(status=401, error="bad key"), ModelMisconfigured, "bad key"),
    "403": (Turn(status=403, error="not yours"), ModelMisconfigured, "not yours"),
    "404": (Turn(status=404, error="model not found"), ModelMisconfigured, "model not found"),
    "too-long": (
        Turn(
            status=400, error="This model's maximum context length is 8 tokens. prompt is too long; input token count"
        ),
        ContextTooLong,
        "context length",
    ),
    "no-quota": (Turn(status=402, error="credit balance is too low"), ModelUnavailable, "credit"),
    "400": (Turn(status=400, error="no such parameter"), Rejected, "no such parameter"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("name", ["openai-chat:m", "openai:m", "anthropic:claude-sonnet-4-5", "google:gemini-2.5-pro"])
async def test_each_fault_becomes_the_error_that_says_who_must_act(name: str, fault: str, server: ModelServer) -> None:
    turn, kind, said = FAULTS[fault]
    server.turns = [turn]
    adapter = provider(name, server)
    with pytest.raises(kind) as caught:
        await adapter.complete(REQUEST)
    await adapter.aclose()
    assert type(caught.value) is kind
    assert said in caught.value.why
    assert len(server.bodies) == 1, "the SDK retried by itself"
    if fault == "429":
        assert caught.value.retry_after_s == 7
        assert not caught.value.billed
    if fault == "cut":
        assert caught.value.billed


@pytest.mark.parametrize("name", ["openai-chat:m", "anthropic:claude-sonnet-4-5", "google:gemini-2.5-pro"])
async def test_a_server_that_is_not_there_is_unreached_and_charges_nothing(name: str, server: ModelServer) -> None:
    adapter = provider(name, server)
    server.close()
    with pytest.raises(Transient) as caught:
        await adapter.complete(REQUEST)
    await adapter.aclose()
    assert not caught.value.reached
    assert not caught.value.billed
    server.__init__()  # type: ignore[misc]  # the fixture closes it again


async def test_a_slow_server_is_given_up_after_the_timeout(server: ModelServer) -> None:
    release = threading.Event()
    answer = server.answer
    server.answer = lambda handler, turn: (release.wait(5), answer(handler, turn))[1]  # type: ignore[method-assign]
    server.turns = [Turn()]
    adapter = provider("openai-chat:m", server, timeout_s=0.2)
    with pytest.raises(Transient) as caught:
        await adapter.complete(REQUEST)
    release.set()
    await adapter.aclose()
    assert caught.value.billed


@pytest.mark.parametrize("name", ["openai-chat:m", "openai:m", "google:gemini-2.5-pro"])
async def test_a_server_without_json_mode_is_asked_in_words_and_remembered(name: str, server: ModelServer) -> None:
    server.turns = [
        Turn(status=400, error="response_format json_schema is not supported"),
        Turn(text='{"a": 1}'),
        Turn(text='{"a": 2}'),
    ]
    adapter = provider(name, server)
    request = ModelRequest(
        purpose="p", role="analyst", system="s", messages=(Message(author="user", text="u"),), json_schema=SCHEMA
    )
    first = await adapter.complete(request)
    second = await adapter.complete(request)
    await adapter.aclose()
    assert (first.text, second.text) == ('{"a": 1}', '{"a": 2}')
    assert len(server.bodies) == 3, "the second request asked for JSON mode again"
    enforced, worded, again = (json.dumps(body) for body in server.bodies)
    assert "schema" in enforced.lower()
    assert "Answer with one JSON object" not in enforced
    assert "Answer with one JSON object" in worded
    assert "Answer with one JSON object" in again


async def test_a_schema_is_enforced_by_a_server_that_can(server: ModelServer) -> None:
    server.turns = [Turn(text='{"a": 1}')]
    adapter = provider("openai-chat:m", server)
    await adapter.complete(
        ModelRequest(
            purpose="p", role="analyst", system="s", messages=(Message(author="user", text="u"),), json_schema=SCHEMA
        )
    )
    await adapter.aclose()
    assert server.bodies[0]["response_format"]["json_schema"]["schema"]["properties"] == SCHEMA["properties"]


async def test_an_own_server_needs_no_key(server: ModelServer) -> None:
    server.turns = [Turn()]
    environ = {"OPENAI_BASE_URL": f"{server.url}/v1"}
    adapter = ProviderModel(parse_model("openai-chat:m"), environ=environ)
    assert (await adapter.complete(REQUEST)).text == "ok"
    await adapter.aclose()
