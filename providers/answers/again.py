"""Answers that are sent again: each model gets its own thinking back, and no other model's.

In a tool loop some services demand the thinking before a tool call, with its signature, and refuse that of
another model. So every answer carries the model string that it came from.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage, message_chunk_to_message

from providers.answers.think import split_reasoning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage

    from providers.backend import ModelSpec

ORIGIN = "duograph_model"
"""The key of `response_metadata` under which an answer says which model gave it."""

THOUGHTS = ("reasoning_content", "reasoning", "reasoning_details", "tool_signatures")
"""Where `additional_kwargs` of an answer holds thinking and its signatures."""

# Tool calls stand in `tool_calls` as well, from which every client writes them in its own form.
_OF_ONE_MODEL = frozenset(
    ("thinking", "redacted_thinking", "reasoning", "reasoning_content", "tool_use", "function_call")
)


def stamped(message: AIMessage, spec: ModelSpec) -> AIMessage:
    """Make of a complete answer a message that can be sent again.

    Args:
        message: As it was streamed.
        spec: The model that gave it.

    Returns:
        A message without empty texts, which Anthropic refuses, and with its origin.
    """
    whole = cast("AIMessage", message_chunk_to_message(message))
    content: Any = whole.content
    if isinstance(content, list):
        texts = ({"type": "text", "text": each} if isinstance(each, str) else each for each in content)
        content = [block for block in texts if block.get("type") != "text" or block.get("text")]
    metadata = {**whole.response_metadata, ORIGIN: str(spec)}
    return whole.model_copy(update={"content": content, "response_metadata": metadata})


def for_model(messages: Sequence[BaseMessage], spec: ModelSpec) -> list[BaseMessage]:
    """Give a conversation in the form in which one model can take it.

    Args:
        messages: The conversation.
        spec: The model that is asked.

    Returns:
        The same, with what belongs to other models taken out of their answers.
    """
    return [
        _plain(message) if isinstance(message, AIMessage) and _is_foreign(message, spec) else message
        for message in messages
    ]


def spoken(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
    """Give a conversation with its tool calls and what they gave as text, for models that take no tools.

    Services refuse messages about tools where none are offered. What was given keeps the fence it has.
    """
    told: list[BaseMessage] = []
    for message in messages:
        if isinstance(message, ToolMessage):
            words: BaseMessage = HumanMessage(f"A tool gave:\n{message.text}")
        elif isinstance(message, AIMessage) and message.tool_calls:
            called = ", ".join(f"{call['name']}({json.dumps(call['args'])})" for call in message.tool_calls)
            text = split_reasoning(str(message.text)).text.strip()
            words = AIMessage("\n\n".join(filter(None, (text, f"I called {called}."))))
        else:
            words = message
        if told and told[-1].type == words.type == "human":
            # Some services demand that roles take turns.
            words = HumanMessage(f"{told.pop().text}\n\n{words.text}")
        told.append(words)
    return told


def _is_foreign(message: AIMessage, spec: ModelSpec) -> bool:
    return message.response_metadata.get(ORIGIN) != str(spec)


def _plain(message: AIMessage) -> AIMessage:
    """Leave text, pictures and tool calls; of a message that holds no more nothing changes."""
    extra = {name: value for name, value in message.additional_kwargs.items() if name not in THOUGHTS}
    content: Any = message.content
    if isinstance(content, list):
        content = [block for block in content if not (isinstance(block, dict) and _is_of_one_model(block))]
        if all(isinstance(block, str) or block.get("type") == "text" for block in content):
            content = "".join(block if isinstance(block, str) else str(block["text"]) for block in content)
    if isinstance(content, str):
        content = split_reasoning(content).text
    if content == message.content and extra == message.additional_kwargs:
        return message
    # Without the ids and the metadata by which clients would look for the rest at their own service.
    return AIMessage(content=content, additional_kwargs=extra, tool_calls=message.tool_calls)


def _is_of_one_model(block: dict[str, Any]) -> bool:
    return block.get("type") in _OF_ONE_MODEL or (block.get("type") == "text" and not block.get("text"))
