"""The ledger: figures that add up for roles and models, servers kept apart, whatever comes of a call."""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from providers import Call, ErrorKind, ModelsFailedError, RoleModels, Stats
from providers.ledger import Ledger, Usage
from providers.protocol import CallRole
from tests.providers.conftest import FakeOpenAI

if TYPE_CHECKING:
    from collections.abc import Iterable

ASK = [HumanMessage("hi")]
AMOUNTS = ("calls", "successes", "failures", "cancelled", "fallbacks", "input_tokens", "output_tokens",
           "cached_tokens", "reasoning_tokens", "unpriced_calls")  # fmt: skip


async def test_two_servers_that_have_one_model_are_told_apart(fake_openai: FakeOpenAI) -> None:
    other = FakeOpenAI()
    with other.running():
        first, second = (f"openai:m@{server.url}" for server in (fake_openai, other))
        models = RoleModels({"reasoning": f"{first}, {second}", "coding": second})
        fake_openai.plays.append("401")
        reply = await models.reply("reasoning", ASK, step="plan")
        await models.reply("coding", ASK, step="code")
        stats = models.stats()
        await models.aclose()
    assert [call.model for call in reply.calls] == [first, second]
    assert {name: (each.calls, each.failures) for name, each in stats.models.items()} == {
        first: (1, 1),
        second: (2, 0),
    }
    assert stats.models[second].fallbacks == stats.roles["reasoning"].fallbacks == 1
    assert set(stats.breakers) == {first, second}


async def test_an_address_of_the_environment_is_told_without_its_password(
    fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch, canary: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", fake_openai.url.replace("http://", f"http://user:{canary}@"))
    models = RoleModels({"coding": "openai:m"})
    await models.reply("coding", ASK, step="code")
    stats = models.stats()
    assert list(stats.models) == list(stats.breakers) == [f"openai:m@{fake_openai.url}"]
    assert canary not in stats.model_dump_json()
    await models.aclose()


async def test_a_call_that_was_given_up_counts_with_what_it_took(fake_openai: FakeOpenAI) -> None:
    models = RoleModels({"coding": f"openai:m@{fake_openai.url}"})
    fake_openai.plays.append("stall")
    asking = asyncio.create_task(models.reply("coding", ASK, step="code"))
    while not fake_openai.seen:  # noqa: ASYNC110 - the server is a thread, it sets no event of this loop
        await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await models.reply("coding", ASK, step="code")
    fake_openai.plays.append("404")
    with pytest.raises(ModelsFailedError):
        await models.reply("coding", ASK, step="code")
    used = models.stats().roles["coding"]
    assert (used.calls, used.successes, used.failures, used.cancelled) == (3, 1, 1, 1)
    assert used.input_tokens > 7  # the one that was given up was sent too
    await models.aclose()


def test_a_question_that_asked_nobody_counts_no_call() -> None:
    ledger = Ledger()
    ledger.record("coding", [], is_fallback=True)
    assert ledger.usage() == ({"coding": Usage()}, {})


TOKENS = st.none() | st.integers(0, 10_000)
CALLS = st.builds(
    Call,
    role=st.just("coding"),
    step=st.just("code"),
    backend=st.sampled_from(["openai", "offline"]),
    model_id=st.sampled_from(["a", "b", "offline"]),
    address=st.sampled_from(["", "http://x/v1", "http://y/v1"]),
    latency_s=st.floats(0, 100),
    first_token_s=st.none() | st.floats(0, 100),
    input_tokens=TOKENS,
    output_tokens=TOKENS,
    cached_tokens=TOKENS,
    reasoning_tokens=TOKENS,
    cost_usd=st.none() | st.sampled_from([0.0, 0.25, 1.5]),
    error=st.none() | st.sampled_from(get_args(ErrorKind)),
)


@given(st.lists(st.tuples(st.sampled_from(get_args(CallRole)), st.lists(CALLS, max_size=4), st.booleans())))
def test_roles_and_models_add_up_to_the_same(questions: list[tuple[CallRole, list[Call], bool]]) -> None:
    ledger = Ledger()
    for role, calls, is_fallback in questions:
        ledger.record(role, calls, is_fallback=is_fallback)
    roles, models = ledger.usage()

    def total(usages: Iterable[Usage], name: str) -> float:
        return math.fsum(getattr(each, name) for each in usages)

    for name in (*AMOUNTS, "cost_usd"):
        assert total(roles.values(), name) == total(models.values(), name)
    for each in (*roles.values(), *models.values()):
        assert each.calls == each.successes + each.failures + each.cancelled
        assert (each.latency_s is None) == (each.successes == 0)
    assert total(models.values(), "calls") == sum(len(calls) for _, calls, _ in questions)
    stats = Stats(roles=roles, models=models, breakers={"m": "open"})
    assert Stats.model_validate_json(json.dumps(stats.model_dump())) == stats
