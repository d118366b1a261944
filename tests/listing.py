"""A server on loopback that lists models, or does not, and may repeat the key that it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.loopback import running

LISTING = json.dumps({"object": "list", "data": [{"id": "qwen3-coder"}, {"id": "other"}, {"odd": 1}]})


class ListingServer(ThreadingHTTPServer):
    """Answers every request with `status` and `body`; hangs until `over` when told so."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status, self.body, self.hangs = 200, LISTING.encode(), False
        self.echoes = False
        self.seen: list[tuple[str, str]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: ListingServer

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay quiet."""

    def do_GET(self) -> None:
        """Answer as the server was told to."""
        key = self.headers.get("authorization", "")
        self.server.seen.append((self.path, key))
        if self.server.hangs:
            self.server.over.wait()
            return
        body = self.server.body
        if self.server.echoes:
            body = json.dumps({"data": [{"id": f"qwen3-code {key}"}]}).encode()
        self.send_response(self.server.status)
        self.send_header("location", "http://127.0.0.1:9/elsewhere")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Refuse, and say what was sent."""
        key = self.headers.get("authorization", "")
        self.server.seen.append((self.path, key))
        self.rfile.read(int(self.headers.get("content-length", 0)))
        body = json.dumps({"error": {"message": f"wrong key {key}", "type": "auth"}}).encode()
        self.send_response(401)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def serving() -> Iterator[ListingServer]:
    """Serve for as long as the block runs."""
    server = ListingServer()
    with running(server, server.over):
        yield server
