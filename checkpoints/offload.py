"""Waiting in an event loop for work in a thread, without ever leaving it half done."""

from __future__ import annotations

import asyncio
from typing import TypeVar

T = TypeVar("T")


async def finish(work: asyncio.Future[T]) -> T:
    """Await `work`; when the awaiting task is cancelled, let the work end first.

    A cancelled turn thus never overlaps the next one on the same thread, and what it was writing is whole.

    Args:
        work: A future of `loop.run_in_executor`.

    Returns:
        What the work returned.

    Raises:
        asyncio.CancelledError: After the work has ended, when the task was cancelled meanwhile.
    """
    cancelled: asyncio.CancelledError | None = None
    while not work.done():
        try:
            await asyncio.wait([work])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return work.result()
    if not work.cancelled():
        work.exception()  # marks it as seen, else the loop would report it
    raise cancelled
