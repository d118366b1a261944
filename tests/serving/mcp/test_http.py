"""MCP over HTTP on loopback, with the official client and with requests that it would not send."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client

from graph.agent import Agent
from graph.settings import Settings
from serving.faults import InputError
from serving.lines import MAX_LINE
from serving.mcp.desk import Desk
from serving.mcp.http import Door, open_door, serve_http
from serving.mcp.server import make_server
from tests.serving.mcp.clients import PATIENCE_S, SLOW, News, text_of
from tests.serving.mcp.test_stdio import HELLO

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support import AgentMaker

TOKEN = "correct horse battery staple"  # noqa: S105  # of nothing
ACCEPT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(Settings(home=tmp_path_factory.mktemp("offline"))) as agent:
        yield agent


@asynccontextmanager
async def served(agent: Agent, door: Door | None = None) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A server in this process, which has ended afterwards."""
    door, stop = door or open_door("127.0.0.1", 0), asyncio.Event()
    serving = asyncio.create_task(serve_http(make_server(Desk(agent, turns=2), "0"), door, stop))
    try:
        yield door.url, stop
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await serving


@asynccontextmanager
async def client_of(url: str, **headers: str) -> AsyncIterator[ClientSession]:
    async with (
        httpx.AsyncClient(headers=headers, timeout=PATIENCE_S) as http,
        streamable_http_client(url, http_client=http) as (reading, writing, _),
        ClientSession(reading, writing) as session,
    ):
        await session.initialize()
        yield session


async def post(
    url: str, headers: dict[str, str] | None = None, *, content: bytes | None = None
) -> httpx.Response:
    """Send a greeting, or whatever else, as any program could."""
    body = json.dumps(HELLO).encode() if content is None else content
    async with httpx.AsyncClient(timeout=PATIENCE_S) as http:
        return await http.post(
            url, content=body, headers=ACCEPT | {"Content-Type": "application/json"} | (headers or {})
        )


async def test_two_clients_at_once_are_answered_each_with_its_own_news(offline: Agent) -> None:
    async def ask(url: str, question: str) -> tuple[str, News]:
        news = News()
        async with client_of(url) as client:
            done = await client.call_tool("ask", {"question": question}, progress_callback=news)
        assert not done.isError
        return text_of(done), news

    async with served(offline) as (url, _):
        (prime, first), (told, second) = await asyncio.gather(
            ask(url, "Write a Python function is_prime(n)"), ask(url, "remember that tea is hot")
        )
    assert "def is_prime" in prime
    assert told.startswith("Remembered: ")
    assert "code" in [word for _, word in first.seen]
    assert "knowledge" in [word for _, word in second.seen]
    assert "code" not in [word for _, word in second.seen]


@asynccontextmanager
async def asking(url: str, session: str) -> AsyncIterator[tuple[AsyncIterator[str], httpx.AsyncClient]]:
    """A client without the SDK that has asked; its answer has come as far as the model's turn to speak."""
    params = {
        "name": "ask",
        "arguments": {"question": "Why is the sky blue?", "session": session},
        "_meta": {"progressToken": 1},
    }
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    async with httpx.AsyncClient(timeout=PATIENCE_S, headers=ACCEPT) as http:
        begun = await http.post(url, json=HELLO)
        http.headers["mcp-session-id"] = begun.headers["mcp-session-id"]
        async with http.stream("POST", url, json=call) as answer:
            lines = answer.aiter_lines()
            async for line in lines:
                if '"reason"' in line:
                    break
            yield lines, http


@pytest.mark.parametrize("way", ["the server ends", "the client ends its session"])
async def test_an_end_cancels_turns_and_keeps_their_sessions(make_agent: AgentMaker, way: str) -> None:
    agent = make_agent([SLOW], [SLOW])
    async with served(agent) as (url, stop), asking(url, "left") as (lines, http):
        if way == "the server ends":
            stop.set()
        else:
            assert (await http.delete(url)).status_code == 200
        async with asyncio.timeout(PATIENCE_S):
            assert not [line async for line in lines if '"result"' in line]
    assert await agent.standing("left") == "cut"
    assert agent.graph.locks.held == 0


async def test_a_broken_connection_does_not_end_a_turn(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "Because of Rayleigh.", "delay_s": 1}], [SLOW])
    async with served(agent) as (url, _):
        async with asking(url, "unheard"):
            """And away."""
        async with asyncio.timeout(PATIENCE_S):
            while await agent.standing("unheard") != "ended":
                await asyncio.to_thread(time.sleep, 0.05)
        async with client_of(url) as client:
            shown = await client.call_tool("sessions", {"session": "unheard"})
    assert "Because of Rayleigh." in text_of(shown)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Host": "evil.example:80"}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 400),
        ({}, 200),
    ],
)
async def test_no_web_page_gets_through_a_browser_to_the_server(
    offline: Agent, headers: dict[str, str], status: int
) -> None:
    async with served(offline) as (url, _):
        assert (await post(url, headers)).status_code == status
        assert (await post(url, {"Origin": url.removesuffix("/mcp")})).status_code == 200


async def test_without_the_token_nobody_is_answered(offline: Agent) -> None:
    door = open_door("127.0.0.1", 0, token=TOKEN)
    async with served(offline, door) as (url, _):
        for header in (
            "",
            "Bearer",
            f"Bearer {TOKEN}x",
            f"Bearer {TOKEN[:-1]}",
            f"Basic {TOKEN}",
        ):
            refused = await post(url, {"Authorization": header})
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert TOKEN not in refused.text
        async with client_of(url, Authorization=f"Bearer {TOKEN}") as client:
            assert (await client.call_tool("sessions", {})).isError is False


async def test_what_is_too_large_or_no_message_or_elsewhere_is_refused_and_nothing_breaks(
    offline: Agent,
) -> None:
    async with served(offline) as (url, _):
        assert (await post(url, content=b" " * (MAX_LINE + 1))).status_code == 413
        for garbage in (b"hello", b"[]", b"{" * 10_000, b"\xff"):
            refused = await post(url, content=garbage)
            assert refused.status_code in {400, 500}, refused.text
            assert "Traceback" not in refused.text
        assert (await post(f"{url}/../secrets")).status_code == 404
        assert (await post(url, {"mcp-session-id": "nobody"})).status_code == 404
        async with client_of(url) as client:
            assert len((await client.list_tools()).tools) == 4


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])  # noqa: S104  # that it is refused
def test_other_machines_are_let_in_only_with_a_token(host: str) -> None:
    with pytest.raises(InputError, match=r"lets other machines in: give --token-env NAME"):
        open_door(host, 0)


def test_a_place_that_cannot_be_is_said() -> None:
    door = open_door("127.0.0.1", 0)
    port = door.listening.getsockname()[1]
    with door.listening, pytest.raises(InputError, match=rf"--port {port} cannot be listened at"):
        open_door("127.0.0.1", port)
    with pytest.raises(InputError, match=r"--host 'no\.such\.host\.invalid' cannot be found"):
        open_door("no.such.host.invalid", 0)


async def test_names_that_are_allowed_are_answered(offline: Agent) -> None:
    door = open_door("127.0.0.1", 0, token=TOKEN, names=("agent.example",))
    async with served(offline, door) as (url, _):
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        for host in ("agent.example", "agent.example:8443"):
            assert (await post(url, bearer | {"Host": host, "Origin": f"https://{host}"})).status_code == 200
        assert (await post(url, bearer | {"Host": "agent.example.evil"})).status_code == 421
