"""Ollama's native API: one JSON object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.providers.servers.base import Reply, Seen
from tests.providers.servers.words import WORDS, is_unfinished


class OllamaDialect:
    """https://docs.ollama.com/api, for a model that was pulled, unless it is called `absent`.

    Attributes:
        window: The model's own context window.
        loaded: The window it is loaded with, or 0 while it is not.
    """

    content_type = "application/x-ndjson"

    def __init__(self, window: int = 32_768, loaded: int = 0) -> None:
        self.window = window
        self.loaded = loaded

    def facts(self, seen: Seen) -> Reply | None:
        found: dict[str, Any]
        if seen.path == "/api/ps":
            row = {"name": "org/model:8b", "context_length": self.loaded}
            found = {"models": [row] if self.loaded else []}
        elif seen.path == "/api/show" and seen.body["model"] == "absent":
            return self.refusal(404, "model 'absent' not found")
        elif seen.path == "/api/show":
            info = {"general.architecture": "qwen3", "qwen3.context_length": self.window}
            found = {"model_info": info, "capabilities": ["completion", "tools"]}
        else:
            return None
        return Reply(200, json.dumps(found).encode())

    def refusal(self, status: int, message: str) -> Reply:
        return Reply(status, json.dumps({"error": message}).encode())

    def frames(self, play: str, seen: Seen) -> Iterator[bytes]:
        model = seen.body["model"]
        if play == "empty":
            return
        if play == "malformed":
            yield _line(model, {"content": "Hel"})
            yield b'{"model": "m", "message": {"content": "bro\n'
            return
        if play == "error_event":
            yield _line(model, {"content": "Hel"})
            yield b'{"error": "an error was encountered while running the model"}\n'
            return
        if play in ("reasoning", "think_tool"):
            for word in ("sec", "ret"):
                yield _line(model, {"content": "", "thinking": word})
        if play in ("tool", "think_tool", "broken_tool"):
            yield _line(model, {"content": "", "tool_calls": [{"function": _call(play)}]})
        else:
            for word in WORDS.get(play, WORDS["answer"]):
                yield _line(model, {"content": word})
        if is_unfinished(play):
            return
        counts = {} if play == "no_usage" else {"prompt_eval_count": 7, "eval_count": 2}
        reason = "length" if play == "length" else "stop"
        yield _line(model, {"content": ""}, done=True, done_reason=reason, **counts)


def _call(play: str) -> dict[str, Any]:
    return {"name": "add", "arguments": None if play == "broken_tool" else {"a": 1}}


def _line(model: str, message: dict[str, Any], **more: object) -> bytes:
    row = {"model": model, "message": {"role": "assistant", **message}, "done": False, **more}
    return json.dumps(row).encode() + b"\n"
