"""Connections for reading, so that no reader waits for the writer, nor for a reader that pauses."""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from checkpoints.faults import closed, explain, forked
from checkpoints.protocol import DatabaseError
from checkpoints.sqlite.pace import Pace
from checkpoints.sqlite.receipts import LoopReceipt, Receipt
from checkpoints.sqlite.worker import Worker
from checkpoints.sqlite.writes import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checkpoints.sqlite.line import Group
    from checkpoints.sqlite.writer import Writer

    Read: TypeAlias = tuple[Callable[[sqlite3.Connection], Any], Callable[[sqlite3.Connection], Any] | None]
    """What to do in a thread, and what does the same in an event loop if that takes but a moment."""

T = TypeVar("T")

_THREADS = 2
_BURST_S = 0.001
"""Between two reads of a burst, at most."""
_MOMENT_S = 0.002
"""How long the reads of a burst may hold up an event loop."""


class BusyError(Exception):
    """Somebody else is reading in an event loop, or nobody may."""


class Reads(Protocol):
    """Runs functions that read."""

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` with a connection in one snapshot of the file; blocks.

        Raises:
            DatabaseError: When SQLite reports an error, or the saver was closed.
        """
        ...

    async def arun(
        self, work: Callable[[sqlite3.Connection], T], short: Callable[[sqlite3.Connection], T] | None = None
    ) -> T:
        """Await what `run` does, in a thread.

        Args:
            work: What to do.
            short: Does the same in the event loop if that takes but a moment, or else raises an error.
        """
        ...

    def close(self) -> None:
        """Finish what is queued and close the connections."""
        ...


class FileReads:
    """Reads of a file: sync calls in the caller's thread, async ones in threads that start when needed."""

    def __init__(
        self, connect: Callable[[float], sqlite3.Connection], busy_timeout_s: float, place: str
    ) -> None:
        """Read through connections that `connect` makes.

        Args:
            connect: Gives a connection in autocommit mode that any thread may use, which waits so many
                seconds for another process's lock.
            busy_timeout_s: How long readers in threads wait.
            place: The database as messages name it.
        """
        self._connect = connect
        self._busy_timeout_s = busy_timeout_s
        self._place = place
        self._process = os.getpid()
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._guard = threading.Lock()
        self._workers: list[Worker[Read]] = []
        # For event loops; whoever reads through it holds the hands.
        self._here: sqlite3.Connection | None = None
        self._hands = threading.Lock()
        self._pace = Pace()
        self._asked_at = 0.0
        self._is_open = True

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` in this thread."""
        with self._snapshot() as conn:
            return work(conn)

    async def arun(
        self, work: Callable[[sqlite3.Connection], T], short: Callable[[sqlite3.Connection], T] | None = None
    ) -> T:
        """Call `work` in a thread, or `short` here: two changes of threads take longer than most reads.

        When many sessions begin at once, it is done for all of them at the end of the loop's round.
        """
        now = time.monotonic()
        is_alone, self._asked_at = now - self._asked_at > _BURST_S, now
        if short is not None and is_alone and self._here is not None and self._pace.is_quick:
            with suppress(Exception):  # the thread meets it again, and tells it
                return self._run_here(short)
        receipt: LoopReceipt[T] = LoopReceipt()
        if not self._worker().submit((work, short), receipt, receipt.loop if short else None):
            raise closed(self._place)
        return await receipt.wait()

    def close(self) -> None:
        """Finish and close; a second call does nothing."""
        if self._process != os.getpid():
            return
        with self._guard:
            self._is_open = False
            workers, self._workers = self._workers, []
        for worker in workers:
            worker.close()
        with suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()
        with self._hands:
            here, self._here = self._here, None
        if here is not None:
            here.close()

    def _worker(self) -> Worker[Read]:
        if self._process != os.getpid():
            raise forked(self._place)
        with self._guard:
            if not self._is_open:
                raise closed(self._place)
            least = min(self._workers, key=lambda worker: worker.jobs, default=None)
            if least is None or (least.jobs and len(self._workers) < _THREADS):
                least = Worker(self._read_group, name="checkpoints-reader", at_once=self._read_here)
                self._workers.append(least)
            return least

    def _read_here(self, group: Group[Read]) -> Group[Read]:
        """Read in an event loop what takes but a moment; gives what is left to the thread."""
        left = list(group)
        if self._here is None or not self._pace.is_quick:
            return group
        with suppress(BusyError, sqlite3.Error):
            self._run_here(partial(_read_short, left))
        return left

    def _read_group(self, group: Group[Read]) -> None:
        try:
            # One snapshot for all, as each new one looks at the file anew.
            with self._snapshot() as conn:
                for (work, _), receipt in group:
                    self._read_one(conn, work, receipt)
        except DatabaseError as error:
            for _, receipt in group:
                receipt.error = receipt.error or error
        if self._here is None:
            with suppress(DatabaseError, sqlite3.Error), self._hands:
                self._here = self._connect(0) if self._is_open and self._here is None else self._here

    def _read_one(
        self, conn: sqlite3.Connection, work: Callable[[sqlite3.Connection], Any], receipt: Receipt[Any]
    ) -> None:
        try:
            receipt.result = work(conn)
        except sqlite3.Error as error:
            receipt.error = explain(error, self._place)
        except BaseException as error:  # noqa: BLE001  # goes to the one who waits
            receipt.error = error

    def _run_here(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if not self._hands.acquire(blocking=False):
            raise BusyError
        try:
            conn = self._here
            if conn is None or self._process != os.getpid():
                raise BusyError
            with self._pace.measured():
                try:
                    conn.execute("BEGIN")
                    return work(conn)
                finally:
                    # Else it would hold on to a snapshot, and the log would grow.
                    conn.rollback()
        except sqlite3.Error:
            # It may be broken, or still hold that snapshot: the next read of a thread makes a new one.
            broken, self._here = self._here, None
            with suppress(sqlite3.Error):
                broken.close()  # type: ignore[union-attr]  # there was one to read through
            raise
        finally:
            self._hands.release()

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        if self._process != os.getpid():
            raise forked(self._place)
        if not self._is_open:
            raise closed(self._place)
        try:
            conn = self._idle.get_nowait()
        except queue.Empty:
            conn = self._connect(self._busy_timeout_s)
        try:
            conn.execute("BEGIN")
            yield conn
        except sqlite3.Error as error:
            raise explain(error, self._place) from error
        finally:
            with suppress(sqlite3.Error):
                conn.execute("ROLLBACK")
            self._give_back(conn)

    def _give_back(self, conn: sqlite3.Connection) -> None:
        with self._guard:
            if self._is_open:
                self._idle.put(conn)
                return
        conn.close()


def _read_short(left: Group[Read], conn: sqlite3.Connection) -> None:
    """Read in an event loop for as long as a moment takes; what was read is taken off `left`."""
    end = time.monotonic() + _MOMENT_S
    for one in list(left):
        (_, short), receipt = one
        if short is None or time.monotonic() > end:
            return
        try:
            receipt.result = short(conn)
        except sqlite3.Error:
            raise
        except Exception:  # noqa: BLE001, S112  # the thread meets it again, and tells it
            continue
        left.remove(one)


class WriterReads:
    """Reads of a database in memory, which has one connection: the writer's."""

    def __init__(self, writer: Writer) -> None:
        """Read in turn with what `writer` does."""
        self._writer = writer

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` in the writer's thread."""
        result: T = self._writer.run(Call(lambda ledger: work(ledger.conn)))
        return result

    async def arun(
        self,
        work: Callable[[sqlite3.Connection], T],
        short: Callable[[sqlite3.Connection], T] | None = None,  # noqa: ARG002
    ) -> T:
        """Call `work` in the writer's thread."""
        result: T = await self._writer.arun(Call(lambda ledger: work(ledger.conn)))
        return result

    def close(self) -> None:
        """Nothing is held."""
