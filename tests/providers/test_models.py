"""Roles, chains and failover on real models; the fakes are the shipped ones."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from blockbuster import blockbuster_ctx
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import END, START, StateGraph

from providers import ModelConfigError, Models, ModelsFailedError, RoleModels
from providers.answers.answer import check_answer, read_answer
from providers.protocol import ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.providers.conftest import FakeOpenAI

ASK = [HumanMessage("hi")]


async def test_a_reply_has_text_reasoning_tools_and_its_call(script: Callable[..., str]) -> None:
    line = {
        "content": "<think>b</think>text",
        "reasoning": "a",
        "tool_calls": [{"name": "f", "args": {}}],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }
    chain = script(line)
    models: Models = RoleModels({"reasoning": chain})
    reply = await models.reply("reasoning", ASK, step="plan")
    assert (reply.text, reply.reasoning, reply.refusal) == ("text", "a\nb", None)
    assert reply.tool_calls == [{"name": "f", "args": {}, "id": "call_1_1", "type": "tool_call"}]
    (call,) = reply.calls
    assert (call.role, call.step, call.backend) == ("reasoning", "plan", "scripted")
    assert f"{call.backend}:{call.model_id}" == chain
    assert (call.input_tokens, call.output_tokens, call.error) == (3, 4, None)
    assert call.latency_s >= 0


@pytest.mark.parametrize(
    "kind",
    [
        "rate_limit",
        "overloaded",
        "timeout",
        "auth",
        "not_found",
        "context_overflow",
        "malformed",
        "cut_stream",
        "empty",
    ],
)
async def test_any_failure_goes_on_to_the_next_model(kind: str, script: Callable[..., str]) -> None:
    failing = script({"content": "not this one", "error": kind}, name="failing")
    chain = f"{failing},{script({'content': 'good'})}"
    reply = await RoleModels({"coding": chain}).reply("coding", ASK, step="code")
    assert reply.text == "good"
    assert [call.error for call in reply.calls] == [kind, None]


async def test_when_all_fail_the_message_has_a_reason_for_each(script: Callable[..., str]) -> None:
    first, second = script({"error": "auth"}, name="a"), script({"content": " \n"}, name="b")
    with pytest.raises(ModelsFailedError) as failed:
        await RoleModels({"coding": f"{first},{second}"}).reply("coding", ASK, step="code")
    message = str(failed.value)
    assert message.count("\n") == 0
    assert f"{first}: " in message
    assert f"{second}: it answered with nothing" in message
    assert [call.error for call in failed.value.calls] == ["auth", "empty"]


async def test_an_answer_of_thinking_alone_is_empty(script: Callable[..., str]) -> None:
    chain = script({"content": "<think>hm", "usage": {"input_tokens": 1, "output_tokens": 2}})
    with pytest.raises(ModelsFailedError, match="only reasoning"):
        await RoleModels({"coding": chain}).reply("coding", ASK, step="code")


async def test_a_tool_call_without_text_is_an_answer(script: Callable[..., str]) -> None:
    models = RoleModels({"coding": script({"tool_calls": [{"name": "f"}]})})
    assert (await models.reply("coding", ASK, step="code")).text == ""


async def test_a_slow_model_times_out_and_the_next_answers(script: Callable[..., str]) -> None:
    chain = f"{script({'content': 'late', 'delay_s': 3600}, name='slow')},{script({'content': 'good'})}"
    reply = await RoleModels({"coding": chain}, timeout_s=0.1).reply("coding", ASK, step="code")
    assert (reply.text, [call.error for call in reply.calls]) == ("good", ["timeout", None])


async def test_cancelling_passes_through_and_asks_no_other_model(script: Callable[..., str]) -> None:
    slow, spare = script({"delay_s": 3600}, name="slow"), script({"content": "spare"}, {"content": "last"})
    models = RoleModels({"coding": f"{slow},{spare}"})
    asking = asyncio.create_task(models.reply("coding", ASK, step="code"))
    await asyncio.sleep(0.2)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asking, timeout=10)
    assert (await models.reply("coding", ASK, step="code", chain=spare)).text == "spare"


async def test_two_roles_on_one_file_take_its_lines_in_the_order_of_calls(script: Callable[..., str]) -> None:
    chain = script({"content": "1"}, {"content": "2"}, {"content": "3"})
    models = RoleModels({"reasoning": chain, "coding": chain})
    first = await models.reply("reasoning", ASK, step="plan")
    second = await models.reply("coding", ASK, step="code")
    third = await models.reply("background", ASK, step="answer", chain=chain)
    assert [first.text, second.text, third.text] == ["1", "2", "3"]


def test_event_loops_share_the_place_in_a_file(script: Callable[..., str]) -> None:
    models = RoleModels({"coding": script(*({"content": str(number)} for number in range(4)))})
    texts: list[str] = []

    def work() -> None:
        texts.append(asyncio.run(models.reply("coding", ASK, step="code")).text)

    work()
    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(texts) == ["0", "1", "2", "3"]


async def test_two_instances_start_their_files_afresh(script: Callable[..., str]) -> None:
    chain = script({"content": "1"}, {"content": "2"})
    texts = [(await RoleModels({"coding": chain}).reply("coding", ASK, step="code")).text for _ in range(2)]
    assert texts == ["1", "1"]


async def test_an_override_replaces_the_chain_for_one_call(script: Callable[..., str]) -> None:
    own, other = script({"content": "own"}, name="own"), script({"content": "other"}, name="other")
    models = RoleModels({"coding": own})
    assert (await models.reply("coding", ASK, step="code", chain=other)).text == "other"
    assert (await models.reply("coding", ASK, step="code")).text == "own"
    with pytest.raises(ModelConfigError, match="did you mean openai"):
        await models.reply("coding", ASK, step="code", chain="opnai:x")
    with pytest.raises(ModelConfigError, match="cannot be read"):
        await models.reply("coding", ASK, step="code", chain="scripted:missing.jsonl")


async def test_nothing_blocks_the_event_loop(script: Callable[..., str], fake_openai: FakeOpenAI) -> None:
    own = script({"content": "own", "delay_s": 0.01}, name="own")
    other = f"{script({'error': 'auth'}, name='other')},openai:m@{fake_openai.url}"
    models = await asyncio.to_thread(RoleModels, {"coding": own})
    with blockbuster_ctx():
        first = await models.reply("coding", ASK, step="code")
        second = await models.reply("coding", ASK, step="code", chain=other)
        await models.aclose()
    assert (first.text, second.text) == ("own", "Hello")


async def test_closing_reaches_a_loop_that_runs_elsewhere(fake_openai: FakeOpenAI) -> None:
    models = RoleModels({"coding": f"openai:m@{fake_openai.url}"})
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asked = asyncio.run_coroutine_threadsafe(models.reply("coding", ASK, step="code"), loop)
    assert (await asyncio.wrap_future(asked)).text == "Hello"
    await models.aclose()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.mark.parametrize(
    ("chain", "words"),
    [
        ("opnai:gpt-5", "^The coding model: .*did you mean openai"),
        ("offline,,offline", "^The coding model: .*empty entry"),
        ("scripted:/no/such/file", "^The coding model: .*cannot be read"),
        ("", "^The coding model: No model is named"),
    ],
)
def test_a_bad_chain_is_refused_at_construction_and_names_the_role(chain: str, words: str) -> None:
    with pytest.raises(ModelConfigError, match=words):
        RoleModels({"coding": chain})


def test_an_unknown_role_is_refused() -> None:
    with pytest.raises(ModelConfigError, match="Unknown role 'codding'; the roles are reasoning, coding"):
        RoleModels({"codding": "offline"})  # type: ignore[dict-item]


@pytest.mark.parametrize("timeout_s", [0, -1, float("nan"), float("inf")])
def test_a_senseless_timeout_is_refused(timeout_s: float) -> None:
    with pytest.raises(ModelConfigError, match="must be a positive number of seconds"):
        RoleModels({}, timeout_s=timeout_s)


def test_a_role_that_is_not_named_is_offline(script: Callable[..., str]) -> None:
    models = RoleModels({"reasoning": f"{script({'content': 'a'})},offline"})
    assert models.is_offline("coding")
    assert models.describe("coding") == "offline"
    assert not models.is_offline("reasoning")
    assert models.describe("reasoning").endswith(".jsonl, then offline")
    assert [spec.provider for spec in models.specs("reasoning")] == ["scripted", "offline"]


class _State(TypedDict):
    text: str


async def test_a_graph_that_streams_messages_sees_the_tokens_and_their_labels(
    script: Callable[..., str],
) -> None:
    models = RoleModels({"reasoning": script({"content": "one two"})})

    async def think(state: _State) -> _State:  # noqa: ARG001
        return {"text": (await models.reply("reasoning", ASK, step="plan")).text}

    graph = (
        StateGraph(_State).add_node("think", think).add_edge(START, "think").add_edge("think", END).compile()
    )
    seen: list[Any] = [
        part async for part in graph.astream({"text": ""}, {"metadata": {"mine": 1}}, stream_mode="messages")
    ]
    tokens = [(chunk.content, info) for chunk, info in seen if isinstance(chunk, AIMessage) and chunk.content]
    assert [content for content, _ in tokens] == ["one", " two"]
    for _, info in tokens:
        assert info["mine"] == 1
        assert (info["langgraph_node"], info["duograph_step"], info["duograph_role"]) == (
            "think",
            "plan",
            "reasoning",
        )


BLOCKS: list[str | dict[str, Any]] = [
    {"type": "reasoning", "reasoning": "r1 "},
    {"type": "thinking", "thinking": "r2 "},
    {"type": "reasoning_content", "reasoning_content": {"text": "r3 "}},
    {"type": "reasoning", "summary": [{"type": "summary_text", "text": "r4"}]},
    {"type": "text", "text": "an"},
    "sw",
    {"type": "text", "text": "er"},
    {"type": "image", "url": "x"},
]


def test_content_blocks_are_told_apart() -> None:
    answer = read_answer(AIMessage(BLOCKS))
    assert (answer.text, answer.reasoning) == ("answer", "r1 r2 r3 r4")
    assert (answer.input_tokens, answer.output_tokens) == (None, None)


@pytest.mark.parametrize(
    "message",
    [
        AIMessage("", additional_kwargs={"refusal": "I will not."}),
        AIMessage([{"type": "refusal", "refusal": "I will not."}]),
    ],
)
def test_a_refusal_is_an_answer(message: AIMessage) -> None:
    answer = read_answer(message)
    check_answer(message, answer)
    assert (answer.text, answer.refusal) == ("", "I will not.")


def test_an_output_limit_that_left_no_answer_is_named() -> None:
    message = AIMessage("", response_metadata={"finish_reason": "length"})
    with pytest.raises(ModelError, match="output limit"):
        check_answer(message, read_answer(message))


HEAVY = (
    "openai",
    "langchain_openai",
    "anthropic",
    "boto3",
    "mlx",
    "neo4j",
    "transformers",
    "langchain_core.language_models.chat_models",
)


def test_importing_the_room_and_choosing_models_loads_nothing_heavy() -> None:
    code = (
        "import sys, providers\n"
        "bare = [name for name in ('pydantic', 'langchain_core') if name in sys.modules]\n"
        "providers.RoleModels({'reasoning': 'openai:m@http://127.0.0.1:9/v1,offline'})\n"
        f"print(bare + [name for name in {HEAVY!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
