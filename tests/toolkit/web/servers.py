"""A web server on loopback that misbehaves in every way, and names that lead to it."""

from __future__ import annotations

import gzip
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.loopback import running

PAGE = b"<title>Rivers</title><script>steal()</script><h1>The Elbe</h1><p>It is <b>1094 km</b> long.</p>"
BOMB = gzip.compress(b"a" * 20_000_000)
TYPES = {"/json": "application/json", "/picture": "image/png", "/plain": "text/plain; charset=iso-8859-1"}
BODIES = {"/json": b'{"length_km": 1094}', "/picture": b"\x89PNG", "/plain": "Überfluß".encode("latin-1")}


class _Handler(BaseHTTPRequestHandler):
    server: MisbehavingServer

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self.server.asked.append((self.headers["Host"], self.path))
        with suppress(OSError):  # when the other side has had enough
            self._answer()

    def _answer(self) -> None:  # noqa: C901  # a table of misdeeds
        if self.path.startswith("/to/"):
            self._head(302, Location=self.path.removeprefix("/to/"))
        elif self.path == "/loop":
            self._head(302, Location="/loop")
        elif self.path == "/bomb":
            self._head(200, Content_Type="text/plain", Content_Encoding="gzip")
            self.wfile.write(BOMB)
        elif self.path == "/zstd":
            self._head(200, Content_Type="text/plain", Content_Encoding="zstd")
        elif self.path == "/broken":
            self._head(200, Content_Type="text/plain", Content_Encoding="gzip")
            self.wfile.write(b"\x1f\x8b\x08 no")
        elif self.path == "/endless":
            self._head(200, Content_Type="text/plain")
            while True:
                self.wfile.write(b"x" * 65536)
        elif self.path == "/drip":
            self._head(200, Content_Type="text/plain")
            while not self.server.is_over.wait(0.02):
                self.wfile.write(b"x")
        elif self.path == "/missing":
            self._head(404)
        else:
            self._head(200, Content_Type=TYPES.get(self.path, "text/html"))
            self.wfile.write(BODIES.get(self.path, PAGE))

    def _head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()


class MisbehavingServer(ThreadingHTTPServer):
    """Keeps who was asked for what."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str]] = []
        self.is_over = threading.Event()


@contextmanager
def misbehaving(certificate: Path | None = None) -> Iterator[MisbehavingServer]:
    """Serve until the test is over; over TLS with a certificate."""
    with MisbehavingServer() as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(
                server.socket, server_side=True, do_handshake_on_connect=False
            )
        with running(server, server.is_over):
            yield server


class Names:
    """A resolver with names of its own, which counts what it is asked."""

    def __init__(self, **addresses: Sequence[Sequence[str]]) -> None:
        self._answers = {name.replace("_", "."): list(answers) for name, answers in addresses.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        assert port
        self.asked.append(host)
        if host not in self._answers:
            raise OSError(host)
        answers = self._answers[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]
