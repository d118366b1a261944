"""What every backend must do, against a real server of its API on loopback."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Iterator

import pytest
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable
from pydantic import BaseModel

from providers import ModelError, ModelsFailedError
from providers.answers.answer import check_answer, read_answer
from providers.backends.services import SERVICES
from tests.providers.backends.contract import APIS, QUESTION, Api, Side, serve
from tests.providers.backends.contract_mlx import MLX, serve_mlx
from tests.providers.conftest import CANARY

AWS = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": CANARY}

# Building a client takes far longer than asking it, so the tests of one API share theirs.
shared = pytest.mark.asyncio(loop_scope="module")
# What only a server that plays can show; the other tests are for real models too.
played = pytest.mark.parametrize("opened", APIS, indirect=True, scope="module")
REAL = [pytest.param(way, marks=pytest.mark.slow) for way in MLX]


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in AWS.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module", params=[*APIS, *REAL])
def opened(request: pytest.FixtureRequest) -> Iterator[Api]:
    if request.param in MLX:
        with serve_mlx(request.param, request.getfixturevalue("trained_model")) as real:
            yield Api(real, real.models(), real.models(timeout_s=0.3), real.backend())
        return
    with serve(request.param) as side, pytest.MonkeyPatch.context() as patch:
        for name, value in AWS.items():
            patch.setenv(name, value)
        yield Api(side, side.models(), side.models(timeout_s=0.3), side.backend())


@pytest.fixture
def api(opened: Api) -> Api:
    opened.side.reset()
    return opened


@pytest.fixture
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    with serve(request.param) as side:
        yield side


each_service = pytest.mark.parametrize("side", [row.name for row in SERVICES], indirect=True)
each_api = pytest.mark.parametrize("side", APIS, indirect=True)


@shared
async def test_an_answer_comes_with_its_token_counts(api: Api) -> None:
    reply = await api.reply()
    assert ((reply.text, reply.reasoning), reply.tool_calls) == (api.side.said("answer"), [])
    (call,) = reply.calls
    assert (call.backend, call.model_id, call.error) == (api.side.provider, api.side.model, None)
    assert ((call.input_tokens, call.output_tokens), call.tokens_estimated) == (api.side.counts, False)


@shared
@played
async def test_what_was_cached_is_told_and_the_key_stands_only_in_a_header(api: Api) -> None:
    (call,) = (await api.reply()).calls
    # Ollama does not tell how much of the prompt it had.
    assert call.cached_tokens == (None if api.side.provider == "ollama" else 3)
    (seen,) = api.server.seen
    shown = "AKIDEXAMPLE" if api.side.provider == "bedrock" else CANARY  # a secret key signs and is not sent
    assert shown in " ".join(seen.headers.values())
    assert CANARY not in str(seen.body) + seen.path


@shared
@pytest.mark.parametrize("play", ["reasoning", "think", "only_closing_tag"])
async def test_thinking_in_every_form_is_kept_apart(play: str, api: Api) -> None:
    reply = await api.reply(play)
    assert (reply.text, reply.reasoning) == api.side.said(play)


@each_service
async def test_every_service_of_the_table_answers_thinks_and_calls_tools(side: Side) -> None:
    models = side.models()
    side.server.plays.extend(["answer", "reasoning", "tool"])
    reply = await models.reply("reasoning", QUESTION, step="plan")
    (call,) = reply.calls
    assert (reply.text, call.backend, call.input_tokens, call.output_tokens) == ("Hello", side.provider, 7, 2)
    assert side.server.seen[0].headers["authorization"] == f"Bearer {CANARY}"
    reply = await models.reply("reasoning", QUESTION, step="plan")
    assert (reply.text, reply.reasoning) == ("Hello", "secret")
    reply = await models.reply("reasoning", QUESTION, step="plan")
    assert [call["args"] for call in reply.tool_calls] == [{"a": 1}]


@shared
async def test_an_answer_streams_in_pieces(api: Api) -> None:
    chunks = [chunk async for chunk in api.backend.chat.astream(api.side.question("answer"))]
    texts = [str(chunk.text) for chunk in chunks if chunk.text]
    assert "".join(texts) == api.side.said("answer").text
    assert len(texts) > 1
    assert not isinstance(api.side, Side) or texts == ["Hel", "lo"]


class Sum(BaseModel):
    """Adds one."""

    a: int


async def streamed(
    chat: Runnable[LanguageModelInput, AIMessage], question: list[BaseMessage] = QUESTION
) -> AIMessageChunk:
    whole = None
    async for chunk in chat.astream(question):
        assert isinstance(chunk, AIMessageChunk)
        whole = chunk if whole is None else whole + chunk
    assert whole is not None
    return whole


@shared
@played
async def test_a_tool_call_that_was_cut_off_is_malformed_and_not_completed(api: Api) -> None:
    if api.side.provider == "ollama":
        return  # it reads the arguments itself, and sends them as an object
    api.server.plays.append("broken_tool")
    whole = await streamed(api.backend.chat.bind_tools([api.side.tool]))
    with pytest.raises(ModelError) as refused:
        check_answer(whole, read_answer(whole))
    assert refused.value.kind == "malformed"


@shared
async def test_tools_are_offered_to_the_model_and_its_call_comes_back(api: Api) -> None:
    side = api.side
    side.prepare("tool")
    (call,) = (await streamed(api.backend.chat.bind_tools([side.tool]), side.question("tool"))).tool_calls
    assert ((call["name"], call["args"]), call["type"]) == (side.called, "tool_call")
    assert call["id"]
    if isinstance(side, Side):
        field = "toolConfig" if side.provider == "bedrock" else "tools"
        assert "Add one." in str(api.server.seen[0].body[field])


@shared
async def test_an_answer_in_one_piece_keeps_thinking_apart_too(api: Api) -> None:
    api.side.prepare("reasoning")
    answer = read_answer(await api.backend.chat.ainvoke(api.side.question("reasoning")))
    assert (answer.text, answer.reasoning) == api.side.said("reasoning")


@shared
@played
async def test_a_schema_is_sent_in_the_words_of_the_api(api: Api) -> None:
    api.server.plays.append("json")
    assert api.backend.json_schema is not None
    options = api.backend.json_schema(Sum.model_json_schema())
    chunks = [chunk async for chunk in api.backend.chat.astream(QUESTION, **options)]
    assert "".join(str(chunk.text) for chunk in chunks) == '{"n": 5}'
    body = api.server.seen[0].body
    sent = {
        "openai": lambda: body["response_format"]["json_schema"]["schema"]["properties"],
        "anthropic": lambda: body["output_config"]["format"]["schema"]["properties"],
        "bedrock": lambda: body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"],
        "ollama": lambda: body["format"]["properties"],
    }[api.side.provider]()
    assert "a" in sent


FAULTS = {
    "401": "auth",
    "403": "auth",
    "404": "not_found",
    "429+7": "rate_limit",
    "500": "overloaded",
    "503": "overloaded",
    "529": "overloaded",
    "overflow": "context_overflow",
    "cut": "cut_stream",
    "quiet_cut": "cut_stream",
    "malformed": "malformed",
    "no_text": "empty",
    "error_event": "overloaded",
    "html": "malformed",
    "nothing": "malformed",
    "whole": "malformed",
    "not_gzip": "malformed",
    "flood": "malformed",
    "flood_500": "overloaded",
    "redirect": "not_found",
}


ELSEWISE = {
    ("error_event", "bedrock"): "rate_limit",
    # A JSON text is a line of Ollama's stream, of which the end is missing.
    ("whole", "ollama"): "cut_stream",
}


@shared
@played
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_is_named_without_the_key_and_the_model_answers_again(fault: str, api: Api) -> None:
    with pytest.raises(ModelsFailedError) as failed:
        await api.reply(fault)
    message = str(failed.value)
    wanted = ELSEWISE.get((fault, api.side.provider), FAULTS[fault])
    assert [call.error for call in failed.value.calls] == [wanted], message
    assert "\n" not in message
    assert CANARY not in "".join(traceback.format_exception(failed.value))
    assert len(api.server.seen) == 1, "the client must not retry by itself"
    assert (await api.reply()).text == "Hello"


@shared
@played
@pytest.mark.parametrize("fault", ["empty"])
async def test_an_answer_that_is_none_is_never_taken_for_one(fault: str, api: Api) -> None:
    with pytest.raises(ModelsFailedError) as failed:
        await api.reply(fault)
    (call,) = failed.value.calls
    assert call.error in ("empty", "malformed", "cut_stream"), str(failed.value)
    assert (await api.reply()).text == "Hello"


@shared
@played
async def test_an_empty_first_chunk_is_not_the_answer(api: Api) -> None:
    assert (await api.reply("empty_first")).text == "Hello"


@shared
@played
@pytest.mark.parametrize("fault", ["hang", "stall", "drip"])
async def test_a_server_that_does_not_come_to_an_end_is_a_timeout_and_is_left(fault: str, api: Api) -> None:
    api.server.plays.append(fault)
    with pytest.raises(ModelsFailedError) as failed:
        await api.hasty.reply("reasoning", QUESTION, step="plan")
    assert [call.error for call in failed.value.calls] == ["timeout"]
    assert await asyncio.to_thread(api.server.hung_up.wait, 10), "the connection was left open"


@shared
@played
@pytest.mark.parametrize("fault", ["hang", "stall"])
async def test_cancelling_closes_the_connection_and_leaves_the_model_usable(fault: str, api: Api) -> None:
    asking = asyncio.create_task(api.reply(fault))
    while not api.server.seen:  # noqa: ASYNC110 - the server is a thread, it sets no event of this loop
        await asyncio.sleep(0.001)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(asyncio.shield(asking), timeout=10)
    assert await asyncio.to_thread(api.server.hung_up.wait, 10), "the server still works for nobody"
    assert (await api.reply()).text == "Hello"


@each_api
def test_one_instance_serves_event_loops_that_come_and_go(side: Side) -> None:
    models = side.models()

    async def ask() -> str:
        return (await models.reply("reasoning", QUESTION, step="plan")).text

    assert [asyncio.run(ask()) for _ in range(2)] == ["Hello"] * 2


@shared
async def test_many_calls_at_once_do_not_wait_for_each_other(api: Api) -> None:
    replies = await asyncio.gather(*(api.reply() for _ in range(api.side.at_once)))
    assert {reply.text for reply in replies} == {api.side.said("answer").text}
