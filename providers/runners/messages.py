"""Turns LangChain messages into what chat templates take."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from langchain_core.messages import convert_to_openai_messages

from providers.protocol import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage


def template_messages(messages: Sequence[BaseMessage]) -> list[dict[str, Any]]:
    """Return the messages in OpenAI's form, with text as contents and objects as arguments.

    Raises:
        ModelError: When a message holds something other than text, or a tool call holds broken JSON.
    """
    rows = convert_to_openai_messages(list(messages))
    for row in rows:
        row["content"] = _text(row.get("content"))
        for call in row.get("tool_calls") or ():
            function = call["function"]
            # Templates walk through the arguments, so a string will not do.
            if isinstance(function["arguments"], str):
                function["arguments"] = _arguments(function["arguments"])
    return rows


def _text(content: object) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for block in content if isinstance(content, list) else [content]:
        if isinstance(block, str):
            texts.append(block)
        elif isinstance(block, dict) and block.get("type") == "text":
            texts.append(str(block["text"]))
        elif isinstance(block, dict) and block.get("type") in ("thinking", "reasoning"):
            continue
        else:
            kind = block.get("type") if isinstance(block, dict) else type(block).__name__
            raise ModelError("unknown", f"a local runner takes text only, not {kind}; leave it out.")
    return "".join(texts)


def _arguments(text: str) -> dict[str, Any]:
    try:
        arguments = json.loads(text or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise ModelError("malformed", "a tool call in the conversation holds no JSON object; leave it out.")
    return arguments
