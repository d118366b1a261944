"""What each role asks with: its temperature, its limit on tokens, its timeouts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage

from providers import ModelConfigError, ModelsFailedError, RoleModels, RoleParameters, Timeouts
from providers.backend import Sampling

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.providers.conftest import FakeOpenAI

ASK = [HumanMessage("hi")]


async def test_each_role_sends_its_own_parameters_and_others_send_none(fake_openai: FakeOpenAI) -> None:
    chain = f"openai:m@{fake_openai.url}"
    own = RoleParameters(
        temperature=0.1, top_p=0.9, frequency_penalty=0.5, presence_penalty=-1, max_tokens=9000
    )
    models = RoleModels({"coding": chain, "reasoning": chain}, parameters={"coding": own})
    await models.reply("coding", ASK, step="code")
    await models.reply("reasoning", ASK, step="plan")
    coding, reasoning = (seen.body for seen in fake_openai.seen)
    sent = {
        "temperature": 0.1,
        "top_p": 0.9,
        "frequency_penalty": 0.5,
        "presence_penalty": -1,
        "max_tokens": 9000,
    }
    assert {name: coding.get(name) for name in sent} == sent
    assert not set(sent) & set(reasoning)
    await models.aclose()


async def test_what_a_service_does_not_take_is_not_sent(fake_openai: FakeOpenAI) -> None:
    own = RoleParameters(temperature=0.2, frequency_penalty=1, max_tokens=50)
    models = RoleModels({"coding": f"xai:m@{fake_openai.url}"}, parameters={"coding": own})
    await models.reply("coding", ASK, step="code")
    body = fake_openai.seen[0].body
    assert (body["temperature"], body["max_completion_tokens"]) == (0.2, 50)
    assert "frequency_penalty" not in body
    await models.aclose()


async def test_a_role_waits_only_as_long_as_it_says(fake_openai: FakeOpenAI) -> None:
    chain = f"openai:m@{fake_openai.url}"
    models = RoleModels(
        {"coding": chain, "reasoning": chain},
        parameters={"coding": RoleParameters(first_token_timeout_s=0.3)},
    )
    fake_openai.plays.extend(["hang", "hang"])
    with pytest.raises(ModelsFailedError, match=r"no first token within 0\.3 s"):
        await asyncio.wait_for(models.reply("coding", ASK, step="code", chain=None), timeout=60)
    await models.aclose()


def test_a_roles_timeout_counts_in_what_it_can_cost() -> None:
    chain = "openai:m@http://127.0.0.1:9/v1"
    plain = RoleModels({"coding": chain}, timeout_s=100).facts("coding")
    models = RoleModels(
        {"coding": chain}, timeout_s=100, parameters={"coding": RoleParameters(timeout_s=250)}
    )
    assert models.facts("coding").seconds - plain.seconds == 150 * plain.attempts
    assert models.facts("reasoning").seconds == 100


async def test_running_calls_keep_what_they_began_with(script: Callable[..., str]) -> None:
    slow, other = (
        script({"content": "1", "delay_s": 0.3}, name="slow"),
        script({"content": "2"}, name="other"),
    )
    models = RoleModels({"coding": slow})
    running = asyncio.create_task(models.reply("coding", ASK, step="code"))
    await asyncio.sleep(0)
    await asyncio.to_thread(models.configure, "coding", other, RoleParameters())
    assert (await models.reply("coding", ASK, step="code")).text == "2"
    assert (await running).text == "1"


def test_a_wrong_change_changes_nothing() -> None:
    models = RoleModels({"coding": "offline"})
    before = models.config("coding")
    with pytest.raises(ModelConfigError, match="The coding model: Unknown provider"):
        models.configure("coding", "opnai:gpt-5", RoleParameters())
    assert models.config("coding") is before


@pytest.mark.parametrize(
    ("updates", "words"),
    [
        ({"temprature": 1}, "The coding role has no parameter 'temprature': did you mean 'temperature'?"),
        ({"temperature": 3}, "The coding role's temperature is 3, which is wrong: "),
        ({"max_tokens": 0}, "The coding role's max_tokens is 0, which is wrong: "),
        ({"timeout_s": float("nan")}, "The coding role's timeout_s is nan, which is wrong: "),
    ],
)
def test_a_wrong_parameter_is_one_sentence(updates: dict[str, float], words: str) -> None:
    with pytest.raises(ModelConfigError) as error:
        RoleParameters().updated(updates, "coding")
    assert str(error.value).startswith(words)
    assert "\n" not in str(error.value)


@given(
    st.builds(
        RoleParameters, temperature=st.none() | st.floats(0, 2), timeout_s=st.none() | st.floats(1, 3600)
    ),
    st.fixed_dictionaries(
        {}, optional={"temperature": st.none() | st.floats(0, 2), "max_tokens": st.integers(1, 99)}
    ),
)
def test_an_update_changes_what_it_names_and_nothing_else(
    before: RoleParameters, updates: dict[str, float | None]
) -> None:
    after = before.updated(updates, "coding")
    assert after.model_dump() == before.model_dump() | updates
    assert after.timeouts(Timeouts()).total_s == (before.timeout_s or Timeouts().total_s)
    assert isinstance(after.sampling, Sampling)
