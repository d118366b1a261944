"""Brings LangChain's messages into the form of Ollama's chat API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessage, ToolMessage

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

_ROLES = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}


def to_ollama(message: BaseMessage) -> dict[str, Any]:
    """Convert one message: its text, thinking, images that it carries in base64, tool calls and tool results.

    Raises:
        ValueError: When it is of a kind, or carries an image by URL, that Ollama cannot take.
    """
    if message.type not in _ROLES:
        raise ValueError(f"Ollama takes no message of type {message.type!r}.")
    converted: dict[str, Any] = {"role": _ROLES[message.type], "content": message.text}
    if images := [_image(block) for block in message.content_blocks if block["type"] == "image"]:
        converted["images"] = images
    if isinstance(message, AIMessage) and message.tool_calls:
        converted["tool_calls"] = [
            {"function": {"name": call["name"], "arguments": call["args"]}} for call in message.tool_calls
        ]
    thought = message.additional_kwargs.get("reasoning_content")
    if isinstance(message, AIMessage) and thought:
        converted["thinking"] = thought
    if isinstance(message, ToolMessage) and message.name:
        converted["tool_name"] = message.name
    return converted


def _image(block: Any) -> str:  # noqa: ANN401 - a typed dict of langchain-core
    if encoded := block.get("base64"):
        return str(encoded)
    raise ValueError("Ollama takes images as base64 data only, not by URL.")
