"""Recorded answers: found by content, never overwritten by chance, and a drift is readable."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sixfold.domain.data import Digest
from sixfold.domain.errors import ReplayDrift, StorageError
from sixfold.domain.model import Image, Message, ModelRequest, Usage
from sixfold.layers.models.cassette import Cassette, Entry, ReplayModel, key_of, seal


def request(text: str = "please", **more: object) -> ModelRequest:
    fields: dict[str, object] = {
        "purpose": "development.write_patch",
        "role": "coder",
        "system": "be brief",
        "messages": (Message(author="user", text=text),),
    }
    return ModelRequest(**{**fields, **more})  # type: ignore[arg-type]


def entry(asked: ModelRequest, text: str = "done", model: str = "relay") -> Entry:
    usage = Usage(calls=1, input_tokens=5, output_tokens=6, cost_usd=0.25)
    return Entry(key=key_of(model, asked), model=model, request=asked, text=text, usage=usage)


def test_keys_tell_apart_everything_that_can_change_an_answer() -> None:
    image = Image(digest=Digest("0" * 64), media_type="image/png")
    questions = [
        request(),
        request("other"),
        request(system="be long"),
        request(messages=(Message(author="user", text="please", images=(image,)),)),
        request(messages=(Message(author="model", text="please"),)),
        request(json_schema={"type": "object"}),
        request(max_output_tokens=5),
        request(temperature=0.5),
        request(sample=1),
    ]
    keys = [key_of("relay", question) for question in questions] + [key_of("openai:x", request())]
    for one, other in itertools.combinations(keys, 2):
        assert one != other


def test_keys_ignore_who_asks() -> None:
    assert key_of("relay", request()) == key_of("relay", request(purpose="input.ask", role="analyst"))


def test_the_key_of_a_question_never_changes_between_versions() -> None:
    # Recordings in the wild depend on it: when this fails, raise KEY_SCHEME and say so in the changelog.
    assert key_of("relay", request()) == "db8b2c0ab2cd44fc2614bb33b0c57c84980968a425a9a5d07e26ab7e9b26de0b"


def test_a_recorded_answer_is_found_whole(tmp_path: Path) -> None:
    recorded = entry(request(), "Grüße\n")
    Cassette(tmp_path).record(recorded)
    found = Cassette(tmp_path).find(recorded.key)
    assert found == seal(recorded)
    assert found is not None
    assert found.reply().replayed
    assert found.reply().usage == recorded.usage


def test_recording_leaves_no_draft_behind(tmp_path: Path) -> None:
    recorded = entry(request())
    Cassette(tmp_path / "a", [tmp_path / "b"]).record(recorded)
    for folder in ("a", "b"):
        assert [path.name for path in (tmp_path / folder).iterdir()] == [f"{recorded.key}.json"]


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_no_damage_to_an_entry_goes_unnoticed(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("cassette")
    recorded = entry(request(), "the answer")
    Cassette(folder).record(recorded)
    path = folder / f"{recorded.key}.json"
    whole = path.read_bytes()
    # The layout between the values (last line end, indentation) carries nothing.
    position = data.draw(st.integers(0, len(whole) - 2).filter(lambda place: whole[place] not in b" \n"))
    if data.draw(st.booleans()):
        path.write_bytes(whole[:position])
    else:
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
    with pytest.raises(StorageError, match=r"damaged|newer") as caught:
        Cassette(folder).find(recorded.key)
    assert str(path) in caught.value.what


def test_an_entry_of_a_newer_version_says_so(tmp_path: Path) -> None:
    recorded = entry(request())
    Cassette(tmp_path).record(msgspec.structs.replace(recorded, schema_version=99))
    with pytest.raises(StorageError, match="newer Sixfold"):
        Cassette(tmp_path).find(recorded.key)


def test_the_description_keeps_roles_noted_before(tmp_path: Path) -> None:
    Cassette(tmp_path).describe({"*": "relay"}, "whoever answered")
    Cassette(tmp_path).describe({"coder": "openai:x"})
    meta = Cassette(tmp_path).meta
    assert meta.roles == {"*": "relay", "coder": "openai:x"}
    assert meta.answered_by == "whoever answered"
    assert json.loads((tmp_path / "cassette.json").read_text())["schema_version"] == 1


async def test_replay_finds_answers_of_whatever_model_gave_them(tmp_path: Path) -> None:
    cassette = Cassette(tmp_path)
    cassette.describe({"*": "relay", "coder": "openai:weak"})
    cassette.record(entry(request("hard"), "from the strong one", "openai:strong"))
    cassette.record(entry(request("easy"), "from its own", "openai:weak"))
    replay = ReplayModel(Cassette(tmp_path))
    assert (await replay.complete(request("easy"))).text == "from its own"
    reply = await replay.complete(request("hard"))
    assert (reply.text, reply.model, reply.replayed) == ("from the strong one", "openai:strong", True)


async def test_drift_shows_the_difference_to_the_nearest_recorded_request_of_that_purpose(tmp_path: Path) -> None:
    cassette = Cassette(tmp_path)
    cassette.describe({"*": "relay"})
    long = "".join(f"line {number}\n" for number in range(50))
    cassette.record(entry(request(long + "old end")))
    cassette.record(entry(request("something else")))
    cassette.record(entry(request(long + "new end!", purpose="input.ask")))
    with pytest.raises(ReplayDrift) as caught:
        await ReplayModel(Cassette(tmp_path)).complete(request(long + "new end"))
    assert caught.value.exit_code == 6
    assert "-old end" in caught.value.difference
    assert "+new end" in caught.value.difference
    assert len(caught.value.difference.splitlines()) < 12


async def test_a_damaged_answer_stops_a_replay_instead_of_being_asked_for(tmp_path: Path) -> None:
    cassette = Cassette(tmp_path)
    cassette.describe({"*": "relay"})
    recorded = entry(request())
    cassette.record(recorded)
    (tmp_path / f"{recorded.key}.json").write_bytes(b"{")
    with pytest.raises(StorageError, match="damaged"):
        await ReplayModel(Cassette(tmp_path)).complete(request())
