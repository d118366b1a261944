"""The estimate of tokens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, SystemMessage, ToolMessage
from langchain_core.messages.tool import tool_call_chunk

from providers.failover import estimate

TEXTS = st.text(max_size=200)


@given(TEXTS)
def test_a_text_takes_a_token_for_three_bytes_and_a_message_eight_more(text: str) -> None:
    length = len(text.encode())
    assert estimate.input_tokens([HumanMessage(text)]) == 8 + (length + 2) // 3


@given(st.lists(TEXTS))
def test_the_pieces_of_an_answer_are_as_large_as_the_whole(pieces: list[str]) -> None:
    streamed = sum(estimate.size(AIMessageChunk(content=piece)) for piece in pieces)
    assert streamed == estimate.size(AIMessage("".join(pieces)))


@given(TEXTS, TEXTS)
def test_a_longer_conversation_never_takes_fewer_tokens(first: str, second: str) -> None:
    short = [SystemMessage(first)]
    assert estimate.input_tokens([*short, HumanMessage(second)]) > estimate.input_tokens(short)


@pytest.mark.parametrize(
    ("message", "length"),
    [
        (AIMessage([{"type": "text", "text": "abc", "index": 0}, "de"]), 5),
        (AIMessage([{"type": "reasoning", "summary": [{"type": "summary_text", "text": "abc"}]}]), 3),
        (AIMessageChunk(content="", additional_kwargs={"reasoning_content": "abcd", "tool_calls": ["x"]}), 4),
        (AIMessage("", additional_kwargs={"refusal": "no"}), 2),
        (AIMessage("", tool_calls=[{"name": "f", "args": {"a": 12}, "id": "1"}]), 1 + len('{"a": 12}')),
        (
            AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(name="f", args='{"a"')]),
            1 + len('{"a"'),
        ),
        (ToolMessage("abc", tool_call_id="1"), 3),
        (HumanMessage([{"type": "image_url", "image_url": {"url": "data:abc"}}]), 8),
        (HumanMessage("\ud800é"), 5),
    ],
)
def test_all_that_a_message_carries_is_counted(message: AIMessage, length: int) -> None:
    assert estimate.size(message) == length
