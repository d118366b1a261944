"""A Datadog of our own on loopback: it says what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests import loopback
from toolkit.datadog.client import Access

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


@dataclass(frozen=True)
class Reply:
    """An answer; `is_cut` promises more than it sends, `repeat` sends the body so many times."""

    body: object = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False
    repeat: int = 1

    @property
    def raw(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass(frozen=True)
class Seen:
    """A request."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


class Loopback(ThreadingHTTPServer):
    """Answers from `replies`, one after the other; the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.replies: list[Reply] = []
        self.seen: list[Seen] = []

    @property
    def access(self) -> Access:
        """Keys for it."""
        return Access("the-api-key", "the-app-key", f"http://127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    server: Loopback
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: object) -> None:
        parts = urlsplit(self.path)
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.server.seen.append(Seen(parts.path, dict(parse_qsl(parts.query)), headers, body))
        replies = self.server.replies
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        self.send_response(reply.status)
        for name, value in ({"Content-Type": "application/json"} | reply.headers).items():
            self.send_header(name, value)
        length = len(reply.raw) * reply.repeat
        self.send_header("Content-Length", str(length + 100 if reply.is_cut else length))
        self.end_headers()
        try:
            for _ in range(reply.repeat):
                self.wfile.write(reply.raw)
        except OSError:
            self.close_connection = True
        if reply.is_cut:
            self.close_connection = True


def running() -> AbstractContextManager[Loopback]:
    """Start it and end it."""
    return loopback.running(Loopback())
