"""Short reads that come all at once in an event loop: they are done there, together."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, TypeVar

from checkpoints.protocol import DatabaseError
from checkpoints.sqlite.receipts import LoopReceipt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Work: TypeAlias = Callable[[sqlite3.Connection], Any]

T = TypeVar("T")

_MOMENT_S = 0.002
"""How long a burst may hold up the event loop; its last read may take a little longer."""


class Read(NamedTuple):
    """A read, and who awaits it."""

    work: Work
    short: Work
    receipt: LoopReceipt[Any]


class Burst:
    """What came in one round of a loop; that loop's thread alone looks into it."""

    __slots__ = ("loop", "reads")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Nothing came yet."""
        self.loop = loop
        self.reads: list[Read] = []


class Bursts:
    """The bursts of one saver, from any event loop."""

    def __init__(
        self,
        run: Callable[[Callable[[sqlite3.Connection], None]], None],
        leave: Callable[[Work, LoopReceipt[Any]], None],
    ) -> None:
        """Nothing came yet.

        Args:
            run: Calls a function in an event loop, with a connection in one snapshot of the file, or raises
                an error.
            leave: Leaves a read to a thread; raises `DatabaseError` when there is none any more.
        """
        self._run = run
        self._leave = leave
        self._last: Burst | None = None

    def read(
        self, work: Callable[[sqlite3.Connection], T], short: Callable[[sqlite3.Connection], T]
    ) -> Awaitable[T]:
        """Await a read, which is done at the end of this round of the loop, with all that come until then.

        Args:
            work: What a thread does.
            short: Does the same in the event loop if that takes but a moment, or else raises an error.
        """
        loop = asyncio.get_running_loop()
        receipt: LoopReceipt[T] = LoopReceipt()
        burst = self._last
        if burst is None or burst.loop is not loop:
            burst = self._last = Burst(loop)
        burst.reads.append(Read(work, short, receipt))
        # For each of them: the first call does all of them, and if an interrupt ends it, another one does.
        loop.call_soon(self._end_round, burst)
        return receipt.wait()

    def _end_round(self, burst: Burst) -> None:
        """Read what came; threads do what is left after a moment."""
        if not burst.reads:
            return
        reads, burst.reads = burst.reads, []
        done: set[LoopReceipt[Any]] = set()
        try:
            with suppress(Exception):  # a thread meets it again, and tells it
                self._run(partial(_read, reads, done))
        finally:
            for work, _, receipt in reads:
                if receipt not in done:
                    try:
                        self._leave(work, receipt)
                    except DatabaseError as error:
                        receipt.error = error
                    else:
                        continue
                receipt.announce()


def _read(reads: list[Read], done: set[LoopReceipt[Any]], conn: sqlite3.Connection) -> None:
    end = time.monotonic() + _MOMENT_S
    for _, short, receipt in reads:
        if time.monotonic() > end:
            return
        try:
            receipt.result = short(conn)
        except (sqlite3.Error, KeyboardInterrupt, SystemExit):
            raise
        except BaseException:  # noqa: BLE001, S112  # a thread meets it again, and tells who awaits it
            continue
        done.add(receipt)
