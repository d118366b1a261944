"""A small Hugging Face hub on loopback: models with hashes, ranges, and every way it can fail."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "c" * 40


def lfs(name: str) -> bool:
    return name.endswith(".safetensors")


def blob(name: str, content: bytes) -> str:
    if lfs(name):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass
class Repository:
    files: dict[str, bytes]
    tags: list[str] = field(default_factory=lambda: ["mlx", "safetensors"])


class FakeHub(ThreadingHTTPServer):
    """Serves `models`; `fault` is `gated`, `down`, `cut`, `slow` or `lies`; `requests` is what was asked."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.models: dict[str, Repository] = {}
        self.fault = ""
        self.cut_at = 0
        self.requests: list[tuple[str, str, str]] = []
        self.tokens: set[str] = set()
        self.slow = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """Stay quiet: clients that hang up are part of the tests."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeHub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Stay quiet."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.server.requests.append((self.command, path, self.headers.get("range", "")))
        if token := self.headers.get("authorization"):
            self.server.tokens.add(token)
        if self.server.fault == "gated":
            self._send(403, b"{}", {"x-error-code": "GatedRepo"})
            return
        if self.server.fault == "down":
            self._send(501, b"{}")
            return
        parts = path.strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        if api:
            parts = parts[2:]
        repository = self.server.models.get("/".join(parts[:2]))
        if repository is None:
            self._send(404, b"{}", {"x-error-code": "RepoNotFound"})
        elif api:
            self._tell("/".join(parts[:2]), repository, tree="tree" in parts)
        else:
            name = "/".join(parts[4:])
            self._file(name, repository.files[name])

    def _tell(self, model: str, repository: Repository, *, tree: bool) -> None:
        rows = []
        for name, content in repository.files.items():
            big = {"size": len(content), "sha256": blob(name, content), "pointerSize": 130}
            row: dict[str, object] = {"size": len(content)}
            row |= {"path": name, "type": "file"} if tree else {"rfilename": name}
            row["oid" if tree else "blobId"] = "0" * 40 if lfs(name) else blob(name, content)
            if lfs(name):
                row["lfs"] = big | {"oid": big["sha256"]}
            rows.append(row)
        info = {"id": model, "sha": COMMIT, "tags": repository.tags, "siblings": rows}
        self._send(200, json.dumps(rows if tree else info).encode())

    def _file(self, name: str, content: bytes) -> None:
        headers = {"etag": f'"{blob(name, content)}"', "x-repo-commit": COMMIT, "accept-ranges": "bytes"}
        if lfs(name):
            headers |= {"x-linked-etag": headers["etag"], "x-linked-size": str(len(content))}
            if self.server.fault == "lies":
                content = content[::-1]
        start = int((self.headers.get("range") or "bytes=0-").removeprefix("bytes=").partition("-")[0])
        if start:
            headers["content-range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._send(206 if start else 200, content[start:], headers, cuttable=lfs(name))

    def _send(
        self, status: int, body: bytes, headers: dict[str, str] | None = None, *, cuttable: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        if cuttable and self.server.fault == "cut":
            self.server.fault = ""
            self.wfile.write(body[: self.server.cut_at])
            self.wfile.flush()
            self.close_connection = True
            self.connection.close()
        elif cuttable and self.server.fault == "slow":
            half = len(body) // 2
            self.wfile.write(body[:half])
            self.wfile.flush()
            self.server.slow.wait(60)
            self.close_connection = True
        else:
            self.wfile.write(body)
