"""The official MCP client, connected to our server in several ways."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from mcp.shared.memory import create_connected_server_and_client_session as connected_session
from mcp.types import TextContent

from serving.mcp.desk import Desk
from serving.mcp.server import make_server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from mcp import ClientSession
    from mcp.client.session import ElicitationFnT
    from mcp.types import CallToolResult

    from graph.agent import Agent

PATIENCE_S = 60
SLOW = {"content": "late", "delay_s": 600}


@asynccontextmanager
async def connected(
    agent: Agent, *, turns: int = 4, asked: ElicitationFnT | None = None
) -> AsyncIterator[ClientSession]:
    """A client in this process, and its server; `asked` answers what a person is asked."""
    server = make_server(Desk(agent, turns=turns), "0")
    async with connected_session(server, elicitation_callback=asked) as session:
        yield session


def text_of(result: CallToolResult) -> str:
    """All that a client can read."""
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))


class News:
    """What a client was told of its call."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, str]] = []
        self._came = asyncio.Event()

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        assert total is None
        self.seen.append((progress, message or ""))
        self._came.set()

    async def wait_for(self, word: str) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not any(word in message for _, message in self.seen):
                self._came.clear()
                await self._came.wait()
