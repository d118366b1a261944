"""Embeddings by OpenAI's API and by Ollama's, each text's length as its vector."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from tests.loopback import running

if TYPE_CHECKING:
    from collections.abc import Iterator


class FakeEmbeddings(ThreadingHTTPServer):
    """Gives each text its length as a vector, by OpenAI's API (backwards) and Ollama's; or `plays`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.plays: deque[Any] = deque()
        self.seen: list[tuple[str, dict[str, Any], str | None]] = []
        self.over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeEmbeddings

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay quiet."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.seen.append((self.path, body, self.headers.get("authorization")))
        play = self.server.plays.popleft() if self.server.plays else 2
        if play == "hang":
            self.server.over.wait()
            return
        if isinstance(play, int) and play >= 100:
            self._refuse(play, f"you sent {self.headers.get('authorization')}")
            return
        if isinstance(play, tuple):
            self._refuse(*play)
            return
        rows = [[float(len(text))] * play if isinstance(play, int) else play for text in body["input"]]
        data = [{"index": place, "embedding": row} for place, row in enumerate(rows)][::-1]
        count = 5 * len(rows)
        openai = {"data": data, "usage": {"prompt_tokens": count, "total_tokens": count}}
        self._send(
            200, {"embeddings": rows, "prompt_eval_count": count} if self.path == "/api/embed" else openai
        )

    def _refuse(self, status: int, words: str) -> None:
        self._send(status, {"error": words if self.path == "/api/embed" else {"message": words}})

    def _send(self, status: int, body: object) -> None:
        answer = json.dumps(body).encode()
        self.send_response(status)
        if status == 307:
            self.send_header("location", "http://203.0.113.9/v1/embeddings")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


@contextmanager
def serve_embeddings() -> Iterator[FakeEmbeddings]:
    server = FakeEmbeddings()
    with running(server, server.over):
        yield server
