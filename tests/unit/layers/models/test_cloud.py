"""The model cloud: routing, cassette, budget and retries around every call."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest

from sixfold.domain.errors import (
    BudgetExceeded,
    ConfigurationError,
    ModelMisconfigured,
    ModelUnavailable,
    ReplayDrift,
    StorageError,
)
from sixfold.domain.model import Message, ModelReply, ModelRequest
from sixfold.domain.run import Budget
from sixfold.fakes.model import Answer, Rule, ScriptedModel, ScriptEnded
from sixfold.layers.models.adapter import Adapter, Transient
from sixfold.layers.models.cloud import CallRecord, ModelCloud
from sixfold.layers.models.routing import open_cloud

SECRET = "correct-horse-battery"


class StoppedClock:
    def now(self) -> str:
        return "2026-01-01T00:00:00.000Z"

    def monotonic(self) -> float:
        return 0.0


class Naps:
    """A sleep that takes no time and remembers how long it should have been."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, delay_s: float) -> None:
        self.seconds.append(delay_s)


def cloud(folder: Path, model: Adapter | Mapping[str, Adapter] | None, **more: object) -> ModelCloud:
    adapters = {} if model is None else model if isinstance(model, Mapping) else {"*": model}
    values: dict[str, object] = {"environ": {}, "clock": StoppedClock(), "sleep": Naps(), **more}
    return open_cloud(
        [(role, f"scripted-{role}") for role in adapters],
        folder=folder,
        adapters={f"scripted-{role}": adapter for role, adapter in adapters.items()},
        **values,  # type: ignore[arg-type]
    )


def request(text: str = "hello", role: str = "coder", **more: object) -> ModelRequest:
    return ModelRequest(
        purpose="development.write_patch",
        role=role,  # type: ignore[arg-type]
        system="s",
        messages=(Message(author="user", text=text),),
        **{"max_output_tokens": 100, **more},  # type: ignore[arg-type]
    )


async def test_each_role_gets_its_model_and_the_rest_the_default(tmp_path: Path) -> None:
    coder, other = ScriptedModel(["from coder"], name="c"), ScriptedModel(["from default"], name="d")
    models = cloud(tmp_path, {"coder": coder, "*": other})
    assert (await models.complete(request())).text == "from coder"
    assert (await models.complete(request(role="analyst"))).text == "from default"


def test_without_any_model_the_error_shows_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ModelMisconfigured) as caught:
        cloud(tmp_path, None)
    assert caught.value.exit_code == 2
    for way in ("ANTHROPIC_API_KEY", "ollama:", "relay:", "command:", "replay:"):
        assert way in caught.value.next


async def test_a_reply_is_on_disk_before_anybody_sees_it(tmp_path: Path) -> None:
    seen: list[bool] = []

    def look(record: CallRecord) -> None:
        seen.append("the reply" in (tmp_path / "cassette" / f"{record.request}.json").read_text())

    await cloud(tmp_path, ScriptedModel(["the reply"]), on_call=look).complete(request())
    assert seen == [True]


async def test_a_recorded_reply_is_never_asked_or_paid_for_again(tmp_path: Path) -> None:
    first = cloud(tmp_path, ScriptedModel(["once"], usd_per_token=0.01))
    paid = await first.complete(request(), scope="T1")
    resumed = cloud(tmp_path, ScriptedModel([], usd_per_token=0.01))
    again = await resumed.complete(request(), scope="T1")
    assert again.text == paid.text
    assert (paid.replayed, again.replayed) == (False, True)
    assert resumed.spent() == first.spent() == resumed.spent("T1") == paid.usage


async def test_a_crash_between_reply_and_settlement_neither_asks_nor_charges_twice(tmp_path: Path) -> None:
    paid = await cloud(tmp_path, ScriptedModel(["once"], usd_per_token=0.01)).complete(request())
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_bytes(ledger.read_bytes().splitlines(keepends=True)[0])  # only the reservation reached the disk
    resumed = cloud(tmp_path, ScriptedModel([], usd_per_token=0.01))
    assert (await resumed.complete(request())).replayed
    assert resumed.spent() == paid.usage


async def test_what_a_run_paid_for_is_not_called_recorded_after_a_crash(tmp_path: Path) -> None:
    await cloud(tmp_path, ScriptedModel(["once"], usd_per_token=0.01)).complete(request(), scope="T1")
    told: list[CallRecord] = []
    resumed = cloud(tmp_path, ScriptedModel([], usd_per_token=0.01), on_call=told.append)
    await resumed.complete(request(), scope="T1")
    # Another task that asks the same gets the answer for nothing.
    await resumed.complete(request(), scope="T2")
    assert [(record.scope, record.replayed) for record in told] == [("T1", False), ("T2", True)]


async def test_a_call_takes_as_long_when_it_is_told_again_as_when_it_was_told_first(tmp_path: Path) -> None:
    class Passing(StoppedClock):
        seconds = 0.0

        def monotonic(self) -> float:  # every look costs time, as a slow disk does after the answer came
            self.seconds += 0.07
            return self.seconds

    told: list[CallRecord] = []
    await cloud(tmp_path, ScriptedModel(["reply"]), clock=Passing(), on_call=told.append).complete(request())
    resumed = cloud(tmp_path, ScriptedModel([]), clock=Passing(), on_call=told.append)
    resumed.catch_up(lambda key, scope: False)
    assert [one.wall_s for one in told] == [0.07, 0.07]


async def test_answers_nobody_was_told_of_are_told_once_when_a_run_goes_on(tmp_path: Path) -> None:
    first: list[CallRecord] = []
    before = cloud(tmp_path, ScriptedModel(["known", "lost"]), on_call=first.append)
    await before.complete(request("a"), scope="T1")
    await before.complete(request("b"), scope="T2")
    late: list[CallRecord] = []
    resumed = cloud(tmp_path, ScriptedModel([]), on_call=late.append)
    resumed.catch_up(lambda request, scope: scope == "T1")
    assert late == first[1:]


async def test_what_came_from_a_recording_stays_recorded_after_a_crash(tmp_path: Path) -> None:
    await cloud(tmp_path / "first", ScriptedModel(["once"])).complete(request())
    replay = str(tmp_path / "first" / "cassette")
    told: list[bool] = []
    for _ in range(2):
        again = cloud(tmp_path / "again", None, replay=replay, on_call=lambda record: told.append(record.replayed))
        await again.complete(request())
    assert told == [True, True]


async def test_caps_of_run_phase_and_task_nest_and_the_refusal_names_the_one_that_is_reached(tmp_path: Path) -> None:
    answers = ScriptedModel(["a" * 40] * 9)
    caps = {"budget": Budget(tokens=1000), "phase_budget": Budget(tokens=300), "scope_budget": Budget(tokens=150)}
    models = cloud(tmp_path, answers, **caps)
    await models.complete(request("1", max_output_tokens=100), scope="T1")  # uses about a dozen
    with pytest.raises(BudgetExceeded, match=r"the budget task:T1:tokens is reached") as caught:
        await models.complete(request("2", max_output_tokens=150), scope="T1")
    assert "--task-budget-tokens" in caught.value.next
    # The same is too much for nobody's task in this phase only, where something was used up already.
    most = 300 - 2
    with pytest.raises(BudgetExceeded, match=r"the budget phase:development:tokens is reached") as caught:
        await models.complete(request("3", max_output_tokens=most))
    assert "--phase-budget-tokens" in caught.value.next
    await models.complete(msgspec.structs.replace(request("3", max_output_tokens=most), purpose="input.attempt"))
    raised = cloud(tmp_path, answers, **{**caps, "phase_budget": Budget(tokens=400)})
    await raised.complete(request("4", max_output_tokens=most))


async def test_identical_requests_under_way_share_one_call(tmp_path: Path) -> None:
    model = ScriptedModel(["one answer"])
    models = cloud(tmp_path, model)
    replies = await asyncio.gather(*(models.complete(request()) for _ in range(3)))
    assert [reply.text for reply in replies] == ["one answer"] * 3
    assert len(model.requests) == 1
    assert models.spent().calls == 1


async def test_different_samples_are_different_calls(tmp_path: Path) -> None:
    models = cloud(tmp_path, ScriptedModel(["one", "two"]))
    texts = {(await models.complete(request(sample=sample))).text for sample in (0, 1)}
    assert texts == {"one", "two"}


class Held(ScriptedModel):
    """Answers when told to."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__([Rule(*answers)])
        self.asked, self.go = asyncio.Event(), asyncio.Event()

    async def complete(self, request: ModelRequest, *, scope: str = "") -> ModelReply:
        self.asked.set()
        await self.go.wait()
        await asyncio.sleep(0)
        return await super().complete(request, scope=scope)


async def test_when_the_first_asker_is_interrupted_the_second_asks_itself(tmp_path: Path) -> None:
    model = Held("answer")
    models = cloud(tmp_path, model)
    first = asyncio.create_task(models.complete(request()))
    await model.asked.wait()
    second = asyncio.create_task(models.complete(request()))
    await asyncio.sleep(0)
    first.cancel()
    model.go.set()
    assert (await second).text == "answer"
    assert first.cancelled()


async def test_everybody_who_asked_gets_the_failure(tmp_path: Path) -> None:
    model = Held(ModelMisconfigured("no such model"))
    models = cloud(tmp_path, model)
    model.go.set()
    outcomes = await asyncio.gather(*(models.complete(request()) for _ in range(2)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ModelMisconfigured] * 2
    assert models.spent().calls == 0


async def test_secrets_reach_neither_model_nor_disk_nor_log(tmp_path: Path) -> None:
    planted = "sk-proj-" + "a1B2c3D4e5F6g7H8i9J0k1"
    model = ScriptedModel([Rule(lambda asked: f"you said {asked.messages[0].text} and {SECRET}")])
    records: list[CallRecord] = []
    models = cloud(tmp_path, model, secrets={"MY_TOKEN": SECRET}, on_call=records.append)
    reply = await models.complete(request(f"use {SECRET} and {planted}"))
    assert model.requests[0].messages[0].text == "use [redacted:my-token] and [redacted:api-key]"
    everything = [reply.text, repr(records)] + [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    for text in everything:
        assert SECRET not in text
        assert planted not in text


async def test_provider_keys_are_secrets_without_being_told(tmp_path: Path) -> None:
    model = ScriptedModel(["ok"])
    await cloud(tmp_path, model, environ={"OPENAI_API_KEY": "local-dev-key"}).complete(request("local-dev-key"))
    assert model.requests[0].messages[0].text == "[redacted:openai-api-key]"


async def test_secrets_in_error_texts_are_replaced(tmp_path: Path) -> None:
    failing = ScriptedModel([Rule(ModelUnavailable("failed", why=f"wrong key {SECRET}"))])
    with pytest.raises(ModelUnavailable) as caught:
        await cloud(tmp_path, failing, secrets={"K": SECRET}).complete(request())
    assert caught.value.why == "wrong key [redacted:k]"


@pytest.mark.parametrize("budget", [Budget(usd=0.5), Budget(tokens=50)])
async def test_a_budget_stops_the_call_before_it_is_made(tmp_path: Path, budget: Budget) -> None:
    model = ScriptedModel(["never"], usd_per_token=0.01)
    with pytest.raises(BudgetExceeded):
        await cloud(tmp_path, model, budget=budget).complete(request())
    assert model.requests == []


async def test_a_budget_in_dollars_needs_a_known_price(tmp_path: Path) -> None:
    model = ScriptedModel(["never"], usd_per_token=None)
    with pytest.raises(ConfigurationError, match="price of scripted"):
        await cloud(tmp_path, model, budget=Budget(usd=5.0)).complete(request())
    assert model.requests == []


async def test_parallel_calls_never_pass_the_cap_together(tmp_path: Path) -> None:
    model = ScriptedModel([Rule(*["ok"] * 50)], usd_per_token=0.001)
    models = cloud(tmp_path, model, budget=Budget(usd=0.5))
    outcomes = await asyncio.gather(
        *(models.complete(request(sample=number)) for number in range(50)), return_exceptions=True
    )
    assert all(isinstance(outcome, ModelReply | BudgetExceeded) for outcome in outcomes)
    assert len(model.requests) > 1
    assert (models.spent().cost_usd or 0) <= 0.5


async def test_what_the_server_asks_to_wait_is_waited_and_each_attempt_reserved(tmp_path: Path) -> None:
    naps = Naps()
    model = ScriptedModel([Rule(Transient("busy", retry_after_s=7.0), Transient("busy"), "at last")])
    models = cloud(tmp_path, model, sleep=naps)
    assert (await models.complete(request())).text == "at last"
    assert naps.seconds[0] == 7.0
    assert 1.0 <= naps.seconds[1] <= 1.5
    assert models.spent().calls == 1
    assert (tmp_path / "ledger.jsonl").read_text().count('"reserve"') == 3


async def test_an_attempt_that_may_have_been_billed_counts_in_full(tmp_path: Path) -> None:
    model = ScriptedModel([Rule(Transient("cut", billed=True), "ok")], usd_per_token=0.001)
    models = cloud(tmp_path, model)
    reply = await models.complete(request())
    assert models.spent().calls == 2
    assert (models.spent().cost_usd or 0) > (reply.usage.cost_usd or 0) + 0.1  # a hundred output tokens at least


async def test_patience_ends_and_says_how_often_it_tried(tmp_path: Path) -> None:
    naps = Naps()
    model = ScriptedModel([Rule(Transient("busy"), repeat=True)])
    with pytest.raises(ModelUnavailable, match=r"busy \(5 attempts\)") as caught:
        await cloud(tmp_path, model, sleep=naps).complete(request())
    assert caught.value.exit_code == 8
    assert len(naps.seconds) == 4


async def test_a_server_that_asks_for_too_long_a_pause_is_given_up_at_once(tmp_path: Path) -> None:
    naps = Naps()
    model = ScriptedModel([Rule(Transient("busy", retry_after_s=3600))])
    with pytest.raises(ModelUnavailable) as caught:
        await cloud(tmp_path, model, sleep=naps).complete(request())
    assert caught.value.retry_after_s == 3600
    assert naps.seconds == []


async def test_a_damaged_recording_is_asked_again_while_live(tmp_path: Path) -> None:
    reply = await cloud(tmp_path, ScriptedModel(["first"])).complete(request())
    (tmp_path / "cassette" / f"{reply.request}.json").write_bytes(b'{"half')
    assert (await cloud(tmp_path, ScriptedModel(["second"])).complete(request())).text == "second"
    assert (await cloud(tmp_path, ScriptedModel([])).complete(request())).text == "second"


async def test_a_recording_replays_elsewhere_without_a_model_and_tells_the_same_costs(tmp_path: Path) -> None:
    live = cloud(tmp_path / "live", ScriptedModel(["a", "b"], usd_per_token=0.01), record=str(tmp_path / "tape"))
    originals = [await live.complete(request(text), scope="T1") for text in ("one", "two")]
    replay = cloud(tmp_path / "replay", None, replay=str(tmp_path / "tape"), budget=Budget(usd=0.0))
    replies = [await replay.complete(request(text), scope="T1") for text in ("two", "one", "one")]
    assert [reply.text for reply in replies] == ["b", "a", "a"]
    assert [reply.request for reply in replies[:2]] == [originals[1].request, originals[0].request]
    assert all(reply.replayed for reply in replies)
    assert replay.spent("T1") == live.spent("T1")
    with pytest.raises(ReplayDrift):
        await replay.complete(request("three"))
    # The replayed run's own cassette is complete: it can be replayed in turn.
    third = cloud(tmp_path / "third", None, replay=str(tmp_path / "replay" / "cassette"))
    assert (await third.complete(request("one"))).text == "a"


async def test_a_resumed_run_completes_the_copy_of_its_cassette(tmp_path: Path) -> None:
    await cloud(tmp_path / "run", ScriptedModel(["a"])).complete(request())
    resumed = cloud(tmp_path / "run", ScriptedModel([]), record=str(tmp_path / "copy"))
    reply = await resumed.complete(request())
    assert (tmp_path / "copy" / f"{reply.request}.json").exists()


def test_a_cassette_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="no cassette"):
        cloud(tmp_path, None, replay=str(tmp_path / "nowhere"))


async def test_a_recording_can_play_one_role_as_if_it_were_the_model(tmp_path: Path) -> None:
    await cloud(tmp_path / "live", ScriptedModel(["recorded"])).complete(request())
    models = open_cloud(
        [("*", f"replay:{tmp_path / 'live' / 'cassette'}")], folder=tmp_path / "run", environ={}, clock=StoppedClock()
    )
    assert (await models.complete(request())).text == "recorded"
    assert '"scripted-*"' in (tmp_path / "run" / "cassette" / "cassette.json").read_text()


async def test_every_answered_call_is_reported(tmp_path: Path) -> None:
    records: list[CallRecord] = []
    models = cloud(tmp_path, ScriptedModel(["a"]), on_call=records.append)
    for _ in range(2):
        await models.complete(request(), scope="T3")
    assert [(record.purpose, record.role, record.scope, record.reply, record.replayed) for record in records] == [
        ("development.write_patch", "coder", "T3", "a", False),
        ("development.write_patch", "coder", "T3", "a", True),
    ]


async def test_a_script_that_ends_fails_loudly(tmp_path: Path) -> None:
    with pytest.raises(ScriptEnded, match="no answer left for development"):
        await cloud(tmp_path, ScriptedModel([])).complete(request())
