"""Connections for reading, so that no reader waits for the writer, nor for a reader that pauses."""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from checkpoints.faults import closed, explain, forked
from checkpoints.protocol import DatabaseError
from checkpoints.sqlite.burst import Bursts
from checkpoints.sqlite.pace import Pace
from checkpoints.sqlite.receipts import LoopReceipt, Receipt
from checkpoints.sqlite.worker import Worker
from checkpoints.sqlite.writes import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checkpoints.sqlite.writer import Writer

T = TypeVar("T")

_THREADS = 2
_BURST_S = 0.001
"""Between two reads of a burst, at most."""


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
        self._workers: list[Worker[Callable[[sqlite3.Connection], Any]]] = []
        self._turn = 0
        # For event loops; whoever reads through it holds the hands.
        self._here: sqlite3.Connection | None = None
        self._hands = threading.Lock()
        self._pace = Pace()
        self._asked_at = 0.0
        self._bursts = Bursts(self._run_here, self._leave)
        self._is_open = True

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` in this thread."""
        if not self._is_open:
            raise closed(self._place)
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
        if short is not None and self._here is not None and self._pace.is_quick:
            if not is_alone:
                return await self._bursts.read(work, short)
            with suppress(Exception):  # the thread meets it again, and tells it
                return self._run_here(short)
        receipt: LoopReceipt[T] = LoopReceipt()
        self._leave(work, receipt)
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

    def _leave(self, work: Callable[[sqlite3.Connection], Any], receipt: LoopReceipt[Any]) -> None:
        """Leave a read to a thread."""
        if not self._worker().submit(work, receipt, receipt.loop):
            raise closed(self._place)

    def _worker(self) -> Worker[Callable[[sqlite3.Connection], Any]]:
        if self._process != os.getpid():
            raise forked(self._place)
        with self._guard:
            if not self._is_open:
                raise closed(self._place)
            self._turn = (self._turn + 1) % _THREADS
            if self._turn >= len(self._workers):
                self._workers.append(Worker(self._read_group, name="checkpoints-reader"))
                return self._workers[-1]
            return self._workers[self._turn]

    def _read_group(self, group: list[tuple[Callable[[sqlite3.Connection], Any], Receipt[Any]]]) -> None:
        try:
            # One snapshot for all, as each new one looks at the file anew.
            with self._snapshot() as conn:
                for work, receipt in group:
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
