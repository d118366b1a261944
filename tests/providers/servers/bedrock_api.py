"""Amazon Bedrock's Converse and ConverseStream, with the framing of AWS's event streams."""

from __future__ import annotations

import binascii
import json
import re
import struct
import urllib.parse
from collections.abc import Iterator
from typing import Any

from tests.providers.servers.base import Reply, Seen
from tests.providers.servers.words import WORDS, is_unfinished

ON_DEMAND = (
    "Invocation of model ID {} with on-demand throughput isn\u2019t supported. Retry your request with the "
    "ID or ARN of an inference profile that contains this model."
)
_USAGE = {"inputTokens": 4, "outputTokens": 2, "totalTokens": 6, "cacheReadInputTokens": 3}
_CODES = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}


class BedrockDialect:
    """https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html.

    Attributes:
        profile_only: Ids that are served through an inference profile only.
        unknown: Ids that no region has.
        faults: Statuses with which the next requests for vectors are refused.
        invoked: The models and bodies of all requests for vectors.
    """

    content_type = "application/vnd.amazon.eventstream"

    def __init__(self, profile_only: tuple[str, ...] = (), unknown: tuple[str, ...] = ()) -> None:
        self.profile_only = profile_only
        self.unknown = unknown
        self.faults: list[int] = []
        self.invoked: list[tuple[str, dict[str, Any]]] = []

    def facts(self, seen: Seen) -> Reply | None:
        model = asked_model(seen)
        if model in self.profile_only:
            return self.refusal(400, ON_DEMAND.format(model))
        if model in self.unknown:
            return self.refusal(400, "The provided model identifier is invalid.")
        if seen.path.endswith("/invoke"):
            return self._invoke(model, seen.body)
        if seen.path.endswith("/converse"):
            thought = {"reasoningContent": {"reasoningText": {"text": "secret", "signature": "s"}}}
            message = {"role": "assistant", "content": [thought, {"text": "Hello"}]}
            whole = {"output": {"message": message}, "stopReason": "end_turn", "usage": _USAGE}
            return Reply(200, json.dumps(whole | {"metrics": {"latencyMs": 1}}).encode())
        return None

    def _invoke(self, model: str, body: dict[str, Any]) -> Reply:
        """Titan's and Cohere's text embeddings: a text's length, as often as the model's vectors are long."""
        self.invoked.append((model, body))
        if self.faults:
            return self.refusal(self.faults.pop(0), "fault")
        size = 1536 if model.endswith("v1") else 1024
        if model.startswith("amazon."):
            vector = [float(len(body["inputText"]))] * size
            found: dict[str, Any] = {"embedding": vector, "inputTextTokenCount": 3}
        else:
            rows = [[float(len(text))] * (1536 if "v4" in model else size) for text in body["texts"]]
            found = {"embeddings": {"float": rows} if "v4" in model else rows}
        return Reply(200, json.dumps(found).encode(), {"x-amzn-bedrock-input-token-count": "7"})

    def refusal(self, status: int, message: str) -> Reply:
        code = _CODES.get(status, "InternalServerException")
        return Reply(status, json.dumps({"message": message}).encode(), {"x-amzn-errortype": code})

    def frames(self, play: str, seen: Seen) -> Iterator[bytes]:
        del seen
        if play == "empty":
            return
        yield frame("messageStart", {"role": "assistant"})
        if play == "malformed":
            yield b"\x00" * 64
            return
        if play == "error_event":
            yield frame("throttlingException", {"message": "Too many tokens"}, kind="exception")
            return
        yield from _content(play)
        if is_unfinished(play):
            return
        reasons = {
            "tool": "tool_use",
            "think_tool": "tool_use",
            "length": "max_tokens",
            "filtered": "guardrail_intervened",
        }
        yield frame("messageStop", {"stopReason": reasons.get(play, "end_turn")})
        if play != "no_usage":
            yield frame("metadata", {"usage": _USAGE, "metrics": {"latencyMs": 1}})


def _content(play: str) -> Iterator[bytes]:
    index = 0
    if play in ("reasoning", "think_tool"):
        for word in ("sec", "ret"):
            yield _delta(0, {"reasoningContent": {"text": word}})
        yield _delta(0, {"reasoningContent": {"signature": "s"}})
        yield frame("contentBlockStop", {"contentBlockIndex": 0})
        index = 1
    if play in ("tool", "think_tool", "broken_tool"):
        start = {"contentBlockIndex": index, "start": {"toolUse": {"toolUseId": "t1", "name": "add"}}}
        yield frame("contentBlockStart", start)
        for part in ('{"a": ', "1" if play == "broken_tool" else "1}"):
            yield _delta(index, {"toolUse": {"input": part}})
    else:
        for word in WORDS.get(play, WORDS["answer"]):
            yield _delta(index, {"text": word})
    if not is_unfinished(play):
        yield frame("contentBlockStop", {"contentBlockIndex": index})


def asked_model(seen: Seen) -> str:
    """The model in the path of a request."""
    found = re.fullmatch(r"/model/([^/]+)/(?:converse(?:-stream)?|invoke)", seen.path)
    return urllib.parse.unquote(found[1]) if found else ""


def _delta(index: int, delta: dict[str, Any]) -> bytes:
    return frame("contentBlockDelta", {"contentBlockIndex": index, "delta": delta})


def frame(event: str, payload: dict[str, Any], kind: str = "event") -> bytes:
    """One message of `application/vnd.amazon.eventstream`: lengths, checksum, headers, payload, checksum."""
    named = ":event-type" if kind == "event" else ":exception-type"
    headers = b""
    for name, value in ((":message-type", kind), (":content-type", "application/json"), (named, event)):
        headers += bytes([len(name)]) + name.encode() + b"\x07"
        headers += struct.pack(">H", len(value)) + value.encode()
    body = json.dumps(payload).encode()
    start = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
    start += struct.pack(">I", binascii.crc32(start))
    message = start + headers + body
    return message + struct.pack(">I", binascii.crc32(message))
