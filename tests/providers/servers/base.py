"""A small HTTP server on loopback that plays answers and faults; each API adds how it words them."""

from __future__ import annotations

import json
import select
import socket
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol

from tests.loopback import running

# Plays that end the stream early: the frames before it are sent, the rest never comes.
_UNFINISHED = ("cut", "empty_cut", "stall", "drip")


@dataclass(frozen=True)
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """What the server answers before any streaming: a status with a body."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class Dialect(Protocol):
    """How one API words an answer. The plays that every dialect knows are those of the contract suite."""

    content_type: str

    def facts(self, seen: Seen) -> Reply | None:
        """Answer a request that asks for no text, such as a list of models; None when it asks for text."""
        ...

    def frames(self, play: str, seen: Seen) -> Iterator[bytes]:
        """Word the answer in pieces; the first ones, up to two words, come before any fault in the middle."""
        ...

    def refusal(self, status: int, message: str) -> Reply:
        """Word an error."""
        ...


class Loopback(ThreadingHTTPServer):
    """Plays what `plays` says, one word per request for text; `answer` when nothing is left.

    Words, besides those that `Dialect.frames` knows: a status such as `429`, with `+7` for a `Retry-After` of
    seven seconds, `quota`, `overflow`; `hang` sends nothing; `stall`, `drip`, `cut` and
    `empty_cut` begin and do not end;
    `quiet_cut` closes the connection as if the answer were whole; `html` is a page; `empty` is an answer
    without any piece; `redirect` sends the client to another machine; `whole` is a JSON text in place of a
    stream, `nothing` a 204, `not_gzip` says that it is compressed and is not; `flood` is a line without an
    end, `flood_500` an error without one.
    """

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.dialect = dialect
        self.plays: deque[str] = deque()
        self.seen: list[Seen] = []
        self.over = threading.Event()
        self.hung_up = threading.Event()
        self.connections = 0
        # Whether it hangs up without a word once a question is answered, as one does that was idle for long.
        self.forgetful = False
        self.asked_by: socket.socket | None = None

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class
        """Count the connections."""
        self.connections += 1
        super().process_request(request, client_address)

    def has_hung_up(self) -> bool:
        """Whether it has closed the connection by which it was asked last."""
        return self.asked_by is not None and self.asked_by.fileno() < 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def next_play(self, seen: Seen) -> str:
        """Say what to play for a request; a server may also choose by the model's name."""
        del seen
        return self.plays.popleft() if self.plays else "answer"

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: clients that hang up are part of the tests."""
        del request, client_address
        if isinstance(sys.exception(), ConnectionError):
            self.hung_up.set()

    def running(self) -> AbstractContextManager[Loopback]:
        return running(self, self.over)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Loopback

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay quiet."""

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        body = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)) or "{}")
        seen = Seen(method, self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        if (facts := self.server.dialect.facts(seen)) is not None:
            self._send(facts)
            return
        self.close_connection = self.close_connection or self.server.forgetful
        self.server.asked_by = self.connection
        self.server.seen.append(seen)
        play = self.server.next_play(seen)
        if play == "hang":
            self._idle()
        elif play == "redirect":
            self._send(Reply(307, b"", {"location": "http://203.0.113.9/v1"}))
        elif play == "html":
            self._send(Reply(200, b"<html>a login page</html>", {"content-type": "text/html"}))
        elif play == "whole":
            self._send(Reply(200, b'{"choices": [], "content": "Hello"}'))
        elif play == "nothing":
            self._send(Reply(204, b""))
        elif play == "not_gzip":
            self._send(Reply(200, b"data: not compressed at all", {"content-encoding": "gzip"}))
        elif play in ("flood", "flood_500"):
            self._flood(500 if play == "flood_500" else 200)
        elif play[0].isdigit() or play in ("overflow", "quota"):
            self._refuse(seen, play)
        else:
            self._stream(play, seen)

    def _refuse(self, seen: Seen, play: str) -> None:
        code, _, wait = play.partition("+")
        # A careless server repeats the key it was given.
        secret = ("authorization", "x-api-key", "x-amz-security-token")
        given = {seen.headers.get(name, "") for name in secret} - {""}
        said = {"overflow": "prompt is too long: 9 tokens > 8 maximum", "quota": "insufficient_quota"}
        echo = " ".join(each.removeprefix("Bearer ") for each in given)
        message = f"{said.get(play, f'fault {code}')}; you sent {echo}"
        status = {"overflow": 400, "quota": 429}.get(play) or int(code)
        reply = self.server.dialect.refusal(status, message)
        headers = reply.headers | {"x-you-sent": echo} | ({"retry-after": wait} if wait else {})
        self._send(Reply(reply.status, reply.body, headers))

    def _flood(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-type", self.server.dialect.content_type)
        self.send_header("connection", "close")
        self.end_headers()
        while not self._client_left(0):
            self.wfile.write(b"data: " + b"a" * 250_000)

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        headers = {"content-type": "application/json"} | reply.headers
        for name, value in (headers | {"content-length": str(len(reply.body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def _stream(self, play: str, seen: Seen) -> None:
        self.send_response(200)
        self.send_header("content-type", self.server.dialect.content_type)
        chunked = play != "quiet_cut"
        # Without a length the end of the connection is the end of the body, as from an HTTP/1.0 server.
        self.send_header(*(("transfer-encoding", "chunked") if chunked else ("connection", "close")))
        self.end_headers()
        last = b""
        for last in self.server.dialect.frames(play, seen):
            self._write(last, chunked=chunked)
        if play == "drip":
            while not self._client_left(0.02):
                self._write(last, chunked=chunked)
        elif play == "stall":
            self._idle()
        elif play in ("cut", "empty_cut"):
            self.wfile.flush()
            self.connection.close()
        elif chunked:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = self.close_connection or play in (*_UNFINISHED, "quiet_cut")

    def _write(self, data: bytes, *, chunked: bool) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n" if chunked else data)
        self.wfile.flush()

    def _idle(self) -> None:
        """Send nothing until the client leaves or the test ends."""
        while not self._client_left(0.01):
            pass
        self.close_connection = True

    def _client_left(self, seconds: float) -> bool:
        if self.server.over.wait(seconds):
            return True
        readable, _, _ = select.select([self.connection], [], [], 0)
        if readable and not self.connection.recv(1, socket.MSG_PEEK):
            self.server.hung_up.set()
            return True
        return False
