"""OpenAI's Chat Completions, as OpenAI and its many imitators stream it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.providers.servers.base import Reply, Seen
from tests.providers.servers.words import WORDS, is_unfinished


@dataclass
class OpenAIDialect:
    """One imitator of OpenAI.

    Attributes:
        reasoning_field: Where it puts the thinking; in `content` it stands in blocks, as Mistral sends it, in
            `reasoning_details` in signed ones.
        window_field: Where its list of models has the context window.
        counts_in_every_chunk: Whether it repeats the token counts in every chunk.
        signs_calls: Whether its tool calls are signed, as Gemini's are.
        cached: How many of the sent tokens it says were cached; 0 to say nothing of it.
    """

    reasoning_field: str = "reasoning_content"
    window_field: str = "max_model_len"
    counts_in_every_chunk: bool = False
    signs_calls: bool = False
    cached: int = 3
    content_type: str = "text/event-stream"

    def facts(self, seen: Seen) -> Reply | None:
        found: dict[str, Any]
        if seen.path.endswith("/props"):
            found = {"default_generation_settings": {"n_ctx": 32_768}}
        elif seen.method == "GET":
            found = {"data": [{"id": "other"}, {"id": "org/model:8b", self.window_field: 32_768}]}
        elif not seen.body.get("stream"):
            message = {"role": "assistant", "content": "Hello", self.reasoning_field: "secret"}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            found = {"id": "c1", "object": "chat.completion", "model": "m", "choices": [choice]}
        else:
            return None
        return Reply(200, json.dumps(found).encode())

    def refusal(self, status: int, message: str) -> Reply:
        return Reply(status, json.dumps({"error": {"message": message, "type": None, "code": None}}).encode())

    def frames(self, play: str, seen: Seen) -> Iterator[bytes]:
        if play == "empty":
            yield b"data: [DONE]\n\n"
            return
        model = seen.body["model"]
        yield self._event(model, {"role": "assistant", "content": ""})
        if play == "malformed":
            yield b'data: {"choices": [{"delta": {"content": "bro\n\n'
            return
        if play == "error_event":
            yield _data({"error": {"message": "the engine is overloaded", "type": "server_error"}})
            return
        yield from self._content(play, model)
        if is_unfinished(play):
            return
        finish = {
            "tool": "tool_calls",
            "think_tool": "tool_calls",
            "length": "length",
            "filtered": "content_filter",
        }.get(play, "stop")
        yield self._event(model, {}, finish)
        if play != "no_usage":
            yield _data({**_head(model), "choices": [], "usage": self._usage(play)})
        yield b"data: [DONE]\n\n"

    def _content(self, play: str, model: str) -> Iterator[bytes]:
        if play in ("reasoning", "think_tool"):
            for word in ("sec", "ret"):
                if self.reasoning_field == "reasoning_details":
                    yield self._event(model, {"reasoning_details": [_detail(word)]})
                    continue
                thought = {"type": "thinking", "thinking": [{"type": "text", "text": word}]}
                said = [thought] if self.reasoning_field == "content" else word
                yield self._event(model, {self.reasoning_field: said})
        if play in ("tool", "think_tool", "broken_tool"):
            named = {"name": "add", "arguments": ""}
            call: dict[str, Any] = {"index": 0, "id": "t1", "type": "function", "function": named}
            if play == "think_tool" and self.signs_calls:
                call["extra_content"] = {"google": {"thought_signature": "s"}}
            yield self._event(model, {"tool_calls": [call]})
            for part in ('{"a": ', "1" if play == "broken_tool" else "1}"):
                yield self._event(model, {"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
            return
        for word in WORDS.get(play, WORDS["answer"]):
            yield self._event(model, {"content": word})

    def _event(self, model: str, delta: dict[str, Any], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        usage = {"usage": self._usage()} if self.counts_in_every_chunk else {}
        return _data({**_head(model), "choices": [choice], **usage})

    def _usage(self, play: str = "") -> dict[str, Any]:
        sent, received = (0, 0) if play == "zero_usage" else (7, 2)
        usage = {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}
        return usage | ({"prompt_tokens_details": {"cached_tokens": self.cached}} if self.cached else {})


def _detail(word: str) -> dict[str, Any]:
    """A piece of a thought as OpenRouter streams it; the signature comes with the last one."""
    signature = {"signature": "s"} if word == "ret" else {}
    return {"type": "reasoning.text", "text": word, "format": "f-v1", "index": 0, **signature}


def _head(model: str) -> dict[str, Any]:
    return {"id": "c1", "object": "chat.completion.chunk", "model": model}


def _data(value: object) -> bytes:
    return f"data: {json.dumps(value)}\n\n".encode()
