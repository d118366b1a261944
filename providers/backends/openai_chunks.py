"""Brings the chunks of OpenAI's imitators into the form that its client's reader demands."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from langchain_core.messages import BaseMessage

_COUNTS = ("prompt_tokens", "completion_tokens")
_DETAILS = ("prompt_tokens_details", "completion_tokens_details")


def mended(chunk: dict[str, Any]) -> dict[str, Any]:
    """Mend what can be read all the same; the rest is left, and found to be malformed when it is read.

    Token counts that are none are dropped, so that they are estimated; a tool call gets the place that it
    lacks, and arguments that came as an object become a text; a function call of the old form becomes a tool
    call.
    """
    chunk["usage"] = _counted(chunk.get("usage"))
    choices = chunk.get("choices")
    for choice in choices if isinstance(choices, list) else ():
        delta = choice.get("delta") if isinstance(choice, dict) else None
        if isinstance(delta, dict):
            _mend_tools(delta)
    return chunk


def keep_refusal(message: BaseMessage, delta: Mapping[str, Any]) -> None:
    """Keep the words in which a model declines, of which the client's reader takes no notice."""
    if (refusal := delta.get("refusal")) and isinstance(refusal, str):
        message.additional_kwargs["refusal"] = refusal


def _mend_tools(delta: dict[str, Any]) -> None:
    old, calls = delta.get("function_call"), delta.get("tool_calls")
    if isinstance(old, dict) and not calls:
        # Its first piece has the name, and is the only one that begins a call.
        begins = {"id": "call_0", "type": "function"} if old.get("name") else {}
        delta["tool_calls"] = calls = [{"index": 0, "function": old, **begins}]
        delta["function_call"] = None
    for place, call in enumerate(calls if isinstance(calls, list) else ()):
        if not isinstance(call, dict):
            continue
        if not isinstance(call.get("index"), int):
            call["index"] = place
        function = call.get("function")
        if isinstance(function, dict) and isinstance(function.get("arguments"), dict | list):
            function["arguments"] = json.dumps(function["arguments"])


def _counted(usage: object) -> dict[str, Any] | None:
    """Take the counts of a usage report that are whole numbers; None when those that matter are not."""
    if not isinstance(usage, dict):
        return None
    counts = {name: _whole(usage.get(name) or 0) for name in _COUNTS}
    if None in counts.values():
        return None
    found: dict[str, Any] = {name: count for name, count in counts.items() if count is not None}
    found["total_tokens"] = sum(found.values())
    for name in _DETAILS:
        details = usage.get(name)
        if isinstance(details, dict):
            found[name] = {
                key: whole for key, value in details.items() if (whole := _whole(value)) is not None
            }
    return found


def _whole(value: object) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 20:  # noqa: PLR2004 - more is no count
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
