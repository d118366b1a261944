"""Money: what is known to cost is metered, what is unknown is not taken for free."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from providers import (
    Allowance,
    Call,
    ModelsFailedError,
    Retries,
    RoleModels,
)
from tests.providers.failover.striking import ASK, NEEDED, struck

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.providers.conftest import FakeOpenAI


@pytest.fixture
def priced(fake_openai: FakeOpenAI, canary: str, monkeypatch: pytest.MonkeyPatch) -> RoleModels:
    """A model with a price: the fake server stands in the way to OpenAI as a proxy."""
    for name in ("NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "http_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTP_PROXY", fake_openai.url.removesuffix("/v1"))
    return RoleModels(
        {"coding": "openai:gpt-4o@http://api.openai.com/v1"},
        openai_api_key=SecretStr(canary),
        retries=Retries(tries=1),
    )


async def test_a_script_spends_what_its_lines_say(script: Callable[..., str]) -> None:
    line: dict[str, Any] = {"content": "a b", "usage": {"cost_usd": 0.25}}

    models = RoleModels({"coding": script(line, line | {"error": "cut_stream"}, {"content": "free"}, line)})
    calls: list[Call] = []
    for _ in range(4):
        try:
            calls += (await models.reply("coding", ASK, step="code")).calls
        except ModelsFailedError as failed:
            calls += failed.calls
    assert [call.cost_usd for call in calls] == [0.25, 0.25, 0.0, 0.25]
    assert all(call.tokens_estimated for call in calls)


async def test_a_script_that_spends_is_not_asked_without_money(script: Callable[..., str]) -> None:
    first = script({"error": "cut_stream", "usage": {"cost_usd": 0.25}, "repeat": True}, name="first")
    second = script({"content": "good", "usage": {"cost_usd": 0.25}, "repeat": True}, name="second")
    models = RoleModels({"coding": f"{first},{second}"})
    assert await struck(models, Allowance(cost_usd=0.0)) == ("cost", [])
    limit, calls = await struck(models, Allowance(cost_usd=0.25))
    assert (limit, [call.cost_usd for call in calls]) == ("cost", [0.25])
    reply = await models.reply("coding", ASK, step="code", allowance=Allowance(cost_usd=0.26))
    assert [call.cost_usd for call in reply.calls] == [0.25, 0.25]


async def test_free_models_answer_without_money(script: Callable[..., str]) -> None:
    models = RoleModels({"coding": script({"content": "good"})})
    reply = await models.reply("coding", ASK, step="code", allowance=Allowance(cost_usd=0.0))
    assert [call.cost_usd for call in reply.calls] == [0.0]


async def test_a_model_of_unknown_price_is_not_metered(fake_openai: FakeOpenAI, priced: RoleModels) -> None:
    chain = "openai:m@http://llm.example.com/v1"
    reply = await priced.reply("coding", ASK, step="code", chain=chain, allowance=Allowance(cost_usd=0.0))
    assert [call.cost_usd for call in reply.calls] == [None]
    assert fake_openai.seen[0].path == "http://llm.example.com/v1/chat/completions"


async def test_money_pays_for_the_input_first_and_the_rest_buys_output(
    fake_openai: FakeOpenAI, priced: RoleModels
) -> None:
    (price,) = priced.facts("coding").prices
    assert price is not None
    input_usd, token_usd = NEEDED * price.input_usd / 1e6, price.output_usd / 1e6
    for money in (0.0, input_usd * 0.99, input_usd + 0.9 * token_usd):
        assert await struck(priced, Allowance(cost_usd=money)) == ("cost", [])
    assert fake_openai.seen == []
    reply = await priced.reply(
        "coding", ASK, step="code", allowance=Allowance(cost_usd=input_usd + 50.5 * token_usd)
    )
    assert fake_openai.seen[0].body["max_tokens"] == 50
    assert [call.cost_usd for call in reply.calls] == [
        pytest.approx((7 * price.input_usd + 2 * price.output_usd) / 1e6)
    ]
    fake_openai.plays.append("drip")
    limit, (call,) = await struck(priced, Allowance(cost_usd=input_usd + 50.5 * token_usd, seconds=60))
    assert (limit, call.error, call.output_tokens) == ("cost", "cut_stream", 51)
    assert call.cost_usd == pytest.approx(input_usd + 51 * token_usd)


@pytest.mark.parametrize(("play", "paid"), [("401", False), ("529", False), ("cut", True), ("empty", True)])
async def test_a_refused_request_costs_nothing_and_a_broken_answer_does(
    play: str, paid: bool, fake_openai: FakeOpenAI, priced: RoleModels  # noqa: FBT001
) -> None:  # fmt: skip
    fake_openai.plays.append(play)
    with pytest.raises(ModelsFailedError) as failed:
        await priced.reply("coding", ASK, step="code")
    (call,) = failed.value.calls
    assert (call.input_tokens, call.tokens_estimated) == (NEEDED, True)
    assert call.cost_usd is not None
    assert (call.cost_usd > 0) == paid
