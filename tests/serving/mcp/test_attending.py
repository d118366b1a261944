"""Work for a client: told of, cancelled once, bounded in number."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio
import pytest
from mcp import McpError
from mcp.types import (
    CancelledNotification,
    CancelledNotificationParams,
    ClientNotification,
)

from serving.faults import InputError
from serving.mcp.attending import Slots, Tell, attend
from tests.serving.mcp.clients import PATIENCE_S, SLOW, News, connected, text_of
from tests.support import ASK, PLAN, AgentMaker

ENDLESS = "```python solution.py\nwhile True:\n    pass\n```"


async def test_silence_is_broken_by_a_heartbeat_that_says_what_goes_on() -> None:
    sent: list[tuple[int, str]] = []
    enough = asyncio.Event()

    async def send(number: int, text: str) -> None:
        sent.append((number, text))
        if number >= 3:
            enough.set()

    async def work(tell: Tell) -> str:
        tell("reason")
        await enough.wait()
        return "done"

    async with asyncio.timeout(PATIENCE_S):
        assert await attend(work, send, heartbeat_s=0.01) == "done"
    assert [number for number, _ in sent[:3]] == [1, 2, 3]
    assert sent[0][1] == "reason"
    assert sent[1][1].startswith("reason (")


async def test_all_news_are_out_before_the_result() -> None:
    sent: list[str] = []

    async def send(_: int, text: str) -> None:
        await asyncio.sleep(0)
        sent.append(text)

    async def work(tell: Tell) -> None:
        for word in "abc":
            tell(word)

    await attend(work, send)
    assert sent == ["a", "b", "c"]


async def test_a_client_that_has_left_does_not_end_the_work() -> None:
    async def send(_: int, __: str) -> None:
        raise anyio.ClosedResourceError

    async def work(tell: Tell) -> str:
        tell("a")
        await asyncio.sleep(0.01)
        return "done"

    assert await attend(work, send) == "done"


async def test_cancelled_work_cleans_up_in_peace() -> None:
    steps: list[str] = []

    async def work(tell: Tell) -> None:
        tell("a")
        try:
            await asyncio.sleep(PATIENCE_S)
        finally:
            for step in "abc":  # in a scope of the SDK the first of these would fail
                await asyncio.sleep(0)
                steps.append(step)

    with anyio.move_on_after(0.05) as scope:
        await attend(work)
    assert scope.cancelled_caught
    assert steps == ["a", "b", "c"]


async def test_work_that_was_cancelled_from_inside_is_a_bug_and_not_silence() -> None:
    async def work(_: Tell) -> None:
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="cancelled from inside"):
        await attend(work)


async def test_what_finds_no_slot_waits_and_what_finds_no_room_to_wait_is_refused() -> None:
    slots, told = Slots(2, "turns", waiting=1), list[str]()
    running, most, going = 0, 0, asyncio.Event()

    async def take() -> None:
        nonlocal running, most
        async with slots.taken(told.append):
            running += 1
            most = max(most, running)
            await going.wait()
            running -= 1

    tasks = [asyncio.create_task(take()) for _ in range(4)]
    await asyncio.sleep(0.01)
    going.set()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert (most, running) == (2, 0)
    assert [type(one) for one in done] == [type(None)] * 3 + [InputError]
    assert str(done[3]) == "This server runs 2 turns at once and 1 more wait: call again later."
    assert told == ["waiting: 2 turns are running"]


async def test_a_cancelled_wait_gives_its_place_back() -> None:
    slots = Slots(1, "turns", waiting=1)

    async def take() -> None:
        async with slots.taken(lambda _: None):
            await asyncio.sleep(0)

    async with slots.taken(lambda _: None):
        waiting = asyncio.create_task(take())
        await asyncio.sleep(0)
        waiting.cancel()
        await asyncio.wait([waiting])
        another = asyncio.create_task(take())
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE_S):
        await another


@pytest.mark.parametrize(
    ("reasoning", "coding", "moment"),
    [(SLOW, SLOW, "reason"), ({"content": PLAN}, {"content": ENDLESS}, "verify: compile")],
    ids=["asking a model", "running code"],
)
async def test_a_call_that_the_client_cancels_ends_its_turn_and_nothing_else(
    make_agent: AgentMaker, reasoning: dict[str, Any], coding: dict[str, Any], moment: str
) -> None:
    agent, news = make_agent([reasoning], [coding], verify_timeout_s=300), News()
    async with connected(agent, turns=1) as client:
        asked = {"question": ASK, "session": "walk-on"}
        call = asyncio.create_task(client.call_tool("ask", asked, progress_callback=news))
        await news.wait_for(moment)
        params = CancelledNotificationParams(requestId=1, reason="enough")  # after `initialize`, which is 0
        await client.send_notification(ClientNotification(CancelledNotification(params=params)))
        with pytest.raises(McpError, match="Request cancelled"):
            await call
        # Neither the one slot nor the session's lock is still held.
        async with asyncio.timeout(PATIENCE_S):
            told = {"question": "remember that our deploys are on Fridays", "session": "walk-on"}
            again = await client.call_tool("ask", told)
    assert text_of(again).startswith("Remembered: ")
