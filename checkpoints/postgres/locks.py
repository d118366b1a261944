"""Keeps the turns of several processes and machines apart: advisory locks of the server."""

from __future__ import annotations

import hashlib
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import psycopg

from checkpoints.postgres.address import place_of
from checkpoints.postgres.database import connect, is_alive
from checkpoints.postgres.faults import explain
from checkpoints.protocol import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoints.postgres.database import Connection

T = TypeVar("T")

# A holder that stands still in the middle of a write must not stop everybody else who waits.
_PREPARE = """
SELECT set_config(name, wanted, false) FROM pg_settings JOIN (VALUES
    ('lock_timeout', '1s'), ('idle_session_timeout', '0'),
    ('tcp_keepalives_idle', '15'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3')
) AS w (parameter, wanted) ON name = parameter
"""
_TAKE = "SELECT pg_try_advisory_lock(%s) AS is_held"
_NOTE = """
INSERT INTO duograph_turns VALUES (%s, %s) ON CONFLICT (thread_id) DO UPDATE SET holder = EXCLUDED.holder
"""
_FORGET = "DELETE FROM duograph_turns WHERE thread_id = %s AND holder = %s"
_GIVE_BACK = "SELECT pg_advisory_unlock(%s)"
_ASK_IN = "SELECT pg_try_advisory_lock_shared(%s)"
_TAKE_BACK = "SELECT pg_advisory_unlock_shared(%s)"
_IS_WANTED = """
SELECT CASE WHEN pg_try_advisory_lock(%(key)s) THEN NOT pg_advisory_unlock(%(key)s) ELSE true END AS wanted
"""
# Fails unless the turn holds its thread: it has signed for it, and its lock is held by another session of
# ours, so that this one cannot have it. A failure needs no answer to be waited for.
_FENCE = """
SELECT 1 / count(*) FROM (
    SELECT 1 FROM duograph_turns
    WHERE thread_id = %s AND holder = %s AND NOT pg_try_advisory_xact_lock_shared(%s) FOR SHARE
) AS held
"""


class PostgresLocks:
    """Locks in the server's memory, all on one connection of this process, worked by one thread.

    They end with that connection, however it ends. A turn whose lock is gone can store nothing more: who
    takes a lock signs for it in a table, and each write of a turn makes sure, in its own transaction, that
    the lock is still held and the signature still its own. So a turn that lost its lock never writes into
    the next one's.
    """

    def __init__(self, target: str) -> None:
        """Note where the server is; `open` must come before the first turn."""
        self._target = target
        self._guard = threading.Lock()
        self._users = 0
        self._worker: ThreadPoolExecutor | None = None
        self._conn: Connection | None = None  # of the worker alone
        self._signed: dict[str, tuple[str, Connection]] = {}

    def open(self) -> None:
        """Be used by one saver more."""
        with self._guard:
            self._users += 1
            if self._worker is None:
                self._worker = ThreadPoolExecutor(1, thread_name_prefix="checkpoints-locks")

    def close(self) -> None:
        """Be used by one saver less; with the last one all locks end."""
        with self._guard:
            self._users -= 1
            if self._users or self._worker is None:
                return
            worker, self._worker = self._worker, None
        worker.submit(self._disconnect)
        worker.shutdown()

    def try_hold(self, thread_id: str) -> bool:
        """See `ProcessLocks`."""
        return self._do(lambda conn: self._take(conn, thread_id))

    def leave(self, thread_id: str) -> None:
        """See `ProcessLocks`; the server is told in the background."""
        signature = self._signed.pop(thread_id, None)
        if signature is not None:
            self._do_later(lambda: self._give_back(thread_id, *signature))

    def wait(self, thread_id: str) -> None:
        """See `ProcessLocks`."""
        self._do(lambda conn: conn.execute(_ASK_IN, (key_of(thread_id) + 1,)))

    def stop_waiting(self, thread_id: str) -> None:
        """See `ProcessLocks`; the server is told in the background."""

        def take_back() -> None:
            if self._conn is not None:
                with suppress(psycopg.Error):  # with the connection its locks are gone
                    self._conn.execute(_TAKE_BACK, (key_of(thread_id) + 1,))

        self._do_later(take_back)

    def is_wanted(self, thread_id: str) -> bool:
        """See `ProcessLocks`."""
        row = self._do(lambda conn: conn.execute(_IS_WANTED, {"key": key_of(thread_id) + 1}).fetchone())
        return bool(row and row["wanted"])

    def fence(self, thread_id: str) -> tuple[str, tuple[Any, ...]] | None:
        """A query for the transaction of a write, which divides by zero unless the turn may write.

        Returns:
            The query and its values; None when nobody here holds the thread, as when a session is imported.
        """
        signature = self._signed.get(thread_id)
        return None if signature is None else (_FENCE, (thread_id, signature[0], key_of(thread_id)))

    def _take(self, conn: Connection, thread_id: str) -> bool:
        row = conn.execute(_TAKE, (key_of(thread_id),)).fetchone()
        if not (row and row["is_held"]):
            return False
        signature = uuid.uuid4().hex
        try:
            conn.execute(_NOTE, (thread_id, signature))
        except psycopg.errors.LockNotAvailable:  # who lost the lock is still writing
            conn.execute(_GIVE_BACK, (key_of(thread_id),))
            return False
        self._signed[thread_id] = signature, conn
        return True

    def _give_back(self, thread_id: str, signature: str, conn: Connection) -> None:
        if conn is not self._conn:
            return  # the lock ended with the connection that it was taken on
        with suppress(psycopg.Error):
            try:
                conn.execute(_FORGET, (thread_id, signature))
            finally:
                conn.execute(_GIVE_BACK, (key_of(thread_id),))
        if conn.broken:
            self._disconnect()

    def _do(self, work: Callable[[Connection], T]) -> T:
        with self._guard:
            if self._worker is None:
                raise DatabaseError(
                    f"The session database {place_of(self._target)} is closed: use its locks inside "
                    "`with open_saver(...)` only."
                )
            future = self._worker.submit(self._attempt, work)
        return future.result()

    def _do_later(self, work: Callable[[], None]) -> None:
        with self._guard:
            if self._worker is not None:
                self._worker.submit(work)

    def _attempt(self, work: Callable[[Connection], T]) -> T:
        """Work on the connection, and once more on another when it turns out to be dead."""
        for is_last in (self._conn is None, True):
            conn = self._connected()
            try:
                return work(conn)
            except psycopg.Error as error:
                if not conn.broken:
                    raise explain(error, self._target) from error
                self._disconnect()
                if is_last:
                    raise explain(error, self._target) from error
        raise AssertionError  # the last attempt returns or raises

    def _connected(self) -> Connection:
        if self._conn is not None and not is_alive(self._conn):
            self._disconnect()
        if self._conn is None:
            conn = connect(self._target)
            try:
                conn.execute(_PREPARE)
            except psycopg.Error as error:
                conn.close()
                raise explain(error, self._target) from error
            self._conn = conn
        return self._conn

    def _disconnect(self) -> None:
        conn, self._conn = self._conn, None
        if conn is not None:
            conn.close()


def key_of(thread_id: str) -> int:
    """The first of a thread's two numbers; threads that share one, as good as never, wait for each other."""
    digest = hashlib.blake2b(thread_id.encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, signed=True) & ~1
