"""Chunks as OpenAI's imitators send them, brought into the form that its client's reader demands."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessageChunk

from providers.backends.openai_chunks import keep_refusal, mended

COUNTS = {
    "whole": ({"prompt_tokens": 7, "completion_tokens": 2}, 7),
    "as texts": ({"prompt_tokens": "7", "completion_tokens": "2"}, 7),
    "as floats": ({"prompt_tokens": 7.0, "completion_tokens": 2}, 7),
    "null": ({"prompt_tokens": None, "completion_tokens": 2}, 0),
    "halves": ({"prompt_tokens": 7.5, "completion_tokens": 2}, None),
    "words": ("many", None),
    "a list": ([], None),
    "true": ({"prompt_tokens": True, "completion_tokens": 2}, None),
}


@pytest.mark.parametrize("case", COUNTS)
def test_counts_that_are_none_are_dropped(case: str) -> None:
    usage, sent = COUNTS[case]
    found = mended({"usage": usage})["usage"]
    assert (found and found["prompt_tokens"]) == sent
    assert found is None or found["total_tokens"] == sent + 2  # type: ignore[operator]


def test_details_keep_what_is_a_number() -> None:
    usage = {
        "prompt_tokens": 7,
        "completion_tokens": 2,
        "prompt_tokens_details": {"cached_tokens": 3, "x": "y"},
    }
    assert mended({"usage": usage})["usage"]["prompt_tokens_details"] == {"cached_tokens": 3}


def delta_of(delta: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = mended({"choices": [{"delta": delta}]})["choices"][0]["delta"]
    return found


def test_a_function_call_of_the_old_form_becomes_a_tool_call() -> None:
    (first,) = delta_of({"function_call": {"name": "add", "arguments": "{"}})["tool_calls"]
    assert (first["index"], first["id"], first["function"]["name"]) == (0, "call_0", "add")
    (second,) = delta_of({"function_call": {"arguments": "}"}})["tool_calls"]
    assert (second["index"], "id" in second) == (0, False)


def test_a_tool_call_gets_the_place_it_lacks_and_its_arguments_become_a_text() -> None:
    calls = delta_of({"tool_calls": [{"function": {"name": "add", "arguments": {"a": 1}}}]})["tool_calls"]
    assert calls == [{"index": 0, "function": {"name": "add", "arguments": '{"a": 1}'}}]


def test_the_words_of_a_refusal_are_kept_and_add_up() -> None:
    parts = [AIMessageChunk(content=""), AIMessageChunk(content="")]
    for part, words in zip(parts, ("I can", "not"), strict=True):
        keep_refusal(part, {"refusal": words})
    assert (parts[0] + parts[1]).additional_kwargs["refusal"] == "I cannot"


_json: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["delta", "usage", "tool_calls", "function", "index"]), inner, max_size=3
        )
    ),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(["choices", "usage"]), _json))
def test_nothing_that_a_server_sends_breaks_the_mending(chunk: dict[str, Any]) -> None:
    assert mended(chunk) is chunk
