"""A folder as a model: requests and answers as files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sixfold.domain.data import digest
from sixfold.domain.model import Image, Message, ModelRequest
from sixfold.layers.models.relay import RelayModel

PICTURE = b"\x89PNG picture"


def request(text: str = "What is 2 + 2?", images: tuple[Image, ...] = ()) -> ModelRequest:
    return ModelRequest(
        purpose="input.ask",
        role="analyst",
        system="Answer briefly.",
        messages=(Message(author="user", text=text, images=images),),
        json_schema={"type": "object"},
    )


class Answering:
    """Stands in for the pause between two looks: does the next thing on its list."""

    def __init__(self, *actions: Callable[[], object]) -> None:
        self.actions = list(actions)

    async def __call__(self, delay_s: float) -> None:
        if self.actions:
            self.actions.pop(0)()


def nothing() -> None:
    pass


def test_a_request_file_holds_all_a_stranger_needs(tmp_path: Path) -> None:
    import asyncio

    image = Image(digest=digest(PICTURE), media_type="image/png")
    answer = Answering(lambda: (tmp_path / "0001.response.md").write_text("4"))
    relay = RelayModel(tmp_path, owner="r-1", blob=lambda _: PICTURE, sleep=answer)
    reply = asyncio.run(relay.complete(request(images=(image,))))
    text = (tmp_path / "0001.request.md").read_text()
    assert reply.text == "4"
    assert reply.usage.estimated
    for needed in ("Answer briefly.", "What is 2 + 2?", "0001.response.tmp", "0001.response.md", "0001.image-1.png"):
        assert needed in text
    assert '{"type":"object"}' in text
    assert (tmp_path / "0001.image-1.png").read_bytes() == PICTURE
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "0001.image-1.png",
        "0001.request.md",
        "0001.response.md",
    ]


async def test_an_answer_written_in_place_is_taken_only_when_it_stopped_growing(tmp_path: Path) -> None:
    response = tmp_path / "0001.response.md"
    answer = Answering(
        lambda: response.write_text(""),
        nothing,
        lambda: response.write_text("half"),
        lambda: response.write_text("half and the rest"),
    )
    assert (await RelayModel(tmp_path, sleep=answer).complete(request())).text == "half and the rest"


async def test_numbers_go_on_after_those_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "0041.response.md").write_text("of another run")
    answer = Answering(lambda: (tmp_path / "0042.response.md").write_text("x"))
    await RelayModel(tmp_path, sleep=answer).complete(request())
    assert (tmp_path / "0042.request.md").exists()


class Killed(Exception):
    pass


def kill() -> None:
    raise Killed


async def test_a_resumed_run_finds_its_open_request_again(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        await RelayModel(tmp_path, owner="r-1", sleep=Answering(kill)).complete(request())
    (tmp_path / "0001.response.md").write_text("answered meanwhile")
    reply = await RelayModel(tmp_path, owner="r-1", sleep=Answering()).complete(request())
    assert reply.text == "answered meanwhile"
    assert not (tmp_path / "0002.request.md").exists()


@pytest.mark.parametrize("owner", ["r-2", "r-12", ""])
async def test_another_run_asks_anew(tmp_path: Path, owner: str) -> None:
    with pytest.raises(Killed):
        await RelayModel(tmp_path, owner="r-1", sleep=Answering(kill)).complete(request())
    answer = Answering(lambda: (tmp_path / "0002.response.md").write_text("fresh"))
    assert (await RelayModel(tmp_path, owner=owner, sleep=answer).complete(request())).text == "fresh"


async def test_a_request_that_quotes_a_relay_header_is_not_taken_for_one(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        await RelayModel(tmp_path, owner="r-1", sleep=Answering(kill)).complete(request())
    quoted = (tmp_path / "0001.request.md").read_text()
    (tmp_path / "0001.request.md").unlink()
    with pytest.raises(Killed):
        await RelayModel(tmp_path, owner="r-1", sleep=Answering(kill)).complete(request(quoted))
    answer = Answering(lambda: (tmp_path / "0002.response.md").write_text("right"))
    assert (await RelayModel(tmp_path, owner="r-1", sleep=answer).complete(request())).text == "right"


def test_runs_that_ask_at_the_same_moment_never_write_over_each_other(tmp_path: Path) -> None:
    import asyncio
    from threading import Barrier, Thread

    together = Barrier(8)
    answers: dict[str, str] = {}

    def ask(owner: str) -> None:
        async def answered(delay_s: float) -> None:
            for path in tmp_path.glob("*.request.md"):
                text = path.read_text()
                if f"run: {owner}\n" in text:
                    picture = (tmp_path / f"{path.name[:4]}.image-1.png").read_bytes()
                    response = tmp_path / f"{path.name[:4]}.response.md"
                    if not response.exists():
                        response.write_bytes(picture)

        image = Image(digest=digest(owner), media_type="image/png")
        relay = RelayModel(tmp_path, owner=owner, blob=lambda _: owner.encode(), sleep=answered)
        together.wait()
        answers[owner] = asyncio.run(relay.complete(request(images=(image,)))).text

    threads = [Thread(target=ask, args=(f"r-{number}",)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {f"r-{number}": f"r-{number}" for number in range(8)}
    assert len(list(tmp_path.glob("*.request.md"))) == 8
