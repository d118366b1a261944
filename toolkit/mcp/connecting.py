"""A session with one server through langchain-mcp-adapters: over a keeper's pipes, or over HTTP."""

from __future__ import annotations

import json
import os
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from toolkit.mcp import keeper
from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from langchain_mcp_adapters.sessions import StdioConnection, StreamableHttpConnection
    from mcp import ClientSession

    from toolkit.mcp.expanding import Expanded
    from toolkit.mcp.limits import McpLimits

    OnMessage = Callable[[Any], Awaitable[None]]

_MAX_ASKED: Final = 120_000
"""What one variable of a process can hold, a little less."""
_MARGIN_S: Final = 5.0


@asynccontextmanager
async def connected(
    name: str, server: Expanded, limits: McpLimits, on_log: OnMessage, on_message: OnMessage
) -> AsyncIterator[ClientSession]:
    """Open a session, not yet initialized, and close it with all that belongs to it.

    Args:
        name: As users call the server.
        server: It, with all variables put in.
        limits: How much it may take.
        on_log: Is given what it, or its keeper, logs.
        on_message: Is given all else that is no answer.

    Raises:
        ToolError: When what the file says cannot be used.
    """
    from langchain_mcp_adapters.sessions import create_session  # noqa: PLC0415 - an extra
    from mcp.types import Implementation  # noqa: PLC0415 - the same

    kwargs: dict[str, Any] = {
        "logging_callback": on_log,
        "message_handler": on_message,
        "client_info": Implementation(name="duograph", version="1"),
    }
    connection = _kept(name, server, limits) if server.command else _asked(name, server, limits)
    connection["session_kwargs"] = kwargs
    async with create_session(connection) as session:
        yield session


def _kept(name: str, server: Expanded, limits: McpLimits) -> StdioConnection:
    if not server.cwd.is_dir():
        raise ToolError(f"The MCP server {name} cannot start: its folder {server.cwd} is not there.")
    asked = {
        "command": list(server.command),
        "env": dict(server.env),
        "cwd": str(server.cwd),
        "parent": os.getpid(),
        "max_line": limits.max_message_bytes,
        "max_flood": limits.max_flood_bytes,
    }
    # Nothing in it looks like a variable to whoever reads it next.
    text = json.dumps(asked).replace("$", "\\u0024")
    if len(text) > _MAX_ASKED:
        raise ToolError(f"The MCP server {name} cannot start: its args and env are too long.")
    return {
        "transport": "stdio",
        "command": sys.executable,
        "args": ["-I", "-S", str(Path(keeper.__file__).resolve())],
        "env": {keeper.VARIABLE: text},
    }


def _asked(name: str, server: Expanded, limits: McpLimits) -> StreamableHttpConnection:
    from toolkit.mcp.http import Bounds, check_url, client_factory, without_secrets  # noqa: PLC0415 - heavy

    check_url(server.url, server.headers, name)
    bounds = Bounds(
        connect_s=min(limits.startup_s, 10),
        answer_s=max(limits.call_s, limits.startup_s) + _MARGIN_S,  # a call is given up earlier, and says so
        max_bytes=limits.max_message_bytes,
        max_stream_bytes=limits.max_flood_bytes,
    )
    return {
        "transport": "streamable_http",
        "url": without_secrets(server.url),
        "httpx_client_factory": client_factory(server.url, server.headers, bounds),
    }
