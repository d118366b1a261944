"""What a backend reports of tokens is believed only where it can be true."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata

from providers.answers.answer import check_answer, read_answer
from providers.facts import Price
from providers.failover.attempt import MOST_TOKENS, Attempt
from providers.prices import always
from providers.protocol import ModelError

RATE = always(Price(2.5, 15.0, "a table"))


def used(sent: int, received: int, cached: int = 0) -> dict[str, object]:
    usage = UsageMetadata(
        input_tokens=sent,
        output_tokens=received,
        total_tokens=sent + received,
        input_token_details={"cache_read": cached},
        output_token_details={"reasoning": cached},
    )
    attempt = Attempt(10, RATE, sent=True, complete=True)
    attempt.count(AIMessageChunk(content="one two three", usage_metadata=usage))
    return attempt.usage(None)


def test_an_honest_report_is_taken() -> None:
    found = used(7, 2, 1)
    assert (found["input_tokens"], found["output_tokens"], found["tokens_estimated"]) == (7, 2, False)
    assert (found["cached_tokens"], found["reasoning_tokens"]) == (1, 1)


@pytest.mark.parametrize("wrong", [-1, -1_000_000, MOST_TOKENS + 1, 10**30])
def test_a_count_that_cannot_be_one_is_estimated_and_says_so(wrong: int) -> None:
    found = used(wrong, wrong, wrong)
    assert (found["input_tokens"], found["output_tokens"], found["tokens_estimated"]) == (10, 5, True)
    assert used(wrong, 2)["input_tokens"] == 10
    assert used(7, wrong)["output_tokens"] == 5
    assert used(7, wrong)["tokens_estimated"] == used(wrong, 2)["tokens_estimated"] is True


@given(*[st.integers(-(10**40), 10**40) | st.integers(-10, 10)] * 3)
def test_whatever_is_reported_nothing_is_negative_or_boundless(sent: int, received: int, cached: int) -> None:
    found = used(sent, received, cached)
    assert 0 < found["input_tokens"] <= MOST_TOKENS  # type: ignore[operator]
    assert 0 <= found["output_tokens"] <= MOST_TOKENS  # type: ignore[operator]
    assert found["cost_usd"] >= 0  # type: ignore[operator]
    for name in ("cached_tokens", "reasoning_tokens"):
        assert found[name] is None or found[name] >= 0  # type: ignore[operator]


def test_a_tool_call_without_a_name_is_malformed() -> None:
    call = {"type": "tool_call_chunk", "name": "", "args": "{}", "id": "t", "index": 0}
    message = AIMessageChunk(content="", tool_call_chunks=[call], response_metadata={"finish_reason": "stop"})
    with pytest.raises(ModelError, match="names no tool") as refused:
        check_answer(message, read_answer(message))
    assert refused.value.kind == "malformed"


def test_a_lone_surrogate_is_replaced_and_a_pair_is_joined() -> None:
    found = read_answer(AIMessageChunk(content="a\ud83d b \ud83d\ude00"))
    assert found.text == "a\ufffd b \U0001f600"
