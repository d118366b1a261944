"""The openai backend against a real HTTP server on loopback."""

from __future__ import annotations

import asyncio
import socket
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from langchain_core.messages import AIMessageChunk, HumanMessage, SystemMessage
from pydantic import SecretStr

from providers import ModelConfigError, ModelsFailedError, Retries, RoleModels
from providers.failover.retrying import RETRIED

if TYPE_CHECKING:
    from tests.providers.conftest import FakeOpenAI

QUESTION = [SystemMessage("be brief"), HumanMessage("hi")]


@pytest.fixture
def models(fake_openai: FakeOpenAI, canary: str) -> RoleModels:
    chain = f"openai:org/qwen3:8b@{fake_openai.url}"
    return RoleModels(
        {"reasoning": chain}, openai_api_key=SecretStr(canary), timeout_s=20, retries=Retries(base_s=0.01)
    )


async def test_an_answer_comes_with_its_token_counts(models: RoleModels) -> None:
    reply = await models.reply("reasoning", QUESTION, step="plan")
    assert reply.text == "Hello"
    (call,) = reply.calls
    assert (call.backend, call.model_id, call.error) == ("openai", "org/qwen3:8b", None)
    assert (call.input_tokens, call.output_tokens) == (7, 2)
    await models.aclose()


async def test_the_request_holds_model_and_messages_and_the_key_only_in_its_header(
    models: RoleModels, fake_openai: FakeOpenAI, canary: str
) -> None:
    await models.reply("reasoning", QUESTION, step="plan")
    (seen,) = fake_openai.seen
    assert seen.path == "/v1/chat/completions"
    assert seen.body["model"] == "org/qwen3:8b"
    assert seen.body["messages"] == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hi"},
    ]
    assert seen.body["stream"] is True
    assert seen.body["stream_options"] == {"include_usage": True}
    assert seen.headers["authorization"] == f"Bearer {canary}"
    assert canary not in str(seen.body)
    assert "duograph" not in str(seen.body)


async def test_tags_that_are_split_over_the_stream_keep_thinking_out_of_the_text(
    models: RoleModels, fake_openai: FakeOpenAI
) -> None:
    fake_openai.plays.append("think")
    reply = await models.reply("reasoning", QUESTION, step="plan")
    assert (reply.text, reply.reasoning) == ("Hello", "secret")


async def test_tool_calls_arrive_in_langchain_form(models: RoleModels, fake_openai: FakeOpenAI) -> None:
    fake_openai.plays.append("tool")
    reply = await models.reply("reasoning", QUESTION, step="plan")
    assert reply.tool_calls == [{"name": "add", "args": {"a": 1}, "id": "t1", "type": "tool_call"}]


FAULTS = {
    "401": ("auth", "OPENAI_API_KEY"),
    "403": ("auth", "OPENAI_API_KEY"),
    "404": ("not_found", "org/qwen3:8b"),
    "429": ("rate_limit", "rate"),
    "quota": ("rate_limit", "quota"),
    "500": ("overloaded", "cannot serve"),
    "503": ("overloaded", "cannot serve"),
    "529": ("overloaded", "cannot serve"),
    "overflow": ("context_overflow", "too long"),
    "cut": ("cut_stream", "broke off"),
    "quiet_cut": ("cut_stream", "broke off"),
    "malformed": ("malformed", "protocol"),
    "html": ("malformed", "protocol"),
    "empty": ("empty", "nothing"),
    "no_text": ("empty", "nothing"),
    "broken_tool": ("malformed", "broken JSON"),
    "error_event": ("overloaded", "cannot serve"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_named_with_advice_and_without_the_key(
    fault: str, models: RoleModels, fake_openai: FakeOpenAI, canary: str
) -> None:
    kind, words = FAULTS[fault]
    tries = 2 if kind in RETRIED and fault not in {"quota", "cut", "quiet_cut"} else 1
    fake_openai.plays.extend([fault] * tries)
    with pytest.raises(ModelsFailedError) as failed:
        await models.reply("reasoning", QUESTION, step="plan")
    message = str(failed.value)
    assert [call.error for call in failed.value.calls] == [kind] * tries, message
    assert words in message
    assert "\n" not in message
    assert canary not in "".join(traceback.format_exception(failed.value))
    assert len(fake_openai.seen) == tries, "the client must not retry by itself"


async def test_a_refusal_is_an_answer_in_the_model_s_words(
    models: RoleModels, fake_openai: FakeOpenAI
) -> None:
    fake_openai.plays.append("refused")
    reply = await models.reply("reasoning", QUESTION, step="plan")
    assert (reply.text, reply.refusal, len(reply.calls)) == ("", "I cannot", 1)


def test_openai_itself_is_asked_by_a_client_that_keeps_refusals() -> None:
    from providers.backends.openai_chat import OpenAIChat  # noqa: PLC0415 - heavy

    chat = OpenAIChat(model="gpt-4o", api_key=SecretStr("k"))
    delta = {"role": "assistant", "content": None, "refusal": "I cannot"}
    made = chat._convert_chunk_to_generation_chunk(  # noqa: SLF001 - what reads its stream
        {"choices": [{"index": 0, "delta": delta}]}, AIMessageChunk, None
    )
    assert made is not None
    assert made.message.additional_kwargs["refusal"] == "I cannot"


@pytest.mark.parametrize("fault", ["hang", "stall"])
async def test_a_server_that_stops_answering_is_a_timeout(
    fault: str, fake_openai: FakeOpenAI, canary: str
) -> None:
    fake_openai.plays.extend([fault, fault])
    chain = f"openai:m@{fake_openai.url}"
    models = RoleModels({"reasoning": chain}, openai_api_key=SecretStr(canary), timeout_s=0.5)
    with pytest.raises(ModelsFailedError, match=r"within 0\.5 s") as failed:
        await models.reply("reasoning", QUESTION, step="plan")
    tries = 1 if fault == "stall" else 2
    assert [call.error for call in failed.value.calls] == ["timeout"] * tries
    assert len(fake_openai.seen) == tries


async def test_nobody_listening_is_a_connection_error_that_names_host_and_port() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        models = RoleModels({"reasoning": f"openai:m@http://127.0.0.1:{port}/v1"})
        with pytest.raises(ModelsFailedError, match=rf"127\.0\.0\.1:{port}; is the server running") as failed:
            await models.reply("reasoning", QUESTION, step="plan")
    assert [call.error for call in failed.value.calls] == ["connection", "connection"]


@pytest.mark.parametrize("turns", range(20))
async def test_cancelling_at_any_moment_passes_through_and_leaves_the_model_usable(
    turns: int, models: RoleModels, fake_openai: FakeOpenAI
) -> None:
    fake_openai.plays.append("stall")
    asking = asyncio.create_task(models.reply("reasoning", QUESTION, step="plan"))
    while not fake_openai.seen:  # noqa: ASYNC110 - the server is a thread, it sets no event of this loop
        await asyncio.sleep(0.001)
    for _ in range(turns):
        await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        # Well below the models' own timeout: a swallowed cancellation shows as a TimeoutError here.
        await asyncio.wait_for(asyncio.shield(asking), timeout=10)
    assert (await models.reply("reasoning", QUESTION, step="plan")).text == "Hello"


async def test_a_broken_stream_is_never_spliced_with_the_next_answer(fake_openai: FakeOpenAI) -> None:
    fake_openai.plays.extend(["cut", "answer"])
    chain = f"openai:first@{fake_openai.url},openai:second@{fake_openai.url}"
    reply = await RoleModels({"coding": chain}).reply("coding", QUESTION, step="code")
    assert reply.text == "Hello"
    assert [(call.model_id, call.error) for call in reply.calls] == [
        ("first", "cut_stream"),
        ("second", None),
    ]


def test_one_instance_serves_event_loops_that_come_and_go(models: RoleModels) -> None:
    async def ask() -> str:
        return (await models.reply("reasoning", QUESTION, step="plan")).text

    assert [asyncio.run(ask()) for _ in range(3)] == ["Hello"] * 3


async def test_after_closing_a_reply_opens_new_connections(models: RoleModels) -> None:
    for _ in range(2):
        assert (await models.reply("reasoning", QUESTION, step="plan")).text == "Hello"
        await models.aclose()


async def test_a_local_server_gets_a_placeholder_when_there_is_no_key(fake_openai: FakeOpenAI) -> None:
    models = RoleModels({"reasoning": f"openai:m@{fake_openai.url}"})
    await models.reply("reasoning", QUESTION, step="plan")
    assert fake_openai.seen[0].headers["authorization"] == "Bearer no-key-needed"


async def test_the_environment_key_is_used_and_the_passed_one_goes_before_it(
    fake_openai: FakeOpenAI, canary: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "from-environment")
    chains: Any = {"reasoning": f"openai:m@{fake_openai.url}"}
    await RoleModels(chains).reply("reasoning", QUESTION, step="plan")
    await RoleModels(chains, openai_api_key=SecretStr(canary)).reply("reasoning", QUESTION, step="plan")
    sent = [seen.headers["authorization"] for seen in fake_openai.seen]
    assert sent == ["Bearer from-environment", f"Bearer {canary}"]


def test_without_key_and_address_the_variable_to_set_is_named() -> None:
    with pytest.raises(
        ModelConfigError, match=r"^The coding model: openai:gpt-5 needs a key; set OPENAI_API_KEY"
    ):
        RoleModels({"coding": "openai:gpt-5"})


@pytest.mark.parametrize("variable", ["OPENAI_BASE_URL", "OPENAI_API_BASE"])
async def test_an_address_from_the_environment_is_followed_and_shown(
    variable: str, fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, fake_openai.url)
    models = RoleModels({"reasoning": "openai:m"})
    assert models.describe("reasoning") == f"openai:m (at {fake_openai.url}, from {variable})"
    assert (await models.reply("reasoning", QUESTION, step="plan")).text == "Hello"


async def test_an_address_in_the_model_string_wins_over_the_environment(
    fake_openai: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    models = RoleModels({"reasoning": f"openai:m@{fake_openai.url}"})
    assert (await models.reply("reasoning", QUESTION, step="plan")).text == "Hello"
