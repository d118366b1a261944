"""The database of the queue: the one that memory lies in, with a table and a version of its own."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.pool import QueuePool

from memory.protocol import MemoryStoreError
from memory.queue.migrate import migrate, prepare, revision_of
from memory.queue.tables import HEAD
from memory.sql import files
from memory.sql.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator

_POOL: Final = {"pool_size": 4, "max_overflow": 60}


class QueueDatabase(Database):
    """Transactions on the queue's table, which the first one that writes makes or brings up to date.

    Unlike memory it keeps its connections to a file: opening and closing one takes longer than a turn may
    wait for its job to be enqueued. Those that came along with a fork are left alone.
    """

    _ready_for: Engine | None = None
    _written: tuple[int, int] | None = None
    _writers: tuple[int, threading.RLock] = (0, threading.RLock())

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """A transaction that sees one moment; None where no job was ever made.

        Raises:
            MemoryStoreError: When the database cannot be read.
        """
        if not self.is_made():
            yield None
            return
        with self._transaction(is_writing=False) as connection:
            revision = HEAD if self._is_ready() else revision_of(connection, self.place)
            if revision in (None, HEAD):
                yield None if revision is None else connection
                return
        with self.writing() as connection:
            yield connection

    @contextmanager
    def writing(self, namespace: str = "") -> Iterator[Connection]:
        """A transaction that is committed at the end.

        Raises:
            MemoryStoreError: When the database cannot be written; nothing has changed then.
        """
        del namespace  # jobs of one namespace do not wait for each other
        # Threads of one process would else wait for each other by SQLite's ever longer sleeps.
        with self._one_by_one(), self._transaction(is_writing=True) as connection:
            is_ready = self._is_ready()
            if not is_ready and revision_of(connection, self.place) != HEAD:
                prepare(connection, self.place)
            try:
                yield connection
            except BaseException:
                self._ready_for = None  # perhaps the table is gone
                raise
        if not is_ready:
            self._ready_for = self._engine(is_writing=True)

    def migrate(self, revision: str = HEAD) -> None:
        """Bring the table to a revision; see `memory.queue.migrate.migrate`.

        Raises:
            MemoryStoreError: When the database cannot be written, or is of a newer version.
        """
        self._ready_for = None
        with self._transaction(is_writing=True) as connection:
            migrate(connection, revision, place=self.place)

    def _is_ready(self) -> bool:
        """Whether this process has seen that the table is of the newest revision."""
        return self._ready_for is not None and self._ready_for is self._engine(is_writing=True)

    def _one_by_one(self) -> threading.RLock | nullcontext[None]:
        if self.backend == "postgresql":
            return nullcontext()
        if self._writers[0] != os.getpid():  # who held it may have stayed behind in a fork's parent
            self._writers = (os.getpid(), threading.RLock())
        return self._writers[1]

    def _engine(self, *, is_writing: bool) -> Engine:
        if is_writing and self._path is not None:
            now = files.identity(self._path) if files.is_there(self._path) else None
            if now != self._written:
                # Another file took its place: what is written to the old one would be lost.
                self._written, self._ready_for = now, None
                if old := self._engines.pop((os.getpid(), True), None):
                    old.dispose()
        return super()._engine(is_writing=is_writing)

    def _new_engine(self, *, is_writing: bool) -> Engine:
        path, timeout_s = self._path, self._timeout_s
        if path is None:
            if self._engines and self.backend == "sqlite":
                raise MemoryStoreError(
                    "A queue in memory is not there after a fork: give the path of a file."
                )
            return super()._new_engine(is_writing=is_writing)
        connect = files.connect if is_writing else files.connect_to_read
        engine = create_engine(
            "sqlite://", creator=lambda: connect(path, timeout_s), poolclass=QueuePool, **_POOL
        )
        begin = "BEGIN IMMEDIATE" if is_writing else "BEGIN"
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine
