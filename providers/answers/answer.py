"""Reads a complete message of any backend: text, reasoning, refusal, tool calls, usage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from providers.answers.think import split_reasoning
from providers.protocol import NEVER, FinishReason, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.messages import AIMessage

_TEXT_TYPES = ("text", "output_text")
_REASONING_TYPES = ("reasoning", "thinking", "reasoning_content")


@dataclass(frozen=True, slots=True)
class Answer:
    """The parts of one message; token counts are None when the backend reported none.

    `message` is there once it can be sent again; see `answers.again`.
    """

    text: str = ""
    reasoning: str = ""
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    input_tokens: int | None = None
    output_tokens: int | None = None
    finish_reason: FinishReason = "unknown"
    message: AIMessage | None = None


_FILTERED = ("content_filter", "content_filtered", "guardrail_intervened", "refusal")
_ENDS = ("finish_reason", "stop_reason", "stopReason", "done_reason")


_FINISHED: Mapping[FinishReason, tuple[str, ...]] = MappingProxyType(
    {
        "content_filter": _FILTERED,
        "length": ("length", "max_tokens", "incomplete", "model_context_window_exceeded"),
        "tool_calls": ("tool_calls", "tool_use", "function_call"),
        "stop": ("stop", "end_turn", "stop_sequence", "completed", "eos"),
    }
)


def read_answer(message: AIMessage) -> Answer:
    """Take a message apart, thinking kept away from the text wherever the backend put it."""
    content = message.content
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    text, thoughts, refusals = _read_blocks(blocks)
    split = split_reasoning(text)
    extra = message.additional_kwargs
    thoughts = [_string(extra.get("reasoning_content")), *thoughts, split.reasoning]
    refusal = _string(extra.get("refusal")) or "".join(refusals)
    usage = message.usage_metadata
    return Answer(
        text=split.text,
        reasoning="\n".join(thought for thought in thoughts if thought),
        refusal=refusal or None,
        tool_calls=[dict(call) for call in message.tool_calls],
        input_tokens=usage["input_tokens"] if usage else None,
        output_tokens=usage["output_tokens"] if usage else None,
        finish_reason=_finish_reason(message),
    )


def check_answer(message: AIMessage, answer: Answer, end_marks: tuple[str, ...] = ()) -> None:
    """Refuse an answer that is no answer.

    Args:
        message: The complete message.
        answer: What `read_answer` found in it.
        end_marks: Keys of `response_metadata` of which a complete message has one, see `Provider`.

    Raises:
        ModelError: `cut_stream` when the end is missing, `malformed` when its tool calls cannot be read,
            `refusal` when a content filter left nothing of it, `empty` when it holds neither text nor tool
            calls nor a refusal.
    """
    metadata = message.response_metadata
    if end_marks and not any(metadata.get(mark) for mark in end_marks):
        raise ModelError(
            "cut_stream", "the answer ended without its end mark; the server broke off, try again."
        )
    if _has_broken_tool_call(message):
        raise ModelError("malformed", "its tool call holds broken JSON; try again or use another model.")
    if answer.text.strip() or answer.tool_calls or answer.refusal:
        return
    ends = {metadata.get(name) for name in _ENDS}
    if ends & set(_FILTERED):
        raise ModelError(
            "refusal", "its content filter withheld the answer; word the request in another way."
        )
    if ends & {"length", "max_tokens"}:
        raise ModelError("empty", "the output limit was reached before any answer; raise the limit.", NEVER)
    what = "only reasoning" if answer.reasoning else "nothing"
    raise ModelError("empty", f"it answered with {what}; try again or use another model.")


def _finish_reason(message: AIMessage) -> FinishReason:
    metadata = message.response_metadata
    ends = {metadata.get(name) for name in (*_ENDS, "status")}
    found: FinishReason = next(
        (reason for reason, words in _FINISHED.items() if ends & set(words)), "unknown"
    )
    # OpenAI's Responses API and Ollama say of a tool call only that the answer is complete.
    return "tool_calls" if found == "stop" and message.tool_calls else found


def _has_broken_tool_call(message: AIMessage) -> bool:
    """Check the raw arguments, because LangChain completes a JSON text that was cut off."""
    if message.invalid_tool_calls:
        return True
    try:
        for chunk in getattr(message, "tool_call_chunks", []):
            json.loads(chunk["args"] or "{}")
    except ValueError:
        return True
    return False


def _read_blocks(blocks: Iterable[str | Mapping[str, Any]]) -> tuple[str, list[str], list[str]]:
    text, thoughts, refusals = "", "", ""
    for block in blocks:
        if isinstance(block, str):
            text += block
            continue
        kind = block.get("type")
        if kind in _TEXT_TYPES:
            text += _string(block.get("text"))
        elif kind in _REASONING_TYPES:
            thoughts += _thought(block)
        elif kind == "refusal":
            refusals += _string(block.get("refusal"))
    return text, [thoughts] if thoughts else [], [refusals] if refusals else []


def _thought(block: Mapping[str, Any]) -> str:
    """Read a reasoning block as LangChain, Anthropic, Bedrock, Mistral or OpenAI's Responses API write it."""
    for key in ("reasoning", "thinking", "text"):
        if found := _string(block.get(key)):
            return found
    nested = block.get("reasoning_content") or block.get("summary") or block.get("thinking") or ()
    parts = [nested] if isinstance(nested, dict) else nested if isinstance(nested, list) else []
    return "\n".join(_string(part.get("text")) for part in parts if isinstance(part, dict))


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""
