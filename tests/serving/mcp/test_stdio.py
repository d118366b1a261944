"""MCP over a pair of pipes, as a client's process would see it."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.agent import Agent
from graph.settings import Settings
from serving.lines import MAX_LINE
from serving.mcp.desk import Desk
from serving.mcp.server import make_server
from serving.mcp.stdio import serve_stdio
from tests.serving.mcp.clients import PATIENCE_S, SLOW
from tests.support import ASK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support import AgentMaker

Message = dict[str, Any]
HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "0"},
    },
}
READY = {"jsonrpc": "2.0", "method": "notifications/initialized"}
PING = {"jsonrpc": "2.0", "id": 7, "method": "ping"}


class Wire:
    """The client's ends of the pipes."""

    def __init__(self, reading: int, writing: int) -> None:
        self._reading, self._writing = os.fdopen(reading, "rb"), os.fdopen(writing, "wb")

    async def send(self, *lines: bytes | Message) -> None:
        for line in lines:
            data = line if isinstance(line, bytes) else json.dumps(line).encode()
            await asyncio.to_thread(self._writing.write, data + b"\n")
        await asyncio.to_thread(self._writing.flush)

    async def receive(self) -> Message:
        async with asyncio.timeout(PATIENCE_S):
            found = json.loads(await asyncio.to_thread(self._reading.readline))
        assert isinstance(found, dict)
        return found

    async def greet(self) -> None:
        await self.send(HELLO)
        assert (await self.receive())["result"]["serverInfo"]["name"] == "duograph"
        await self.send(READY)

    def hang_up(self) -> None:
        self._writing.close()

    def turn_away(self) -> None:
        self._reading.close()

    def close(self) -> None:
        with suppress(OSError):
            self._writing.close()
        self._reading.close()


@asynccontextmanager
async def wired(agent: Agent) -> AsyncIterator[tuple[Wire, asyncio.Task[None], asyncio.Event]]:
    theirs, to_server = os.pipe()
    from_server, ours = os.pipe()
    wire, stop = Wire(from_server, to_server), asyncio.Event()
    serving = asyncio.create_task(serve_stdio(make_server(Desk(agent, turns=2), "0"), (theirs, ours), stop))
    try:
        yield wire, serving, stop
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait([serving])
        wire.close()
        os.close(ours)


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    with Agent(Settings(home=tmp_path_factory.mktemp("offline"))) as agent:
        yield agent


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"hello", -32700),
        (b"\xff\xfe\x00", -32700),
        (b"{" * 100_000, -32700),
        (b"[]", -32600),
        (b"[" + json.dumps(PING).encode() + b"]", -32600),
        (b'{"jsonrpc": "1.0", "id": 1, "method": "ping"}', -32600),
        (b"null", -32600),
        (b'"' + b"x" * MAX_LINE + b'"', -32600),
    ],
    ids=range(8),
)
async def test_a_line_that_is_no_message_is_answered_and_nothing_breaks(
    offline: Agent, line: bytes, code: int
) -> None:
    async with wired(offline) as (wire, _, _):
        await wire.greet()
        await wire.send(b"", line, PING)
        refused, pong = await wire.receive(), await wire.receive()
    known = 1 if b'"id": 1' in line else None
    assert (refused["id"], refused["error"]["code"]) == (known, code)
    assert "Traceback" not in refused["error"]["message"]
    assert pong == {"jsonrpc": "2.0", "id": 7, "result": {}}


LONG = {"name": "ask", "arguments": {"question": "x" * MAX_LINE, "id": 5, "more": [{"id": 6}]}}
WRONG = {"id": "w", "method": "ping"}


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ({"jsonrpc": "2.0", "id": "a", "method": "tools/call", "params": LONG}, "a"),
        ({"method": "tools/call", "params": LONG, "jsonrpc": "2.0", "id": 8}, 8),
        ({"method": "tools/call", "params": LONG, "id": 8, "jsonrpc": "2.0"}, 8),
        ({"method": "tools/call", "params": LONG}, None),
        ({"jsonrpc": "2.0", "id": 8, "result": LONG}, None),
        (WRONG, "w"),
        (WRONG | {"id": True}, None),
        ({"id": 8, "result": {}}, None),
    ],
    ids=range(8),
)
async def test_a_call_that_cannot_be_taken_is_answered_by_its_number_so_that_nobody_waits_for_it(
    offline: Agent, message: Message, number: int | str | None
) -> None:
    async with wired(offline) as (wire, _, _):
        await wire.greet()
        await wire.send(message, PING)
        refused, pong = await wire.receive(), await wire.receive()
    assert (refused["id"], refused["error"]["code"], pong["id"]) == (number, -32600, 7)


async def test_half_a_character_does_not_keep_a_call_from_being_answered(offline: Agent) -> None:
    params = {"name": "ask", "arguments": {"question": "hello \ud83d", "session": "\ud83d"}}
    async with wired(offline) as (wire, _, _):
        await wire.greet()
        await wire.send({"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": params})
        answer = await wire.receive()
    assert answer["id"] == 3
    assert "The thread id '?' cannot be used" in answer["result"]["content"][0]["text"]


@settings(max_examples=30)
@given(st.lists(st.binary(max_size=40).filter(lambda line: line.strip() and b"\n" not in line), max_size=4))
def test_whatever_comes_the_server_goes_on(offline: Agent, lines: list[bytes]) -> None:
    async def play() -> list[Message]:
        async with wired(offline) as (wire, _, _):
            await wire.greet()
            await wire.send(*lines, PING)
            found = [await wire.receive()]
            while found[-1].get("id") != 7:
                found.append(await wire.receive())
        return found

    found = asyncio.run(play())
    assert found[-1]["result"] == {}
    assert len(found) == len(lines) + 1


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "id": 3, "method": "fly"},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call"},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": 5}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/call", "params": {"name": "ask", "arguments": [1]}},
    ],
    ids=["no such method", "no params", "no name", "no object"],
)
async def test_a_wrong_request_is_an_error_of_the_protocol(offline: Agent, message: Message) -> None:
    async with wired(offline) as (wire, _, _):
        await wire.greet()
        await wire.send(message)
        answer = await wire.receive()
    assert (answer["id"], answer["error"]["code"]) == (3, -32602)


@pytest.mark.parametrize("way", ["hang_up", "turn_away", "stop"])
async def test_when_the_client_leaves_its_turns_end_with_it(make_agent: AgentMaker, way: str) -> None:
    agent = make_agent([SLOW, {"content": "Hello."}], [SLOW])
    async with wired(agent) as (wire, serving, stop):
        await wire.greet()
        params = {
            "name": "ask",
            "arguments": {"question": ASK, "session": "left"},
            "_meta": {"progressToken": "p"},
        }
        await wire.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        while (await wire.receive())["params"]["message"] != "reason":
            pass
        if way == "stop":
            stop.set()
        else:
            getattr(wire, way)()
        if way == "turn_away":  # which shows when something is said
            await wire.send(PING)
        async with asyncio.timeout(PATIENCE_S):
            await serving
    # The turn was cut off between two steps, as by Ctrl-C: its session is whole and free.
    assert await agent.standing("left") == "cut"
    assert agent.graph.locks.held == 0


async def test_a_client_that_does_not_read_holds_up_neither_turn_nor_end(offline: Agent) -> None:
    async with wired(offline) as (wire, serving, _):
        await wire.greet()
        arguments = {"question": "Write a Python function is_prime(n)", "session": "unread"}
        params = {"name": "ask", "arguments": arguments, "_meta": {"progressToken": "p"}}
        call = {"jsonrpc": "2.0", "method": "tools/call", "params": params}
        listing = {"jsonrpc": "2.0", "method": "tools/list"}
        await wire.send(
            *({**listing, "id": n} for n in range(10)), {**call, "id": 99}
        )  # more than a pipe holds
        async with asyncio.timeout(PATIENCE_S):
            while await offline.standing("unread") != "ended":
                await asyncio.to_thread(time.sleep, 0.05)
            wire.hang_up()
            await serving
