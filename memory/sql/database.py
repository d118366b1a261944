"""The database that memory lies in: transactions to read and to write, on tables of the newest revision."""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager, nullcontext
from hashlib import blake2b
from threading import RLock
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, QueuePool, StaticPool

from memory.protocol import MemoryStoreError
from memory.sql import files
from memory.sql.faults import closed, explained
from memory.sql.migrate import migrate, revision_of
from memory.sql.place import file_of, is_server, place_of
from memory.sql.schema import BUSY_TIMEOUT_S, HEAD, check_revision

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_POOL: Final = 4
_OVERFLOW: Final = 64
# A server or a line that died without a word is noticed after half a minute.
_PATIENCE: Final = {
    "application_name": "duograph",
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}


class Database:
    """A file, a server, or a database in memory; may be used from any thread, and after a fork.

    Tables are made at the first write and brought up to date at the first use. Connections that read, and
    those to a server, are kept for the process that made them; nothing that writes to a file stays open.

    Attributes:
        place: As messages name it.
        backend: What it is.
    """

    def __init__(self, target: str | Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """Note where; nothing is opened yet.

        Args:
            target: Path of an SQLite file, `:memory:`, or a `postgresql://` address.
            busy_timeout_s: Seconds to wait for another process's lock, or for a server.

        Raises:
            MemoryStoreError: When `target` cannot hold memory.
        """
        self.backend: Literal["sqlite", "postgresql"] = "postgresql" if is_server(target) else "sqlite"
        self._target = str(target)
        self._timeout_s = busy_timeout_s
        self._path = None if is_server(target) else file_of(target)
        self.place = place_of(target) if self._path is None else str(self._path)
        # A database in memory is one connection, so one thread at a time.
        self._is_shared = self._path is None and self.backend == "sqlite"
        self._lock = RLock()
        self._engines: dict[tuple[int, bool], Engine] = {}
        self._file: tuple[int, int] | None = None
        self._process = os.getpid()
        self._is_closed = False
        if self.backend == "postgresql":
            _driver()

    def is_made(self) -> bool:
        """Whether there is anything to read: a file that is not there is not made by reading.

        Raises:
            MemoryStoreError: When its folder may not be looked into, or this is closed.
        """
        self._check_open()
        return self._path is None or files.is_there(self._path)

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """A transaction that sees one moment; None where nothing was ever kept.

        Raises:
            MemoryStoreError: When the database cannot be read.
        """
        if not self.is_made():
            yield None
            return
        with self._transaction(is_writing=False) as connection:
            revision = revision_of(connection)
            check_revision(revision, self.place)
            if revision in (None, HEAD):
                yield None if revision is None else connection
                return
        self.migrate()
        with self._transaction(is_writing=False) as connection:
            yield connection

    @contextmanager
    def writing(self, namespace: str = "") -> Iterator[Connection]:
        """A transaction that is committed at the end; one at a time for each namespace.

        Raises:
            MemoryStoreError: When the database cannot be written.
        """
        with self._transaction(is_writing=True) as connection:
            if revision_of(connection) != HEAD:
                migrate(connection, place=self.place)
            lock_namespace(connection, namespace)
            yield connection

    def migrate(self, revision: str = HEAD) -> None:
        """Bring the tables to a revision; see `migrate`.

        Raises:
            MemoryStoreError: When the database cannot be written, or is of a newer version.
        """
        with self._transaction(is_writing=True) as connection:
            migrate(connection, revision, place=self.place)

    def close(self) -> None:
        """Close what this process opened; a second call does nothing."""
        with self._lock:
            self._is_closed = True
            for (owner, _), engine in self._engines.items():
                # What came along with a fork is the parent's.
                engine.dispose(close=owner == os.getpid())
            self._engines.clear()

    @contextmanager
    def _transaction(self, *, is_writing: bool) -> Iterator[Connection]:
        alone = self._lock if self._is_shared else nullcontext()
        with alone, explained(self._target), self._engine(is_writing=is_writing).begin() as connection:
            if self.backend == "sqlite":
                files.refuse_encrypted(_driver_connection(connection), self.place)
            yield connection

    def _check_open(self) -> None:
        if self._is_closed:
            raise closed(self.place)

    def _engine(self, *, is_writing: bool) -> Engine:
        if self._process != os.getpid():  # a thread that stayed behind in a fork's parent may have held it
            self._process, self._lock = os.getpid(), RLock()
        with self._lock:
            self._check_open()
            # A database in memory, and a server's pool, serve both.
            key = (os.getpid(), is_writing and self._path is not None)
            if (
                not is_writing
                and self._path is not None
                and (now := files.identity(self._path)) != self._file
            ):
                # Another file took its place: who had the old one open would read that for ever.
                self._file = now
                if key in self._engines:
                    self._engines.pop(key).dispose()
            if key not in self._engines:
                self._engines[key] = self._new_engine(is_writing=is_writing)
            return self._engines[key]

    def _new_engine(self, *, is_writing: bool) -> Engine:
        if self.backend == "postgresql":
            return _postgres(self._target, self._timeout_s)
        path, timeout_s = self._path, self._timeout_s
        if path is None:
            engine = create_engine("sqlite://", creator=_in_memory, poolclass=StaticPool)
        elif is_writing:
            engine = create_engine(
                "sqlite://", creator=lambda: files.connect(path, timeout_s), poolclass=NullPool
            )
        else:
            engine = create_engine(
                "sqlite://",
                creator=lambda: files.connect_to_read(path, timeout_s),
                poolclass=QueuePool,
                pool_size=_POOL,
                max_overflow=_OVERFLOW,
                pool_timeout=timeout_s,
            )
        # Only as we say: the driver's own ways would lock too late.
        begin = "BEGIN IMMEDIATE" if is_writing else "BEGIN"
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
        return engine


def lock_namespace(connection: Connection, namespace: str) -> None:
    """Keep others from writing a namespace until the end of the transaction; on SQLite nobody does anyway."""
    if connection.dialect.name == "postgresql":
        digest = blake2b(namespace.encode("utf-8", "replace"), digest_size=8, person=b"duograph")
        key = int.from_bytes(digest.digest(), "big", signed=True)
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def raw(connection: Connection) -> Any:  # noqa: ANN401 - either driver's
    """The driver's own connection, for statements that must be quick."""
    return _driver_connection(connection)


def _driver_connection(connection: Connection) -> Any:  # noqa: ANN401 - as above
    return connection.connection.driver_connection


def _in_memory() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)


def _driver() -> None:
    """Make sure that psycopg is there.

    Raises:
        MemoryStoreError: When it is not installed.
    """
    try:
        import psycopg  # noqa: F401, PLC0415 - an extra
    except ImportError as error:
        raise MemoryStoreError(
            f"Memory on a PostgreSQL server needs a package that is missing ({error.name}): "
            "run `pip install 'duograph[postgres]'`."
        ) from None


def _postgres(target: str, timeout_s: float) -> Engine:
    try:
        url = make_url(target).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise MemoryStoreError(
            f"The database address {place_of(target)} cannot be read: write "
            "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with signs such as @ / : in the password as "
            "%40 %2F %3A."
        ) from None
    return create_engine(
        url,
        pool_size=_POOL,
        pool_pre_ping=True,
        pool_timeout=timeout_s,
        connect_args={"connect_timeout": max(1, round(timeout_s)), **_PATIENCE},
    )
