"""The anthropic backend: what it sends and refuses; its answers and faults are in the contract suite."""

from __future__ import annotations

import pytest
from langchain_core.messages import HumanMessage
from pydantic import SecretStr

from providers import ModelConfigError, RoleModels, parse_spec
from providers.backend import Backend, Sampling, Wiring
from providers.backends.script import ScriptShelf
from providers.registry import PROVIDERS
from tests.providers.backends.contract import serve

QUESTION = [HumanMessage("hi")]
BOTH = Sampling(temperature=1.5, top_p=0.5, presence_penalty=0.2)


def built(model: str) -> Backend:
    wiring = Wiring(ScriptShelf(), {"anthropic": SecretStr("k")})
    return PROVIDERS["anthropic"].build(parse_spec(f"anthropic:{model}"), wiring)


def test_without_a_key_the_variable_is_named() -> None:
    with pytest.raises(ModelConfigError, match="needs a key; set ANTHROPIC_API_KEY"):
        RoleModels({"coding": "anthropic:claude-opus-5-5"})


@pytest.mark.parametrize("variable", ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_URL"])
async def test_an_address_from_the_environment_is_followed_and_shown(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve("anthropic") as side:
        monkeypatch.setenv(variable, side.server.url)
        models = RoleModels({"reasoning": "anthropic:claude-opus-5-5"})
        assert models.describe("reasoning").endswith(f"(at {side.server.url}, from {variable})")
        assert (await models.reply("reasoning", QUESTION, step="plan")).text == "Hello"


def test_it_takes_temperature_or_top_p_and_the_newest_models_neither() -> None:
    older = built("claude-opus-4-6").sampling
    assert older is not None
    assert older(BOTH) == {"temperature": 1.0}
    assert older(Sampling(top_p=0.5)) == {"top_p": 0.5}
    newest = built("claude-opus-5-5").sampling
    assert newest is not None
    assert newest(BOTH) == {}


def test_a_dated_id_holds_to_a_schema_as_the_one_without_a_date() -> None:
    assert built("claude-haiku-4-5-20251001").json_schema is not None
    assert built("claude-unknown-20200101").json_schema is None


def test_a_limit_above_what_is_asked_for_anyway_is_not_sent() -> None:
    limit = built("claude-unknown").output_limit
    assert limit is not None
    assert limit(100) == {"max_tokens": 100}
    assert limit(10**9) == {}


async def test_input_that_is_counted_at_the_start_only_is_counted() -> None:
    with serve("anthropic") as side:
        side.server.plays.append("early_count")
        (call,) = (await side.models().reply("reasoning", QUESTION, step="plan")).calls
    assert (call.input_tokens, call.output_tokens, call.tokens_estimated) == (7, 2, False)
