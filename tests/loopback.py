"""Servers on loopback, each with a thread of its own."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from socketserver import TCPServer

Server = TypeVar("Server", bound="TCPServer")


@contextmanager
def running(server: Server, over: threading.Event | None = None) -> Iterator[Server]:
    """Serve for as long as the block runs; then `over` is set, which those wait for who hang."""
    # The default poll of half a second would be spent at every shutdown.
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        if over is not None:
            over.set()
        server.shutdown()
        server.server_close()
        thread.join()
