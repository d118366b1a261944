"""Connections for reading, so that no reader waits for the writer, nor for a reader that pauses."""

from __future__ import annotations

import os
import queue
import sqlite3
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from checkpoints.faults import closed, explain, forked
from checkpoints.sqlite.worker import LoopReceipt, Receipt, Worker
from checkpoints.sqlite.writer import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from checkpoints.sqlite.writer import Writer

T = TypeVar("T")

_THREADS = 2


class Reads(Protocol):
    """Runs functions that read."""

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` with a connection in one snapshot of the file; blocks.

        Raises:
            DatabaseError: When SQLite reports an error, or the saver was closed.
        """
        ...

    async def arun(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Await what `run` does, in a thread."""
        ...

    def close(self) -> None:
        """Finish what is queued and close the connections."""
        ...


class FileReads:
    """Reads of a file: sync calls in the caller's thread, async ones in threads that start when needed."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], place: str) -> None:
        """Read through connections that `connect` makes.

        Args:
            connect: Gives a connection in autocommit mode that any thread may use.
            place: The database as messages name it.
        """
        self._connect = connect
        self._place = place
        self._process = os.getpid()
        self._idle: queue.LifoQueue[sqlite3.Connection] = queue.LifoQueue()
        self._guard = threading.Lock()
        self._workers: list[Worker[Callable[[sqlite3.Connection], Any]]] = []
        self._turn = 0
        self._is_open = True

    def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` in this thread."""
        with self._snapshot() as conn:
            return work(conn)

    async def arun(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` in a thread."""
        receipt: LoopReceipt[T] = LoopReceipt()
        if not self._worker().submit(work, receipt):
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
        for work, receipt in group:
            try:
                receipt.result = self.run(work)
            except BaseException as error:  # noqa: BLE001  # goes to the one who waits
                receipt.error = error

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection]:
        if self._process != os.getpid():
            raise forked(self._place)
        if not self._is_open:
            raise closed(self._place)
        try:
            conn = self._idle.get_nowait()
        except queue.Empty:
            conn = self._connect()
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

    async def arun(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Call `work` in the writer's thread."""
        result: T = await self._writer.arun(Call(lambda ledger: work(ledger.conn)))
        return result

    def close(self) -> None:
        """Nothing is held."""
