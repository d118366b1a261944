"""Failover over real HTTP: who is asked, how often, and what is shown of what broke off."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from benchmarks.loopback import Address, loopback
from providers import (
    Allowance,
    BreakerRule,
    Breakers,
    Call,
    LimitReachedError,
    ModelsFailedError,
    Retries,
    RoleModels,
    Timeouts,
)
from providers.protocol import ModelConfigError

if TYPE_CHECKING:
    from providers.backend import ModelSpec
    from tests.providers.conftest import FakeOpenAI

ASK = [HumanMessage("hi")]
AT_ONCE = Retries(random=lambda: 0.0)
SHORT = Timeouts(first_token_s=1, stall_s=0.5, total_s=30)
"""Short, and yet long enough for a healthy model on a busy machine."""


@pytest.fixture(scope="module")
def server() -> Iterator[Address]:
    with loopback() as address:
        yield address


class Chain:
    """Chains on the loopback server by the names of their faults, and what was asked of it meanwhile."""

    def __init__(self, server: Address) -> None:
        self._server = server
        self._before = server.counts()

    def __call__(self, *faults: str, **options: Any) -> RoleModels:  # noqa: ANN401 - as RoleModels takes them
        chain = ",".join(f"openai:{fault}@{self._server.url}" for fault in faults)
        return RoleModels({"reasoning": chain}, **({"retries": AT_ONCE} | options))

    def asked(self) -> dict[str, int]:
        """Requests since the test began."""
        return {
            model: count - self._before.get(model, 0)
            for model, count in self._server.counts().items()
            if count > self._before.get(model, 0)
        }


@pytest.fixture
def chain(server: Address) -> Chain:
    return Chain(server)


async def ask(models: RoleModels, **options: Any) -> tuple[str, list[Call]]:  # noqa: ANN401 - as reply
    reply = await models.reply("reasoning", ASK, **({"step": "answer"} | options))
    assert not reply.partial
    return reply.text, reply.calls


def errors(calls: list[Call]) -> list[tuple[str, int, str | None]]:
    return [(call.model_id, call.attempt, call.error) for call in calls]


@pytest.mark.parametrize("fault", ["500", "529", "empty"])
async def test_what_another_try_may_cure_is_tried_again_before_the_backup(fault: str, chain: Chain) -> None:
    text, calls = await ask(chain(fault, "answer"))
    assert text == "Hello"
    assert [(model, attempt) for model, attempt, _ in errors(calls)] == [
        (fault, 1),
        (fault, 2),
        ("answer", 1),
    ]
    assert chain.asked() == {fault: 2, "answer": 1}


@pytest.mark.parametrize("fault", ["401", "404", "malformed"])
async def test_what_no_try_can_cure_goes_to_the_backup_at_once(fault: str, chain: Chain) -> None:
    text, calls = await ask(chain(fault, "answer"))
    assert (text, len(calls)) == ("Hello", 2)
    assert chain.asked() == {fault: 1, "answer": 1}


async def test_a_short_wait_that_the_server_asks_for_is_kept_without_a_backup(chain: Chain) -> None:
    started = time.monotonic()
    text, calls = await ask(chain("429-once"))
    assert (text, [call.error for call in calls]) == ("Hello", ["rate_limit", None])
    assert time.monotonic() - started >= 0.2


async def test_with_a_backup_nobody_waits_for_long(chain: Chain) -> None:
    text, calls = await asyncio.wait_for(ask(chain("429", "answer")), timeout=20)
    assert (text, errors(calls)) == ("Hello", [("429", 1, "rate_limit"), ("answer", 1, None)])


async def test_a_wait_that_does_not_fit_into_what_is_left_is_not_made(chain: Chain) -> None:
    with pytest.raises(ModelsFailedError, match=r"It asks to wait 30 s\.$") as failed:
        await asyncio.wait_for(ask(chain("429"), allowance=Allowance(seconds=20)), timeout=15)
    assert errors(failed.value.calls) == [("429", 1, "rate_limit")]


async def test_every_try_is_a_model_call(chain: Chain) -> None:
    with pytest.raises(LimitReachedError) as reached:
        await ask(chain("500", "answer"), allowance=Allowance(attempts=2))
    assert (reached.value.limit, len(reached.value.calls)) == ("model_calls", 2)
    models = chain("500", "529", retries=Retries(tries=3, random=lambda: 0.0))
    with pytest.raises(ModelsFailedError) as failed:
        await ask(models)
    assert len(failed.value.calls) == models.facts("reasoning").attempts == 6


@pytest.mark.parametrize(
    ("fault", "timeouts", "words"),
    [
        ("hang", Timeouts(first_token_s=0.4), "no first token within 0.4 s"),
        ("stall", Timeouts(stall_s=0.3), "stalled for 0.3 s"),
        ("drip", Timeouts(total_s=0.8), "no complete answer within 0.8 s"),
    ],
)
async def test_the_timeout_that_struck_is_named(
    fault: str, timeouts: Timeouts, words: str, chain: Chain
) -> None:
    with pytest.raises(ModelsFailedError, match=words) as failed:
        await asyncio.wait_for(ask(chain(fault, timeouts=timeouts), step="code"), timeout=20)
    assert {call.error for call in failed.value.calls} == {"timeout"}
    assert len(failed.value.calls) == (2 if fault == "hang" else 1), "what was shown is not started over"


async def test_a_model_that_was_waited_for_is_not_asked_again_before_the_backup(chain: Chain) -> None:
    text, calls = await ask(chain("hang", "answer", timeouts=SHORT))
    assert (text, errors(calls)) == ("Hello", [("hang", 1, "timeout"), ("answer", 1, None)])


@pytest.mark.parametrize("fault", ["stall", "cut"])
async def test_what_broke_off_is_never_spliced(fault: str, chain: Chain) -> None:
    text, calls = await ask(chain(fault, "answer", timeouts=SHORT))
    assert (text, [call.model_id for call in calls]) == ("Hello", [fault, "answer"])
    assert all(call.first_token_s is not None for call in calls)


async def test_without_a_backup_half_an_answer_is_marked_and_half_a_program_is_none(chain: Chain) -> None:
    models = chain("cut", "404")
    reply = await models.reply("reasoning", ASK, step="answer")
    assert (reply.text, reply.partial) == ("Hel", True)
    assert [call.error for call in reply.calls] == ["cut_stream", "not_found"]
    with pytest.raises(ModelsFailedError):
        await models.reply("reasoning", ASK, step="code")


async def test_a_call_tells_tokens_time_and_who_says_what_it_cost(chain: Chain) -> None:
    _, (call,) = await ask(chain("answer"))
    assert (call.input_tokens, call.output_tokens, call.cached_tokens) == (7, 2, None)
    assert (call.cost_usd, call.cost_source) == (0.0, "local server")
    assert call.first_token_s is not None
    assert 0 < call.first_token_s <= call.latency_s


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def test_an_endpoint_that_fails_again_and_again_is_left_alone_until_a_probe_succeeds(
    chain: Chain,
) -> None:
    clock = Clock()
    breakers = Breakers(BreakerRule(failures=2, cool_down_s=10), clock)
    models = chain("500", "answer", breakers=breakers)
    await ask(models)
    _, calls = await ask(models)
    assert errors(calls) == [("answer", 1, None)]
    (why,) = calls[0].passed_over
    assert why.startswith("openai:500@")
    assert why.endswith("not asked, it failed again and again; tried anew in 10 s.")
    clock.now += 10
    _, calls = await ask(models)
    assert errors(calls) == [("500", 1, "overloaded"), ("answer", 1, None)], "a single probe"
    assert chain.asked() == {"500": 3, "answer": 3}


async def test_when_all_are_left_alone_the_one_that_opens_first_is_probed(chain: Chain) -> None:
    clock = Clock()
    models = chain("500", "529", breakers=Breakers(BreakerRule(failures=1, cool_down_s=10), clock))
    with pytest.raises(ModelsFailedError):
        await ask(models)
    clock.now += 1
    with pytest.raises(ModelsFailedError) as failed:
        await ask(models)
    assert errors(failed.value.calls) == [("500", 1, "overloaded")]
    assert failed.value.calls[0].passed_over
    assert str(failed.value).count("not asked, it failed again and again") == 2


async def test_what_surely_does_not_fit_is_not_sent(chain: Chain) -> None:
    def window(spec: ModelSpec) -> int | None:
        return 300 if spec.model == "500" else None

    models = chain("500", "answer", context_tokens=window)
    reply = await models.reply("reasoning", [HumanMessage("word " * 300)], step="answer")
    assert [call.model_id for call in reply.calls] == ["answer"]
    assert "do not fit into its context window of 300" in reply.calls[0].passed_over[0]
    alone = chain("500", context_tokens=window)
    with pytest.raises(ModelsFailedError, match="context window of 300") as failed:
        await alone.reply("reasoning", [HumanMessage("word " * 300)], step="answer")
    assert (failed.value.calls, chain.asked()) == ([], {"answer": 1})


@pytest.mark.parametrize("turns", range(5))
async def test_cancelling_passes_through_waits_and_tries_and_asks_nobody_else(
    turns: int, chain: Chain
) -> None:
    models = chain("500", retries=Retries(random=lambda: 1.0, base_s=30, longest_s=30))
    asking = asyncio.create_task(ask(models))
    await asyncio.sleep(0.05 * turns)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, timeout=10)
    before = chain.asked()
    await asyncio.sleep(0.05)
    assert chain.asked() == before


@pytest.mark.parametrize(
    "options",
    [
        {"timeouts": Timeouts(stall_s=0)},
        {"timeouts": Timeouts(connect_s=math.nan)},
        {"retries": Retries(tries=0)},
        {"retries": Retries(tries=11)},
    ],
)
def test_senseless_rules_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ModelConfigError, match="must be"):
        RoleModels({}, **options)


async def test_no_key_is_in_calls_or_messages_whatever_failed(fake_openai: FakeOpenAI, canary: str) -> None:
    fake_openai.plays.extend(["500", "429", "401", "500"])
    chain = f"openai:a@{fake_openai.url},openai:b@{fake_openai.url}"
    models = RoleModels(
        {"reasoning": chain},
        openai_api_key=SecretStr(canary),
        retries=AT_ONCE,
        breakers=Breakers(BreakerRule(failures=2)),
    )
    with pytest.raises(ModelsFailedError) as failed:
        await ask(models)
    _, calls = await ask(models)
    assert calls[0].passed_over
    told = f"{failed.value} {failed.value.calls} {calls} {failed.value.__context__!r}"
    assert canary not in told
    assert [seen.headers["authorization"] for seen in fake_openai.seen] == [f"Bearer {canary}"] * 5
