"""What becomes of a job, and telling whoever waits for it, in a thread or in an event loop."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")


class Receipt(Generic[T]):
    """What becomes of one job; somebody waits for it."""

    __slots__ = ("error", "loop", "result")

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Note the event loop to be told in; None for an OS thread."""
        self.loop = loop
        self.result: T | None = None
        self.error: BaseException | None = None

    def announce(self) -> None:
        """Wake whoever waits."""
        raise NotImplementedError


class ThreadReceipt(Receipt[T]):
    """For a caller in an OS thread, which it blocks."""

    __slots__ = ("_done",)

    def __init__(self) -> None:
        """Nobody is told in a loop."""
        super().__init__(None)
        self._done: Future[None] = Future()

    def announce(self) -> None:
        """Wake the thread."""
        self._done.set_result(None)

    def wait(self) -> T:
        """Block until the job is done."""
        self._done.result()
        return _outcome(self)


class LoopReceipt(Receipt[T]):
    """For a caller in an event loop, which goes on meanwhile."""

    __slots__ = ("_future", "_is_done")

    def __init__(self) -> None:
        """Be told in the running loop."""
        loop = asyncio.get_running_loop()
        super().__init__(loop)
        self._future: asyncio.Future[None] = loop.create_future()
        self._is_done = False

    def announce(self) -> None:
        """Wake the task; called in its loop."""
        self._is_done = True
        if not self._future.done():
            self._future.set_result(None)

    async def wait(self) -> T:
        """Await the job; when the task is cancelled the job ends first, then the cancellation goes on."""
        cancelled: asyncio.CancelledError | None = None
        while not self._is_done:
            try:
                await self._future
            except asyncio.CancelledError as error:
                cancelled = error
                self._future = asyncio.get_running_loop().create_future()
        if cancelled is not None:
            raise cancelled
        return _outcome(self)


class PostReceipt(Receipt[None]):
    """For a job that nobody waits for."""

    __slots__ = ("_note",)

    def __init__(self, note: Callable[[PostReceipt], None]) -> None:
        """Call `note` once the job is done, wherever that is."""
        super().__init__(None)
        self._note = note

    def announce(self) -> None:
        """Note that the job is done."""
        self._note(self)


def _outcome(receipt: Receipt[T]) -> T:
    if receipt.error is not None:
        raise receipt.error
    return receipt.result  # type: ignore[return-value]  # set whenever there is no error


def announce(receipts: Iterable[Receipt[Any]], here: asyncio.AbstractEventLoop | None = None) -> None:
    """Wake all who wait, each event loop once.

    Args:
        receipts: Theirs.
        here: The event loop that this is called in, if any.
    """
    loops: dict[asyncio.AbstractEventLoop, list[Receipt[Any]]] = {}
    for receipt in receipts:
        if receipt.loop is here or receipt.loop is None:
            receipt.announce()
        else:
            loops.setdefault(receipt.loop, []).append(receipt)
    for loop, waiting in loops.items():
        with suppress(RuntimeError):  # the loop was closed around its tasks
            loop.call_soon_threadsafe(_wake, waiting)


def _wake(receipts: list[Receipt[Any]]) -> None:
    for receipt in receipts:
        receipt.announce()
