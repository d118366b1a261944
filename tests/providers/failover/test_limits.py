"""Limits of a turn: checked before each attempt, enforced in the middle of one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from providers import (
    Allowance,
    LimitKind,
    LimitReachedError,
    ModelConfigError,
    ModelsFailedError,
    RoleModels,
)
from tests.providers.failover.striking import ASK, NEEDED, struck

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.providers.conftest import FakeOpenAI

FAILING = {"error": "rate_limit", "repeat": True}


@pytest.fixture
def served(fake_openai: FakeOpenAI, canary: str) -> RoleModels:
    """One model behind HTTP, at a server of one's own."""
    return RoleModels({"coding": f"openai:m@{fake_openai.url}"}, openai_api_key=SecretStr(canary))


@pytest.mark.parametrize(
    ("allowance", "limit"),
    [
        (Allowance(attempts=0), "model_calls"),
        (Allowance(seconds=0), "deadline"),
        (Allowance(seconds=-5), "deadline"),
        (Allowance(input_tokens=NEEDED - 1), "input_tokens"),
        (Allowance(output_tokens=0), "output_tokens"),
    ],
)
async def test_nothing_is_sent_when_nothing_is_left(
    allowance: Allowance, limit: LimitKind, served: RoleModels, fake_openai: FakeOpenAI
) -> None:
    assert await struck(served, allowance) == (limit, [])
    assert fake_openai.seen == []


async def test_what_just_fits_is_sent(served: RoleModels, fake_openai: FakeOpenAI) -> None:
    fake_openai.plays.append("no_usage")
    allowance = Allowance(attempts=1, input_tokens=NEEDED, output_tokens=2, cost_usd=0.0, seconds=60)
    reply = await served.reply("coding", ASK, step="code", allowance=allowance)
    (call,) = reply.calls
    assert (reply.text, call.input_tokens, call.output_tokens) == ("Hello", NEEDED, 2)
    assert (call.tokens_estimated, call.cost_usd) == (True, 0.0)


async def test_each_failed_attempt_counts(script: Callable[..., str]) -> None:
    models = RoleModels({"coding": ",".join(script(FAILING, name=name) for name in "abc")})
    limit, calls = await struck(models, Allowance(attempts=2))
    assert (limit, [call.error for call in calls]) == ("model_calls", ["rate_limit", "rate_limit"])
    limit, calls = await struck(models, Allowance(input_tokens=3 * NEEDED - 1))
    assert (limit, [call.input_tokens for call in calls]) == ("input_tokens", [NEEDED, NEEDED])
    with pytest.raises(ModelsFailedError):
        await models.reply("coding", ASK, step="code", allowance=Allowance(attempts=3))


async def test_output_of_a_failed_attempt_is_taken_off_the_next_one(script: Callable[..., str]) -> None:
    broken = script({"content": "x" * 60, "error": "cut_stream"}, name="broken")
    models = RoleModels({"coding": f"{broken},{script({'content': 'y' * 30})}"})
    limit, calls = await struck(models, Allowance(output_tokens=19))
    assert limit == "output_tokens"
    assert [(call.output_tokens, call.error) for call in calls] == [(10, "cut_stream"), (10, "cut_stream")]
    broken = script({"content": "x" * 60, "error": "cut_stream"}, name="again")
    models = RoleModels({"coding": f"{broken},{script({'content': 'y' * 30})}"})
    reply = await models.reply("coding", ASK, step="code", allowance=Allowance(output_tokens=20))
    assert reply.text == "y" * 30


async def test_an_answer_that_grows_too_long_is_stopped_where_it_exceeds(script: Callable[..., str]) -> None:
    models = RoleModels({"coding": script({"content": "abc " * 10_000, "usage": {"output_tokens": 9}})})
    limit, (call,) = await struck(models, Allowance(output_tokens=100))
    assert (limit, call.error, call.tokens_estimated) == ("output_tokens", "cut_stream", True)
    assert call.output_tokens in (101, 102)


@pytest.mark.parametrize("part", ["reasoning", "tool_calls"])
async def test_thinking_and_tool_calls_are_output_too(part: str, script: Callable[..., str]) -> None:
    long: Any = "x" * 300 if part == "reasoning" else [{"name": "f", "args": {"a": "x" * 300}}]
    models = RoleModels({"coding": script({part: long, "content": "a"})})
    assert (await struck(models, Allowance(output_tokens=50)))[0] == "output_tokens"


async def test_what_the_backend_reports_wins_over_the_estimate(script: Callable[..., str]) -> None:
    line = {"content": "a", "usage": {"input_tokens": 5000, "output_tokens": 700}}
    models = RoleModels({"coding": f"{script(line | {'content': ' '}, name='blank')},{script(line)}"})
    limit, calls = await struck(models, Allowance(input_tokens=5001))
    assert limit == "input_tokens"
    assert [(c.input_tokens, c.output_tokens, c.tokens_estimated, c.error) for c in calls] == [
        (5000, 700, False, "empty")
    ]
    # An answer that is there and paid for is given, even if it took more than was left.
    reply = await models.reply("coding", ASK, step="code", chain=script(line, name="one"),
                               allowance=Allowance(input_tokens=NEEDED, output_tokens=10))  # fmt: skip
    assert [(call.input_tokens, call.output_tokens) for call in reply.calls] == [(5000, 700)]


async def test_the_offline_model_says_that_it_estimates() -> None:
    reply = await RoleModels({}).reply("coding", ASK, step="answer")
    (call,) = reply.calls
    assert (call.tokens_estimated, call.cost_usd) == (True, 0.0)


async def test_a_zero_for_both_counts_is_no_report(served: RoleModels, fake_openai: FakeOpenAI) -> None:
    fake_openai.plays.append("zero_usage")
    (call,) = (await served.reply("coding", ASK, step="code")).calls
    assert (call.input_tokens, call.output_tokens, call.tokens_estimated) == (NEEDED, 2, True)


@pytest.mark.parametrize("play", ["drip", "stall", "hang"])
async def test_the_deadline_cuts_a_model_that_would_go_on(
    play: str, served: RoleModels, fake_openai: FakeOpenAI
) -> None:
    await served.reply("coding", ASK, step="code")  # the client is loaded
    fake_openai.plays.append(play)
    limit, (call,) = await asyncio.wait_for(struck(served, Allowance(seconds=0.5)), timeout=30)
    assert (limit, call.error, call.tokens_estimated) == ("deadline", "timeout", True)
    assert call.input_tokens == NEEDED
    assert bool(call.output_tokens) == (play != "hang")
    assert (await served.reply("coding", ASK, step="code")).text == "Hello", "the model stays usable"


async def test_the_deadline_is_one_for_all_attempts(script: Callable[..., str]) -> None:
    slow = ",".join(script({"delay_s": 3600}, name=name) for name in "abc")
    models = RoleModels({"coding": slow}, timeout_s=0.3)
    limit, calls = await asyncio.wait_for(struck(models, Allowance(seconds=0.5)), timeout=30)
    assert (limit, {call.error for call in calls}) == ("deadline", {"timeout"})
    assert len(calls) < 3


async def test_a_model_s_own_timeout_is_not_the_deadline(script: Callable[..., str]) -> None:
    chain = f"{script({'delay_s': 3600}, name='slow')},{script({'content': 'good'})}"
    models = RoleModels({"coding": chain}, timeout_s=0.1)
    reply = await models.reply("coding", ASK, step="code", allowance=Allowance(seconds=60))
    assert (reply.text, [call.error for call in reply.calls]) == ("good", ["timeout", None])


async def test_cancelling_passes_through_a_deadline(script: Callable[..., str]) -> None:
    models = RoleModels({"coding": script({"delay_s": 3600})})
    asking = asyncio.create_task(
        models.reply("coding", ASK, step="code", allowance=Allowance(seconds=60, output_tokens=9))
    )
    await asyncio.sleep(0.1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, timeout=10)


async def test_a_server_that_nobody_reached_took_no_tokens_but_an_attempt() -> None:
    models = RoleModels({"coding": "openai:m@http://127.0.0.1:9/v1,offline"})
    limit, (call,) = await struck(models, Allowance(attempts=1))
    assert (limit, call.error) == ("model_calls", "connection")
    assert (call.input_tokens, call.output_tokens, call.cost_usd) == (0, 0, 0.0)


async def test_the_output_limit_is_told_to_the_server(served: RoleModels, fake_openai: FakeOpenAI) -> None:
    for tokens in (None, 100, 1_000_000):
        await served.reply("coding", ASK, step="code", allowance=Allowance(output_tokens=tokens))
    bodies = [seen.body for seen in fake_openai.seen]
    # A number that a server may find too large is not told: it would refuse the request.
    assert [body.get("max_tokens") for body in bodies] == [None, 100, None]
    assert not any("max_completion_tokens" in body for body in bodies)


async def test_openai_is_told_in_its_own_words_up_to_what_the_model_can_write(
    fake_openai: FakeOpenAI, canary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.backends.openai.OPENAI_URL", fake_openai.url)
    models = RoleModels({"coding": f"openai:gpt-4o@{fake_openai.url}"}, openai_api_key=SecretStr(canary))
    for tokens in (100, 16_384, 16_385):
        await models.reply("coding", ASK, step="code", allowance=Allowance(output_tokens=tokens))
    bodies = [seen.body for seen in fake_openai.seen]
    assert [body.get("max_completion_tokens") for body in bodies] == [100, 16_384, None]
    assert not any("max_tokens" in body for body in bodies)


async def test_an_answer_cut_by_the_limit_that_the_server_was_told_is_no_answer(
    served: RoleModels, fake_openai: FakeOpenAI
) -> None:
    fake_openai.plays.extend(["length", "length", "length"])
    limit, (call,) = await struck(served, Allowance(output_tokens=2))
    assert (limit, call.error, call.output_tokens, call.tokens_estimated) == (
        "output_tokens",
        "cut_stream",
        2,
        False,
    )
    # Shorter than what was allowed, so the model met a limit of its own, as ever.
    for allowance in (Allowance(output_tokens=50), Allowance()):
        assert (await served.reply("coding", ASK, step="code", allowance=allowance)).text == "Hello"


@pytest.mark.parametrize(("skip", "text"), [(-1, "0"), (0, "0"), (1, "1"), (2, "2"), (3, "2"), (99, "2")])
async def test_skipping_passes_over_the_head_of_the_chain(
    skip: int, text: str, script: Callable[..., str]
) -> None:
    chain = ",".join(script({"content": name}, name=name) for name in "012")
    reply = await RoleModels({"coding": chain}).reply(
        "coding", ASK, step="code", allowance=Allowance(skip=skip)
    )
    assert (reply.text, len(reply.calls)) == (text, 1)


async def test_a_limit_that_strikes_tells_no_key(
    served: RoleModels, fake_openai: FakeOpenAI, canary: str
) -> None:
    fake_openai.plays.append("drip")
    with pytest.raises(LimitReachedError, match=r"^The limit on output tokens was reached\.$") as reached:
        await served.reply("coding", ASK, step="code", allowance=Allowance(output_tokens=5))
    assert reached.value.__context__ is None
    assert canary not in str(reached.value)


async def test_a_wrong_chain_is_still_a_configuration_error() -> None:
    with pytest.raises(ModelConfigError):
        await RoleModels({}).reply("coding", ASK, step="code", chain="x:y", allowance=Allowance(attempts=0))
    with pytest.raises(ModelConfigError):
        RoleModels({}).facts("coding", "x:y")
