"""Connections to the server: a bounded pool, and as many threads, so that no event loop ever waits."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool, PoolTimeout

from checkpoints.offload import finish
from checkpoints.postgres.address import conninfo_of
from checkpoints.postgres.faults import explain, explained

if TYPE_CHECKING:
    from collections.abc import Callable

    from psycopg.rows import DictRow

    Connection = psycopg.Connection[DictRow]

T = TypeVar("T")

CONNECTIONS = 8
"""The most that one saver opens, beside the one that holds the locks of its process."""

_OPTIONS: dict[str, Any] = {"autocommit": True, "prepare_threshold": 0, "row_factory": dict_row}


def connect(target: str) -> Connection:
    """Connect to a server, for rows as mappings.

    Raises:
        DatabaseError: When that cannot be done.
    """
    conninfo = conninfo_of(target)
    with explained(target, is_connecting=True):
        return psycopg.connect(conninfo, **_OPTIONS)


class Database:
    """Runs work on connections of a pool; usable from any thread and any event loop."""

    def __init__(self, target: str, *, patience_s: float) -> None:
        """Connect when there is something to do.

        Args:
            target: The server's address.
            patience_s: Seconds to wait for a connection that is free, or that comes about.
        """
        self.target = target
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            conninfo_of(target),
            kwargs=_OPTIONS,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=patience_s,
            reconnect_timeout=patience_s,
            # A connection that died at rest, as the server was started anew, is replaced unseen.
            check=ConnectionPool.check_connection,
            open=False,
            name="duograph",
        )
        self._pool.open()
        self._threads = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="checkpoints-postgres")

    def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` with a connection in autocommit mode; blocks.

        Raises:
            DatabaseError: When the server cannot be reached, refuses, or the connection is cut.
        """
        try:
            with self._pool.connection() as conn:
                return work(conn)
        except PoolTimeout as error:
            # The pool does not say why it has none, so it is tried once by hand.
            connect(self.target).close()
            raise explain(error, self.target) from None
        except psycopg.Error as error:
            raise explain(error, self.target) from error

    async def arun(self, work: Callable[[Connection], T]) -> T:
        """Await what `run` does; it ends before a cancellation goes on."""
        try:
            future = asyncio.get_running_loop().run_in_executor(self._threads, self.run, work)
        except RuntimeError:
            return self.run(work)  # it was closed, and says so
        return await finish(future)

    def close(self) -> None:
        """Let the work under way end and close all connections; a second call does nothing."""
        self._threads.shutdown()
        self._pool.close()
