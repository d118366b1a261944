"""Walk an async iterator from sync code, on an event loop in a thread of its own."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from queue import Empty, SimpleQueue
from typing import TypeVar

from providers.direct.loop_thread import LoopThread

T = TypeVar("T")

_LOOK_S = 0.5


class _End:
    """The async side has finished, perhaps by an error."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.error = asyncio.CancelledError() if task.cancelled() else task.exception()


def _next(parts: SimpleQueue[T]) -> T:
    """The next part; a signal just before a wait does not end it, so no wait is without end."""
    while True:
        try:
            return parts.get(timeout=_LOOK_S)
        except Empty:
            continue


def iterate(thread: LoopThread, start: Callable[[], AsyncGenerator[T, None]]) -> Iterator[T]:
    """Yield what the async generator yields; one task walks it, so context and cancellation hold.

    Leaving early, also by Ctrl-C, cancels the async side and waits until it has cleaned up. When
    the garbage collector closes an abandoned iterator on some other thread, nobody waits.

    Args:
        thread: Gives the event loop.
        start: Makes the async generator.
    """
    parts: SimpleQueue[T | _End] = SimpleQueue()
    tasks: list[asyncio.Task[None]] = []
    loop, owner = thread.loop(), threading.get_ident()

    async def walk() -> None:
        async with aclosing(start()) as items:
            async for item in items:
                parts.put(item)

    def begin() -> None:
        tasks.append(loop.create_task(walk()))
        tasks[0].add_done_callback(lambda task: parts.put(_End(task)))

    def cancel() -> None:
        tasks[0].cancel()

    loop.call_soon_threadsafe(begin)  # in the caller's context, which callbacks and tracing hang on
    part: T | _End | None = None
    try:
        while not isinstance(part := _next(parts), _End):
            yield part
    finally:
        if not isinstance(part, _End) and not loop.is_closed():
            loop.call_soon_threadsafe(cancel)
            while threading.get_ident() == owner and not isinstance(part, _End):
                part = _next(parts)
    if part.error is not None:
        raise part.error
