"""Walk an async iterator from sync code, on an event loop in another thread."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from queue import SimpleQueue
from typing import TypeVar

from anyio.from_thread import BlockingPortalProvider

T = TypeVar("T")


class _End:
    """Marks that the async side has finished."""


def iterate(portals: BlockingPortalProvider, start: Callable[[], AsyncGenerator[T, None]]) -> Iterator[T]:
    """Yield what the async generator yields; one task walks it, so context and cancellation hold.

    Leaving early, also by Ctrl-C, cancels the async side and waits until it has cleaned up.

    Args:
        portals: Gives the event loop; started at the first use, shared while anyone uses it.
        start: Makes the async generator.
    """
    parts: SimpleQueue[T | _End] = SimpleQueue()

    async def walk() -> None:
        try:
            async with aclosing(start()) as items:
                async for item in items:
                    parts.put(item)
        finally:
            parts.put(_End())

    with portals as portal:
        task = portal.start_task_soon(walk)
        part: T | _End | None = None
        try:
            while not isinstance(part := parts.get(), _End):
                yield part
        except BaseException:
            task.cancel()
            while not isinstance(part, _End):
                part = parts.get()
            raise
        task.result()
