"""Estimates tokens where nobody has counted them: one rule for what is sent and for what is received.

Three bytes of UTF-8 are taken for one token, rounded up, and `MESSAGE_TOKENS` more for each message sent.
Prose and code have three to five bytes per token with the tokenizers of today, so the estimate is rather too
high; it is too low for random letters, long hexadecimal numbers and scripts that a tokenizer does not know.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from langchain_core.messages import AIMessage, AIMessageChunk

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langchain_core.messages import BaseMessage

BYTES_PER_TOKEN = 3
MESSAGE_TOKENS = 8
"""Tokens for a message's role and separators; chat templates need three to eight."""

_LABELS = ("type", "id", "index")
_OUTSIDE_CONTENT = ("reasoning_content", "refusal")


def input_tokens(messages: Iterable[BaseMessage]) -> int:
    """Estimate how many tokens a conversation takes when it is sent."""
    return sum(MESSAGE_TOKENS + tokens(size(message)) for message in messages)


def tokens(length: int) -> int:
    """Estimate the tokens of a text of so many bytes in UTF-8."""
    return -(-length // BYTES_PER_TOKEN)


def size(message: BaseMessage) -> int:
    """Count the bytes in UTF-8 that a message, or a chunk of one, carries: text, thinking and tool calls."""
    length = _bytes(message.content)
    length += sum(_bytes(message.additional_kwargs.get(name)) for name in _OUTSIDE_CONTENT)
    if isinstance(message, AIMessageChunk):
        return length + _bytes([[chunk["name"], chunk["args"]] for chunk in message.tool_call_chunks])
    if isinstance(message, AIMessage):
        calls = ([call["name"], json.dumps(call["args"], default=str)] for call in message.tool_calls)
        return length + _bytes(list(calls))
    return length


def _bytes(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, dict):
        return sum(_bytes(part) for name, part in value.items() if name not in _LABELS)
    if isinstance(value, list):
        return sum(map(_bytes, value))
    return len(str(value))
