"""Anthropic's Messages API as it streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.providers.servers.base import Reply, Seen
from tests.providers.servers.words import WORDS, is_unfinished

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    529: "overloaded_error",
}


class AnthropicDialect:
    """https://platform.claude.com/docs/en/build-with-claude/streaming."""

    content_type = "text/event-stream"

    def facts(self, seen: Seen) -> Reply | None:
        if seen.body.get("stream"):
            return None
        thought = {"type": "thinking", "thinking": "secret", "signature": "s"}
        whole = {
            "id": "m1", "type": "message", "role": "assistant", "model": "m", "stop_reason": "end_turn",
            "content": [thought, {"type": "text", "text": "Hello"}],
            "usage": {"input_tokens": 7, "output_tokens": 2},
        }  # fmt: skip
        return Reply(200, json.dumps(whole).encode())

    def refusal(self, status: int, message: str) -> Reply:
        error = {"type": _TYPES.get(status, "api_error"), "message": message}
        return Reply(status, json.dumps({"type": "error", "error": error}).encode())

    def frames(self, play: str, seen: Seen) -> Iterator[bytes]:
        if play == "empty":
            return
        usage = {"input_tokens": 4, "cache_read_input_tokens": 3, "cache_creation_input_tokens": 0}
        message = {
            "id": "m1", "type": "message", "role": "assistant", "model": seen.body["model"], "content": [],
            "stop_reason": None, "stop_sequence": None, "usage": {**usage, "output_tokens": 1},
        }  # fmt: skip
        yield _event("message_start", message=message)
        yield _event("ping")
        if play == "malformed":
            yield b'event: content_block_delta\ndata: {"type": "content_block_delta", "delta": {"te\n\n'
            return
        if play == "error_event":
            yield _event("error", error={"type": "overloaded_error", "message": "Overloaded"})
            return
        index = 0
        if play in ("reasoning", "think_tool"):
            yield from _block(0, {"type": "thinking", "thinking": "", "signature": ""}, _thoughts())
            index = 1
        yield from _content(index, play)
        if is_unfinished(play):
            return
        reason = {
            "tool": "tool_use",
            "think_tool": "tool_use",
            "length": "max_tokens",
            "filtered": "refusal",
        }.get(play, "end_turn")
        counts = {} if play == "no_usage" else {**usage, "output_tokens": 2}
        yield _event(
            "message_delta", delta={"stop_reason": reason, "stop_sequence": None},
            usage=counts or {"output_tokens": 0},
        )  # fmt: skip
        yield _event("message_stop")


def _thoughts() -> Iterator[dict[str, Any]]:
    for word in ("sec", "ret"):
        yield {"type": "thinking_delta", "thinking": word}
    yield {"type": "signature_delta", "signature": "s"}


def _content(index: int, play: str) -> Iterator[bytes]:
    if play in ("tool", "think_tool", "broken_tool"):
        parts = ('{"a": ', "1" if play == "broken_tool" else "1}")
        deltas = ({"type": "input_json_delta", "partial_json": part} for part in parts)
        yield from _block(index, {"type": "tool_use", "id": "t1", "name": "add", "input": {}}, deltas)
        return
    words = WORDS.get(play, WORDS["answer"])
    deltas = ({"type": "text_delta", "text": word} for word in words)
    yield from _block(index, {"type": "text", "text": ""}, deltas, closed=not is_unfinished(play))


def _block(
    index: int, start: dict[str, Any], deltas: Iterator[dict[str, Any]], *, closed: bool = True
) -> Iterator[bytes]:
    yield _event("content_block_start", index=index, content_block=start)
    for delta in deltas:
        yield _event("content_block_delta", index=index, delta=delta)
    if closed:
        yield _event("content_block_stop", index=index)


def _event(name: str, **data: object) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
