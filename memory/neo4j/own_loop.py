"""An event loop in a thread of its own: the driver belongs to one loop, and callers come from any."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

S = TypeVar("S")
T = TypeVar("T")

_CLOSING_S: Final = 5.0


@dataclass(frozen=True)
class _Running(Generic[S]):
    something: S
    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    let_go: weakref.finalize[..., Any]


class OwnLoop(Generic[S]):
    """Something that belongs to an event loop, with a loop in a daemon thread for it.

    Both are made at the first use, and anew in a forked child. A program that does not close it still ends.
    """

    def __init__(self, make: Callable[[], S], close: Callable[[S], Awaitable[None]]) -> None:
        """Keep how it is made and closed; nothing is made yet.

        Args:
            make: Called in another thread than the caller's, as it may import packages.
            close: Called on the loop; it may not hold this object, or that would never become garbage.
        """
        self._make = make
        self._close = close
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._running: _Running[S] | None = None
        # What a parent process uses must not be closed by its child, not even as garbage.
        self._inherited: list[_Running[S]] = []

    async def run(self, work: Callable[[S], Coroutine[Any, Any, T]]) -> T:
        """Do something with it on its loop; a caller that is cancelled cancels that."""
        running = self._running
        if running is None or self._process != os.getpid():
            running = await asyncio.to_thread(self._start)
        doing = asyncio.run_coroutine_threadsafe(work(running.something), running.loop)
        return await asyncio.wrap_future(doing)

    async def aclose(self) -> None:
        """Close it, and end what still runs; the next use makes it anew."""
        if self._process != os.getpid():
            return
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.let_go()
            await asyncio.to_thread(running.thread.join)

    def _start(self) -> _Running[S]:
        if self._process != os.getpid():
            # Another thread may have held the lock at the fork, and it lives in the parent alone.
            self._lock, self._process = threading.Lock(), os.getpid()
            if self._running is not None:
                self._running.let_go.detach()
                self._inherited.append(self._running)
                self._running = None
        with self._lock:
            if self._running is None:
                something, loop = self._make(), asyncio.new_event_loop()
                thread = threading.Thread(target=_serve, args=(loop,), name="duograph-neo4j", daemon=True)
                thread.start()
                let_go = weakref.finalize(self, _let_go, loop, something, self._close)
                let_go.atexit = False  # the thread is a daemon
                self._running = _Running(something, loop, thread, let_go)
            return self._running


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


def _let_go(loop: asyncio.AbstractEventLoop, something: S, close: Callable[[S], Awaitable[None]]) -> None:
    """End a loop without waiting for it: garbage is collected in any thread, also in the loop's own."""
    asyncio.run_coroutine_threadsafe(_wind_down(something, close), loop)


async def _wind_down(something: S, close: Callable[[S], Awaitable[None]]) -> None:
    loop = asyncio.get_running_loop()
    try:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        # A server that hangs does not answer a goodbye.
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(_CLOSING_S):
                await close(something)
        await loop.shutdown_asyncgens()
        await loop.shutdown_default_executor()
    finally:
        # This task itself still has to end.
        loop.call_soon(loop.stop)
