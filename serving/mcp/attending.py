"""Work for a client: in a task of its own, told of as it goes, cancelled once, and not too much at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

import anyio

from serving.faults import InputError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine
    from typing import Any

T = TypeVar("T")
Tell: TypeAlias = Callable[[str], None]
"""Takes a word of progress, and never waits."""

Send: TypeAlias = Callable[[int, str], Awaitable[None]]
"""Sends the client the number and the words of a piece of news."""

MAX_WAITING: Final = 32
HEARTBEAT_S: Final = 10.0
"""Seconds without news until the client is told that work goes on: clients give up on silence."""


class Slots:
    """How much is done at once; what comes then waits, and what comes beyond that is refused."""

    def __init__(self, most: int, what: str, *, waiting: int = MAX_WAITING) -> None:
        """Note how much.

        Args:
            most: How many at once.
            what: Of what, for messages, such as `turns`.
            waiting: How many may wait.
        """
        self._most = most
        self._what = what
        self._may_wait = waiting
        self._waiting = 0
        self._free = asyncio.Semaphore(most)

    @asynccontextmanager
    async def taken(self, tell: Tell) -> AsyncIterator[None]:
        """Hold a slot.

        Raises:
            InputError: When too many wait for one.
        """
        if self._free.locked():
            if self._waiting >= self._may_wait:
                raise InputError(
                    f"This server runs {self._most} {self._what} at once and {self._waiting} more wait: "
                    "call again later."
                )
            tell(f"waiting: {self._most} {self._what} are running")
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()


async def attend(
    work: Callable[[Tell], Coroutine[Any, Any, T]],
    send: Send | None = None,
    *,
    heartbeat_s: float = HEARTBEAT_S,
) -> T:
    """Do the work, and tell the client of it; a client that does not read holds nothing up.

    Cancelling reaches the work once, which then cleans up in peace: in the SDK's own cancel scopes every
    further await would fail.

    Args:
        work: What to do; it is given what takes a word of progress.
        send: Sends the number and the words of each news; None when the client wants none.
        heartbeat_s: Seconds without news until the last is sent again.

    Raises:
        RuntimeError: When something inside cancelled the work, and not the client.
    """
    news: asyncio.Queue[str | None] = asyncio.Queue()
    task = asyncio.create_task(work(news.put_nowait))
    telling = asyncio.create_task(_tell(news, send, heartbeat_s)) if send else None
    try:
        await asyncio.wait([task])
        if telling is not None:
            news.put_nowait(None)
            await asyncio.wait([telling])
    except asyncio.CancelledError:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
        raise
    finally:
        if telling is not None:
            telling.cancel()
    if task.cancelled():
        raise RuntimeError("The work was cancelled from inside.")
    return task.result()


async def _tell(news: asyncio.Queue[str | None], send: Send, heartbeat_s: float) -> None:
    """Send the news one after the other, and the last one again while nothing happens."""
    number, last, since = 0, "", asyncio.get_running_loop().time()
    # The client may have left; the work hears of that in another way.
    with suppress(anyio.ClosedResourceError, anyio.BrokenResourceError):
        while True:
            try:
                word = await asyncio.wait_for(news.get(), heartbeat_s)
            except TimeoutError:
                seconds = asyncio.get_running_loop().time() - since
                text = f"{last or 'at work'} ({seconds:.0f} s)"
            else:
                if word is None:
                    return
                text = last = word
                since = asyncio.get_running_loop().time()
            number += 1
            await send(number, text)
