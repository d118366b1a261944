"""MCP over streamable HTTP: several clients, who must come by a known name and bring the token, if any."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import uvicorn
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse

from serving.faults import InputError
from serving.lines import MAX_LINE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mcp.server.lowlevel import Server
    from starlette.types import ASGIApp, Receive, Scope, Send

PATH: Final = "/mcp"
MIN_TOKEN_CHARS: Final = 16

_MAX_CLIENTS = 64
_MAX_CONNECTIONS = 256
_GRACE_S = 2
_BACKLOG = 128


@dataclass(frozen=True, slots=True)
class Door:
    """Where clients come in.

    Attributes:
        listening: Bound, so that nobody else takes the port.
        token: What every request must bring; empty where none is asked for.
        names: Names beside its own that clients may reach it by.
    """

    listening: socket.socket
    token: str = ""
    names: tuple[str, ...] = ()

    @property
    def url(self) -> str:
        """The address for clients."""
        host, port = self.listening.getsockname()[:2]
        return f"http://{_written(host)}:{port}{PATH}"


def open_door(host: str, port: int, *, token: str = "", names: Sequence[str] = ()) -> Door:
    """Listen, for nobody but this machine unless there is a token.

    Args:
        host: The address, or a name for it.
        port: The port; 0 takes a free one.
        token: See `Door`.
        names: See `Door`.

    Raises:
        InputError: When that cannot be, or must not.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"--host {host!r} cannot be found ({error}): give an address of this machine."
        ) from None
    if not token and not ipaddress.ip_address(str(address[0]).partition("%")[0]).is_loopback:
        raise InputError(
            f"--host {host} lets other machines in: give --token-env NAME, a variable with a token that "
            "clients must send, or leave --host out."
        )
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(_BACKLOG)
    except OSError as error:
        listening.close()
        raise InputError(
            f"--host {host} --port {port} cannot be listened at ({error.strerror}): choose another."
        ) from None
    return Door(listening, token, tuple(names))


async def serve_http(server: Server[Any, Any], door: Door, stop: asyncio.Event) -> None:
    """Serve until `stop` is set; what is at work then is cancelled, and has cleaned up when this returns.

    Args:
        server: Answers.
        door: Where clients come in; it is closed at the end.
        stop: Ends it.
    """
    manager = StreamableHTTPSessionManager(
        server,
        security_settings=_security(door),
        max_request_body_size=MAX_LINE,
        max_sessions=_MAX_CLIENTS,
    )
    config = uvicorn.Config(
        _gate(manager.handle_request, door.token),
        lifespan="off",
        ws="none",
        http="h11",
        log_config=None,
        access_log=False,
        server_header=False,
        limit_concurrency=_MAX_CONNECTIONS,
        timeout_graceful_shutdown=_GRACE_S,
    )
    http = _Server(config)
    async with manager.run():
        serving = asyncio.create_task(http.serve(sockets=[door.listening]))
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            stopping.cancel()
            http.should_exit = True  # it looks ten times a second, and takes no new client then
    await serving


class _Server(uvicorn.Server):
    """Leaves signals alone: the command line has its own way to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _gate(inner: ASGIApp, token: str) -> ASGIApp:
    """Let in what asks for our path and brings the token."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"].rstrip("/") != PATH:
            refusal = PlainTextResponse(f"MCP is at {PATH}.", status_code=404)
        elif token and not _brings(Headers(scope=scope).get("authorization", ""), token):
            headers = {"WWW-Authenticate": "Bearer"}
            refusal = PlainTextResponse("Send Authorization: Bearer TOKEN.", status_code=401, headers=headers)
        else:
            await inner(scope, receive, send)
            return
        await refusal(scope, receive, send)

    return app


def _brings(header: str, token: str) -> bool:
    """Whether a header brings the token; how long that takes tells nothing of it."""
    scheme, _, given = header.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _security(door: Door) -> TransportSecuritySettings:
    """The hosts that requests may name and the pages that may send them: no web page of somebody else."""
    host, port = door.listening.getsockname()[:2]
    known = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", _written(host))]
    named = [form for name in door.names for form in (_written(name), f"{_written(name)}:*")]
    pages = [f"http://{name}" for name in known] + [
        f"{way}://{name}" for way in ("http", "https") for name in named
    ]
    return TransportSecuritySettings(allowed_hosts=[*known, *named], allowed_origins=pages)


def _written(host: str) -> str:
    """A host as addresses write it."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host
