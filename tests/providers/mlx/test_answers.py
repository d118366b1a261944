"""Answers of a model that was trained on the spot, through the chat model, the roles and the whole graph."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, ToolMessage

from providers import ModelError, RoleModels
from providers.mlx.runner import MlxRunner
from providers.protocol import Allowance, LimitReachedError, ModelsFailedError
from providers.runners import RunnerChatModel
from tests.providers.mlx.tiny import WEATHER

pytestmark = pytest.mark.slow


@pytest.fixture
async def chat(trained_model: Path) -> AsyncGenerator[RunnerChatModel]:
    runner = MlxRunner()
    yield RunnerChatModel(runner=runner, model=str(trained_model), provider="mlx")
    await runner.cleanup()


@pytest.fixture
async def roles(trained_model: Path, tmp_path: Path) -> AsyncGenerator[RoleModels]:
    # A folder that no other test of this process has loaded.
    own = shutil.copytree(trained_model, tmp_path / trained_model.name)
    models = RoleModels({"reasoning": f"mlx:{own}", "coding": f"mlx:{own}, offline"})
    yield models
    await models.aclose()


async def test_an_answer_streams_in_pieces_and_ends_with_its_usage(chat: RunnerChatModel) -> None:
    chunks = [chunk async for chunk in chat.astream("Hello")]
    assert len(chunks) > 10
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    assert isinstance(whole, AIMessageChunk)
    assert whole.content == "Hello! How can I help you?"
    assert whole.response_metadata["finish_reason"] == "stop"
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == 18


async def test_a_second_turn_reads_only_what_is_new(chat: RunnerChatModel) -> None:
    first = await chat.ainvoke("Hello")
    assert first.usage_metadata is not None
    turn = [HumanMessage("Hello"), first, HumanMessage("What is 2+2?")]
    second = await chat.ainvoke(turn)
    assert second.usage_metadata is not None
    cached = second.usage_metadata["input_token_details"]["cache_read"]
    # All of the first turn, question and answer.
    assert cached == first.usage_metadata["total_tokens"]
    assert cached > second.usage_metadata["input_tokens"] / 2


async def test_thinking_is_kept_apart_and_counted(chat: RunnerChatModel) -> None:
    message = await chat.ainvoke("What is 2+2?")
    assert message.content == "The answer is 4."
    assert message.additional_kwargs["reasoning_content"] == "2+2=4"
    assert message.usage_metadata is not None
    assert 0 < message.usage_metadata["output_token_details"]["reasoning"] < 10


async def test_a_tool_is_called_and_its_result_is_read(chat: RunnerChatModel) -> None:
    with_tools = chat.bind_tools([WEATHER])
    call = await with_tools.ainvoke("weather in Paris?")
    (tool,) = call.tool_calls
    assert (tool["name"], tool["args"]) == ("get_weather", {"city": "Paris"})
    assert call.response_metadata["finish_reason"] == "tool_calls"
    result = ToolMessage("sunny", tool_call_id=tool["id"])
    assert (await with_tools.ainvoke([HumanMessage("weather in Paris?"), call, result])).content == (
        "It is sunny in Paris."
    )


async def test_a_tool_need_not_be_called(chat: RunnerChatModel) -> None:
    message = await chat.bind_tools([WEATHER]).ainvoke("Hello")
    assert (message.content, message.tool_calls) == ("Hello! No tool needed.", [])


async def test_a_broken_tool_call_is_malformed(chat: RunnerChatModel) -> None:
    with pytest.raises(ModelError, match="tool call cannot be read") as caught:
        await chat.bind_tools([WEATHER]).ainvoke("Break")
    assert caught.value.kind == "malformed"


async def test_tags_of_tools_that_nobody_offered_are_text(chat: RunnerChatModel) -> None:
    assert (await chat.ainvoke("Break")).content == "<tool_call>\nnot JSON\n</tool_call>"


async def test_a_stop_word_ends_the_answer_and_is_not_part_of_it(chat: RunnerChatModel) -> None:
    message = await chat.ainvoke("Hello", stop=["help", "never"])
    assert message.content == "Hello! How can I "
    assert message.response_metadata["finish_reason"] == "stop"
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_tokens"] < 18


def test_sync_calls_work_too(trained_model: Path) -> None:
    chat = RunnerChatModel(runner=MlxRunner(), model=str(trained_model))
    assert chat.invoke("Hello").content == "Hello! How can I help you?"
    asyncio.run(chat.runner.cleanup())


async def test_a_role_answers_and_its_call_is_recorded(roles: RoleModels) -> None:
    reply = await roles.reply("reasoning", [HumanMessage("What is 2+2?")], step="answer")
    assert (reply.text, reply.reasoning) == ("The answer is 4.", "2+2=4")
    (call,) = reply.calls
    assert (call.backend, call.error, call.cost_usd, call.tokens_estimated) == ("mlx", None, 0.0, False)


async def test_a_limit_of_tokens_reaches_the_model(roles: RoleModels) -> None:
    with pytest.raises(LimitReachedError) as caught:
        await roles.reply(
            "reasoning", [HumanMessage("Hello")], step="answer", allowance=Allowance(output_tokens=4)
        )
    assert caught.value.calls[0].output_tokens == 4


async def test_a_conversation_that_is_too_long_goes_to_the_next_model(roles: RoleModels) -> None:
    with pytest.raises(ModelsFailedError, match="reads 1024; shorten it"):
        await roles.reply("reasoning", [HumanMessage("x" * 3000)], step="answer")
    reply = await roles.reply("coding", [HumanMessage("x" * 3000)], step="answer")
    assert [call.error for call in reply.calls] == ["context_overflow", None]


async def test_both_roles_share_one_copy_of_the_weights(roles: RoleModels) -> None:
    await asyncio.gather(
        *(roles.reply(role, [HumanMessage("Hello")], step="answer") for role in ("reasoning", "coding"))
    )
    assert len(roles._wiring.engines.loaded()) == 1  # noqa: SLF001
    await roles.aclose()
    assert roles._wiring.engines.loaded() == []  # noqa: SLF001
