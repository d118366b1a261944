"""A server over HTTP that misbehaves as its path says, and remembers who asked with which headers."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.loopback import running

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

TOOL = {"name": "do", "description": "Do it.", "inputSchema": {"type": "object"}}
DONE = {"content": [{"type": "text", "text": "done"}]}
LONG = b'{"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "' + b"x" * 200_000


class _Handler(BaseHTTPRequestHandler):
    server: WebServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.server.streams += 1
        if self.path != "/streams":
            self._send(405)
            return
        self.close_connection = True
        with suppress(OSError):
            self._send(200, b": nothing\n" * 50_000, Content_Type="text/event-stream")

    def do_DELETE(self) -> None:
        self._send(200)

    def do_POST(self) -> None:
        self.server.asked.append((self.path, dict(self.headers)))
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        kind = self.path.strip("/").partition("?")[0]
        method = asked["method"]
        self.close_connection = True
        with suppress(OSError):  # when the other side has had enough
            if kind.isdigit():
                self._send(int(kind), Location=self.server.elsewhere)
            elif kind == "moved":
                self._send(307, Location="/good/?from=moved")
            elif method == "initialize":
                version = asked["params"]["protocolVersion"]
                info = {"serverInfo": {"name": "web", "version": "1"}, "capabilities": {"tools": {}}}
                self._answer(asked, {"protocolVersion": version, **info}, Mcp_Session_Id="one")
            elif method == "tools/list":
                self._answer(asked, {"tools": [TOOL]})
            elif method != "tools/call":
                self._send(202)
            else:
                self._called(kind, asked)

    def _called(self, kind: str, asked: dict[str, Any]) -> None:  # noqa: C901, PLR0912  # a table of misdeeds
        if kind == "endless":
            self._head(200, Content_Type="application/json")
            while True:
                self.wfile.write(LONG)
        elif kind == "events":
            self._head(200, Content_Type="text/event-stream")
            while True:
                self.wfile.write(b"event: message\ndata: " + b"x" * 60_000 + b"\n")
        elif kind == "cut":
            self._head(200, Content_Type="text/event-stream")
            self.wfile.write(b": nothing\n\n")
        elif kind == "short":
            self._head(200, Content_Type="application/json", Content_Length="1000")
            self.wfile.write(b"{")
        elif kind == "page":
            self._send(200, b"<h1>Log in</h1>", Content_Type="text/html")
        elif kind == "packed":
            body = gzip.compress(b" " * 5_000_000)
            self._send(200, body, Content_Type="application/json", Content_Encoding="gzip")
        elif kind == "accepts":
            self._send(202)
        elif kind == "forgets" and not self.server.has_forgotten:
            self.server.has_forgotten = True
            self._send(404)
        elif kind == "always_forgets":
            self._send(404)
        elif kind == "later":
            self._send(503)
        else:
            self._answer(asked, DONE)

    def _answer(self, asked: dict[str, Any], result: dict[str, Any], **headers: str) -> None:
        body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}).encode()
        self._send(200, body, Content_Type="application/json", **headers)

    def _send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self._head(status, Content_Length=str(len(body)), **headers)
        self.wfile.write(body)

    def _head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Connection", "close")
        self.end_headers()


class WebServer(ThreadingHTTPServer):
    """Answers on loopback; `elsewhere` is where it sends those who ask for a redirect."""

    daemon_threads = True

    def __init__(self, elsewhere: str = "") -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.elsewhere = elsewhere
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.has_forgotten = False
        self.streams = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


def web_server(elsewhere: str = "") -> AbstractContextManager[WebServer]:
    return running(WebServer(elsewhere))
