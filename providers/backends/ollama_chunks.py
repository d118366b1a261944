"""Reads what Ollama's chat API streams: one JSON object a line."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import tool_call_chunk


def read_object(text: str) -> dict[str, Any]:
    """Read the JSON object that a line, or a whole answer, is.

    Raises:
        JSONDecodeError: When it is none.
    """
    found = json.loads(text)
    if not isinstance(found, dict):
        raise json.JSONDecodeError("not an object", text, 0)
    return found


def to_chunk(piece: dict[str, Any], model: str, tools: int) -> AIMessageChunk:
    """Convert one object of a stream.

    Args:
        piece: The object; none that tells of an error.
        model: The model's name, for the last chunk.
        tools: How many tool calls came before it in this stream.
    """
    message = piece.get("message") or {}
    chunk = AIMessageChunk(
        content=message.get("content") or "",
        additional_kwargs={"reasoning_content": message["thinking"]} if message.get("thinking") else {},
        tool_call_chunks=[
            tool_call_chunk(
                name=call["function"]["name"],
                args=_arguments(call["function"]),
                id=call.get("id") or f"call_{uuid4().hex[:12]}",
                index=tools + place,
            )
            for place, call in enumerate(message.get("tool_calls") or [])
        ],
    )
    if piece.get("done"):
        chunk.response_metadata = {
            "finish_reason": piece.get("done_reason") or "stop",
            "model_name": model,
            "model_provider": "ollama",
        }
        chunk.usage_metadata = _usage(piece)
        chunk.chunk_position = "last"
    return chunk


def _arguments(function: dict[str, Any]) -> str:
    """Give a tool call's arguments as JSON; servers that only imitate Ollama send them as such a text."""
    arguments = function.get("arguments")
    return arguments if isinstance(arguments, str) else json.dumps(arguments or {})


def _usage(piece: dict[str, Any]) -> UsageMetadata | None:
    """Read the counts; older servers leave out the prompt's when it was in their cache."""
    sent, received = piece.get("prompt_eval_count"), piece.get("eval_count")
    if type(sent) is not int or type(received) is not int:
        return None
    return UsageMetadata(input_tokens=sent, output_tokens=received, total_tokens=sent + received)
