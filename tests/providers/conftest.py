"""A small server that speaks OpenAI's Chat Completions over loopback, and every way it can fail."""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

CANARY = "canary-7f3a9d21-not-shaped-like-a-key"


@dataclass(frozen=True)
class Seen:
    """One request as the server saw it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class FakeOpenAI(ThreadingHTTPServer):
    """Plays what `plays` says, one word per request; `answer` when nothing is left.

    Words: `answer`, `think`, `tool`, `broken_tool`, `401`, `403`, `404`, `429`, `quota`, `500`, `503`, `529`,
    `overflow`, `hang`, `stall`, `drip`, `cut`, `quiet_cut`, `malformed`, `html`, `empty`, `no_text`,
    `length`, `no_usage`, `zero_usage`, `error_event`.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plays: deque[str] = deque()
        self.seen: list[Seen] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeOpenAI

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.path, headers, body))
        play = self.server.plays.popleft() if self.server.plays else "answer"
        if play == "hang":
            self.server.over.wait()
            self.close_connection = True
        elif play == "html":
            self._send(200, "text/html", b"<html>a login page</html>")
        elif play.isdigit() or play in ("quota", "overflow"):
            self._fail(play)
        else:
            self._stream(play, body["model"])

    def _send(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _fail(self, play: str) -> None:
        status, code = {
            "quota": (429, "insufficient_quota"),
            "overflow": (400, "context_length_exceeded"),
        }.get(play, (int(play) if play.isdigit() else 500, None))
        # A careless server repeats the key it was given.
        message = f"fault {play}; you sent {self.headers['authorization'].removeprefix('Bearer ')}"
        error = {"error": {"message": message, "code": code, "type": None}}
        self._send(status, "application/json", json.dumps(error).encode())

    def _stream(self, play: str, model: str) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        if play == "quiet_cut":
            # Without a length the end of the connection is the end of the body, as from an HTTP/1.0 server.
            self.close_connection = True
        else:
            self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for line in _events(play, model):
            self._write(play, f"data: {line}\n\n".encode())
        if play == "cut":
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
        elif play == "drip":
            (*_, word) = _events("stall", model)
            while not self.server.over.wait(0.02):
                self._write(play, f"data: {word}\n\n".encode())
            self.close_connection = True
        elif play == "stall":
            self.server.over.wait()
            self.close_connection = True
        elif play != "quiet_cut":
            self._write(play, b"data: [DONE]\n\n")
            self.wfile.write(b"0\r\n\r\n")

    def _write(self, play: str, data: bytes) -> None:
        self.wfile.write(data if play == "quiet_cut" else f"{len(data):x}\r\n".encode() + data + b"\r\n")


def _events(play: str, model: str) -> Iterator[str]:
    def event(delta: dict[str, Any], finish: str | None = None) -> str:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return json.dumps(
            {"id": "c1", "object": "chat.completion.chunk", "model": model, "choices": [choice]}
        )

    if play == "empty":
        return
    yield event({"role": "assistant", "content": ""})
    if play == "error_event":
        yield json.dumps({"error": {"message": "the engine is overloaded", "type": "server_error"}})
        return
    if play == "malformed":
        yield '{"choices": [{"delta": {"content": "bro'
        return
    if play in ("tool", "broken_tool"):
        function = {"name": "add", "arguments": '{"a": 1}' if play == "tool" else '{"a": '}
        yield event({"tool_calls": [{"index": 0, "id": "t1", "type": "function", "function": function}]})
    elif play != "no_text":
        words = ["<thi", "nk>sec", "ret</th", "ink>Hel", "lo"] if play == "think" else ["Hel", "lo"]
        for word in words:
            yield event({"content": word})
    if play in ("cut", "quiet_cut", "stall", "drip"):
        return
    yield event({}, "length" if play == "length" else "stop")
    if play == "no_usage":
        return
    sent, received = (0, 0) if play == "zero_usage" else (7, 2)
    usage = {"prompt_tokens": sent, "completion_tokens": received, "total_tokens": sent + received}
    yield json.dumps(
        {"id": "c1", "object": "chat.completion.chunk", "model": model, "choices": [], "usage": usage}
    )


@pytest.fixture
def fake_openai(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeOpenAI]:
    # It speaks plain HTTP, and to read the machine's certificates takes longer than to talk to it.
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    server = FakeOpenAI()
    # The default poll of half a second would be spent at every shutdown.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def _no_keys_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE", "LANGSMITH_GATEWAY_API_KEY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def canary() -> str:
    """A key that no pattern recognises, so only knowing it can hide it."""
    return CANARY


@pytest.fixture
def script(tmp_path: Path) -> Callable[..., str]:
    """Write a script and return its model string."""

    def script(*lines: dict[str, Any], name: str = "replies") -> str:
        path = tmp_path / f"{name}.jsonl"
        path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        return f"scripted:{path}"

    return script
