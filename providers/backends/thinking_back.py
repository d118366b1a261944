"""How servers that speak OpenAI's API send thinking, and how they want it back in a tool loop.

DeepSeek and Moonshot refuse a tool call that comes back without `reasoning_content`, Gemini one without its
signature; OpenRouter and MiniMax say that `reasoning_details` must come back as they were.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from langchain_core.messages import BaseMessage

    from providers.backends.services import ThinkingBack

# DeepSeek, Moonshot, xAI, llama.cpp and LM Studio use the first; OpenRouter, Groq, Cerebras, mlx_lm.server
# and newer vLLM the second. A server that sends both repeats itself.
_FIELDS = ("reasoning_content", "reasoning")
# Parts of one thought that come in pieces; of everything else the last piece counts.
_PIECED = ("text", "summary", "data")
# LangChain would merge pieces by this name, and write their types and formats one behind the other.
_INDEX = "place"


def keep_thinking(message: BaseMessage, raw: Mapping[str, Any]) -> None:
    """Put what a server sent beside the text into `additional_kwargs`, where chunks add up.

    Args:
        message: What LangChain made of `raw`.
        raw: A message, or a piece of one, as the server sent it.
    """
    extra = message.additional_kwargs
    found = next((text for name in _FIELDS if (text := raw.get(name))), None)
    if isinstance(found, str):
        extra["reasoning_content"] = found
    details = raw.get("reasoning_details")
    if isinstance(details, list) and details:
        extra["reasoning_details"] = [
            {_INDEX if name == "index" else name: value for name, value in piece.items()} for piece in details
        ]
        if "reasoning_content" not in extra:
            extra["reasoning_content"] = "".join(_said(piece) for piece in details)
    signatures = {
        call["id"]: call["extra_content"]
        for call in raw.get("tool_calls") or ()
        if call.get("id") and call.get("extra_content")
    }
    if signatures:
        extra["tool_signatures"] = signatures


def give_back(
    rows: Iterable[dict[str, Any]], messages: Sequence[BaseMessage], way: ThinkingBack | None
) -> None:
    """Write the thinking of earlier answers into a request.

    Args:
        rows: The request's messages, which this changes.
        messages: What they were made of, as many and in the same order.
        way: How the service wants it, or None when it does not.
    """
    for row, message in zip(rows, messages, strict=True):
        if not isinstance(message, AIMessage) or way is None:
            continue
        thought = message.additional_kwargs.get("reasoning_content")
        details = message.additional_kwargs.get("reasoning_details")
        if way == "reasoning_details":
            if details:
                row["reasoning_details"] = whole_details(details)
            elif thought:
                row["reasoning"] = thought
        elif way == "tool_signatures":
            signatures = message.additional_kwargs.get("tool_signatures") or {}
            for call in row.get("tool_calls") or ():
                # What Google documents for tool calls that another model made.
                call["extra_content"] = signatures.get(call["id"]) or {
                    "google": {"thought_signature": "skip_thought_signature_validator"}
                }
        # Of another model's tool call there is no thinking to give, and its absence would be refused.
        elif thought or (message.tool_calls and way == "reasoning_content"):
            row[way] = thought or ""


def whole_details(pieces: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Put the pieces of `reasoning_details` together as they would have come without streaming."""
    whole: list[dict[str, Any]] = []
    for piece in pieces:
        found = {"index" if name == _INDEX else name: value for name, value in piece.items()}
        last = whole[-1] if whole else None
        if last is None or any(last.get(name) != found.get(name) for name in ("type", "index")):
            whole.append(found)
            continue
        for name, value in found.items():
            if name in _PIECED and isinstance(value, str) and isinstance(last.get(name), str):
                last[name] += value
            elif value is not None:
                last[name] = value
    return whole


def _said(piece: Mapping[str, Any]) -> str:
    found = piece.get("text") or piece.get("summary")
    return found if isinstance(found, str) else ""
