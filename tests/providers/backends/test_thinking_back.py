"""Tool loops: each API gets its own thinking back, in its own words, and never that of another model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from providers import ModelSpec, Reply, RoleModels, parse_spec
from providers.answers.again import ORIGIN, for_model
from providers.backends.thinking_back import whole_details
from tests.providers.backends.contract import Side, one_try, serve

QUESTION = HumanMessage("add one to one")
TOOL = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds one.",
        "parameters": {"type": "object", "properties": {}},
    },
}
SIGNED = {"type": "thinking", "thinking": "secret", "signature": "s"}
DETAIL = {"type": "reasoning.text", "text": "secret", "format": "f-v1", "index": 0, "signature": "s"}
NO_SIGNATURE = {"google": {"thought_signature": "skip_thought_signature_validator"}}

WANTED: dict[str, dict[str, Any]] = {
    "anthropic": {"content": [SIGNED, {"type": "tool_use", "id": "t1", "name": "add", "input": {"a": 1}}]},
    "bedrock": {
        "content": [
            {"reasoningContent": {"reasoningText": {"text": "secret", "signature": "s"}}},
            {"toolUse": {"toolUseId": "t1", "name": "add", "input": {"a": 1}}},
        ]
    },
    "ollama": {"thinking": "secret"},
    "deepseek": {"reasoning_content": "secret"},
    "moonshot": {"reasoning_content": "secret"},
    "llamacpp": {"reasoning_content": "secret"},
    "vllm": {"reasoning": "secret"},
    "openrouter": {"reasoning_details": [DETAIL]},
}
"""What the answer looks like when it is sent to the model that gave it."""


@pytest.fixture(autouse=True)
def _aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"REGION": "us-east-1", "ACCESS_KEY_ID": "A", "SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)


@pytest.fixture
def side(request: pytest.FixtureRequest) -> Iterator[Side]:
    with serve(request.param) as side:
        yield side


async def call(models: RoleModels, side: Side) -> Reply:
    side.server.plays.append("think_tool")
    reply = await models.reply("reasoning", [QUESTION], step="plan", tools=[TOOL])
    assert (reply.reasoning in ("secret", ""), reply.finish_reason) == (True, "tool_calls")
    return reply


def loop(reply: Reply) -> list[BaseMessage]:
    """The conversation after the tool has run."""
    assert reply.message is not None
    return [QUESTION, reply.message, ToolMessage("2", tool_call_id=reply.tool_calls[0]["id"], name="add")]


def answer_in(side: Side) -> dict[str, Any]:
    (row,) = [row for row in side.server.seen[-1].body["messages"] if row["role"] == "assistant"]
    found: dict[str, Any] = row
    return found


@pytest.mark.parametrize("side", WANTED, indirect=True)
async def test_thinking_goes_back_to_the_model_that_thought(side: Side) -> None:
    models = side.models()
    reply = await call(models, side)
    assert (await models.reply("reasoning", loop(reply), step="plan", tools=[TOOL])).text == "Hello"
    sent = answer_in(side)
    assert {name: sent[name] for name in WANTED[side.provider]} == WANTED[side.provider]
    await models.aclose()


@pytest.mark.parametrize("side", ["gemini"], indirect=True)
async def test_a_signed_tool_call_goes_back_signed(side: Side) -> None:
    models = side.models()
    reply = await call(models, side)
    await models.reply("reasoning", loop(reply), step="plan", tools=[TOOL])
    (sent,) = answer_in(side)["tool_calls"]
    assert sent["extra_content"] == {"google": {"thought_signature": "s"}}
    await models.aclose()


@pytest.mark.parametrize("side", ["groq", "openai", "lmstudio"], indirect=True)
async def test_who_does_not_want_thinking_back_is_sent_none(side: Side) -> None:
    models = side.models()
    reply = await call(models, side)
    assert reply.reasoning == "secret"
    await models.reply("reasoning", loop(reply), step="plan", tools=[TOOL])
    assert set(answer_in(side)) == {"role", "content", "tool_calls"}
    await models.aclose()


PAIRS = (
    ("anthropic", "bedrock"),
    ("anthropic", "deepseek"),
    ("anthropic", "gemini"),
    ("bedrock", "anthropic"),
    ("bedrock", "openrouter"),
    ("ollama", "deepseek"),
    ("deepseek", "ollama"),
    ("openrouter", "deepseek"),
    ("gemini", "ollama"),
    ("mistral", "openai"),
)


@pytest.mark.parametrize(("first", "second"), PAIRS)
async def test_a_backup_in_the_middle_of_a_tool_loop_gets_no_foreign_thinking(
    first: str, second: str
) -> None:
    with ExitStack() as stack:
        one, other = (stack.enter_context(serve(name)) for name in (first, second))
        models = one_try(f"{one.chain}, {other.chain}", one.keys | other.keys)
        reply = await call(models, one)
        one.server.plays.append("503")
        again = await models.reply("reasoning", loop(reply), step="plan", tools=[TOOL])
        await models.aclose()
    assert (again.text, again.calls[-1].backend) == ("Hello", second)
    body = str(other.server.seen[-1].body["messages"])
    assert "add" in body
    assert not [word for word in ("secret", "signature': 's'") if word in body], body
    if second == "deepseek":  # refuses a tool call without the field
        assert answer_in(other)["reasoning_content"] == ""
    if second == "gemini":
        assert answer_in(other)["tool_calls"][0]["extra_content"] == NO_SIGNATURE


async def test_no_empty_text_is_sent_to_anthropic_which_refuses_it() -> None:
    with serve("anthropic") as side:
        models = side.models()
        side.server.plays.append("reasoning")
        reply = await models.reply("reasoning", [QUESTION], step="plan")
        assert reply.message is not None
        await models.reply("reasoning", [QUESTION, reply.message, QUESTION], step="plan")
        assert answer_in(side)["content"] == [SIGNED, {"type": "text", "text": "Hello"}]
        await models.aclose()


def test_thinking_in_tags_stays_with_its_own_model_and_leaves_for_another() -> None:
    spec, other = parse_spec("minimax:M2"), parse_spec("groq:m")
    message = AIMessage("<think>secret</think>Hello", response_metadata={ORIGIN: str(spec)})
    assert for_model([message], spec) == [message]
    assert [each.content for each in for_model([message], other)] == ["Hello"]


BLOCKS = st.lists(
    st.one_of(
        st.text("ab").map(lambda text: {"type": "text", "text": text}),
        st.just({**SIGNED}),
        st.just({"type": "reasoning_content", "reasoning_content": {"text": "secret", "signature": "s"}}),
        st.just({"type": "redacted_thinking", "data": "secret"}),
        st.just({"type": "image", "base64": "AA==", "mime_type": "image/png"}),
    )
)


@given(BLOCKS, st.booleans())
def test_whatever_an_answer_holds_a_stranger_gets_no_thinking(blocks: list[Any], marked: bool) -> None:  # noqa: FBT001
    origin = {ORIGIN: "anthropic:m"} if marked else {}
    message = AIMessage(blocks, response_metadata=origin, additional_kwargs={"reasoning_content": "secret"})
    (sent,) = for_model([message], ModelSpec("deepseek", "m"))
    assert "secret" not in str(sent.content)
    assert sent.additional_kwargs == {}
    assert message.content == blocks, "the caller's message must stay as it was"


@given(st.lists(st.text(min_size=1), min_size=1), st.integers(0, 3))
def test_pieces_of_a_thought_become_what_would_have_come_at_once(words: list[str], place: int) -> None:
    pieces = [{"type": "reasoning.text", "text": word, "place": place} for word in words]
    closing = {"type": "reasoning.text", "signature": "s", "place": place}
    assert whole_details([*pieces, closing]) == [
        {"type": "reasoning.text", "text": "".join(words), "index": place, "signature": "s"}
    ]
