"""Connections to the server: a bounded number, and as many threads, so that no event loop ever waits."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import psycopg
from psycopg.rows import dict_row

from checkpoints.faults import closed
from checkpoints.offload import finish
from checkpoints.postgres.address import conninfo_of, place_of
from checkpoints.postgres.faults import explained
from checkpoints.protocol import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from psycopg.rows import DictRow

    Connection = psycopg.Connection[DictRow]

T = TypeVar("T")

CONNECTIONS = 8
"""The most that one saver opens, beside the one that holds the locks of its process."""

_REST_S = 60.0


def connect(target: str) -> Connection:
    """Connect to a server, in autocommit mode and for rows as mappings.

    Raises:
        DatabaseError: When that cannot be done.
    """
    conninfo = conninfo_of(target)
    with explained(target, is_connecting=True):
        return psycopg.connect(conninfo, autocommit=True, prepare_threshold=0, row_factory=dict_row)


class Database:
    """Runs work on connections that are kept for the next time; usable from any thread and any event loop.

    Not psycopg's own pool: that waits seconds for each connection that a restart of the server has cut, and
    does not say why it has none.
    """

    def __init__(self, target: str, *, patience_s: float) -> None:
        """Connect when there is something to do.

        Args:
            target: The server's address.
            patience_s: Seconds to wait for a connection that is free.
        """
        self.target = target
        self._patience_s = patience_s
        self._free = threading.Semaphore(CONNECTIONS)
        self._guard = threading.Lock()
        self._resting: list[tuple[float, Connection]] = []  # the one used last comes last
        self._is_open = True
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="checkpoints-postgres")

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` with a connection in autocommit mode; blocks.

        Raises:
            DatabaseError: When the server cannot be reached, refuses, or the connection is cut.
        """
        with self._connection() as conn, explained(self.target):
            return work(conn)

    async def arun(self, work: Callable[[Connection], T]) -> T:
        """Await what `run` does; it ends before a cancellation goes on."""
        self._check_open()
        return await finish(asyncio.get_running_loop().run_in_executor(self._threads, self.run, work))

    def close(self) -> None:
        """Let the work under way end and close all connections; a second call does nothing."""
        self._is_open = False
        self._threads.shutdown()
        for _ in range(CONNECTIONS):
            self._free.acquire()
        self._drop(all_of_them=True)
        self._free.release(CONNECTIONS)

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        if not self._free.acquire(timeout=self._patience_s):
            raise DatabaseError(
                f"The session database {place_of(self.target)} had none of {CONNECTIONS} connections free "
                f"for {self._patience_s:g} s: open it with a longer `busy_timeout_s`, or ask less at once."
            )
        try:
            self._check_open()
            conn = self._rested() or connect(self.target)
            try:
                yield conn
            finally:
                self._rest(conn)
        finally:
            self._free.release()

    def _check_open(self) -> None:
        if not self._is_open:
            raise closed(place_of(self.target))

    def _rested(self) -> Connection | None:
        """A connection that is there already; those that died at rest are dropped unseen."""
        while True:
            with self._guard:
                conn = self._resting.pop()[1] if self._resting else None
            if conn is None or is_alive(conn):
                return conn
            conn.close()

    def _rest(self, conn: Connection) -> None:
        if conn.closed or conn.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
            conn.close()
        else:
            with self._guard:
                self._resting.append((time.monotonic(), conn))
        self._drop()

    def _drop(self, *, all_of_them: bool = False) -> None:
        """Close what was not needed for a while."""
        limit = time.monotonic() - (0 if all_of_them else _REST_S)
        with self._guard:
            old = [conn for since, conn in self._resting if since <= limit]
            self._resting = [(since, conn) for since, conn in self._resting if since > limit]
        for conn in old:
            conn.close()


def is_alive(conn: Connection) -> bool:
    """Whether the server has not said goodbye on a connection at rest; asks nobody, and so takes no time."""
    try:
        for _ in range(2):  # first its last words, then that it has hung up
            conn.pgconn.consume_input()
            conn.pgconn.is_busy()
    except psycopg.Error:
        return False
    return not conn.closed
