"""The database of the queue: an SQLite file or a PostgreSQL server, from any thread, also after a fork."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlalchemy.pool import QueuePool, StaticPool

from memory.protocol import MemoryStoreError, MemoryUnavailableError
from memory.queue.migrate import prepare, revision_of
from memory.queue.tables import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

BUSY_TIMEOUT_S: Final = 5.0
"""Seconds to wait for another process's lock, or for a server."""

_IN_MEMORY = ":memory:"
_POOL = {"pool_size": 4, "max_overflow": 60}
# A line that died without a word is noticed after half a minute.
_PATIENCE: Final = {"keepalives_idle": 15, "keepalives_interval": 5, "keepalives_count": 3}
_PRIMARY: Final = 0xFF
_RETRY_S: Final = 0.02
_FAULTS: Final = {
    sqlite3.SQLITE_BUSY: "is locked by another process: wait for it or stop it, then try again",
    sqlite3.SQLITE_LOCKED: "is locked by another process: wait for it or stop it, then try again",
    sqlite3.SQLITE_NOTADB: "is not an SQLite database: choose another file, or move this one away",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore a copy of it, or move it away to start anew",
    sqlite3.SQLITE_FULL: "could not grow, the disk is full: free some space, then try again",
    sqlite3.SQLITE_READONLY: "may not be written: make the file and its folder writable",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened: make the file and its folder readable and writable",
    sqlite3.SQLITE_IOERR: "could not be read or written: check the disk that holds it",
}


def is_postgres(target: str | Path) -> bool:
    """Whether `target` is the address of a PostgreSQL server."""
    return str(target).lower().startswith(("postgresql://", "postgres://"))


class Database:
    """Transactions on the queue's table, which is made by the first one that writes.

    Nothing is opened before the first use. What a fork inherits is left alone and opened anew.

    Attributes:
        place: The database as messages name it, without its password.
        is_server: Whether it is a PostgreSQL server.
    """

    def __init__(self, target: str | Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """Note where.

        Args:
            target: Path of an SQLite file, `:memory:`, or a `postgresql://` address.
            busy_timeout_s: Seconds to wait for another process's lock, or for the server.

        Raises:
            MemoryStoreError: When the address cannot be read, or its driver is missing.
        """
        self.is_server = is_postgres(target)
        self._is_shared = str(target) == _IN_MEMORY
        self._path = None if self.is_server or self._is_shared else Path(target).expanduser().absolute()
        if self.is_server:
            self._engine, self.place = _server(str(target), busy_timeout_s)
        else:
            self._engine, self.place = _sqlite(self._path, busy_timeout_s), str(self._path or _IN_MEMORY)
        self._writers = threading.RLock()
        self._process = os.getpid()
        self._inherited: list[object] = []
        self._is_ready = self._is_closed = False

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """A connection to a table that is up to date, or None where there is none yet.

        Raises:
            MemoryStoreError: When it cannot be read, then or inside the block.
        """
        if self._path is not None and not self._path.exists():
            yield None
            return
        if not self._is_ready:
            with self._transaction() as connection:
                found = revision_of(connection, self.place)
            if found is None:
                yield None
                return
            if found != HEAD:
                with self.writing():
                    pass
            self._is_ready = True
        with self._transaction() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A connection inside a transaction that writes, committed when the block ends well.

        Raises:
            MemoryStoreError: When it cannot be written; nothing is changed then.
        """
        # Threads of one process would else wait for each other by SQLite's ever longer sleeps.
        with (
            nullcontext() if self.is_server else self._lock(),
            self._transaction(to_write=True) as connection,
        ):
            if not self._is_ready:
                prepare(connection, self.place)
            yield connection
        self._is_ready = True

    def close(self) -> None:
        """Close what is open; a second call does nothing."""
        if not self._is_closed and self._process == os.getpid():
            self._engine.dispose()
        self._is_closed = True

    @contextmanager
    def _transaction(self, *, to_write: bool = False) -> Iterator[Connection]:
        if self._is_closed:
            raise MemoryStoreError(f"The queue of jobs in {self.place} is closed: open it anew.")
        self._leave_inherited()
        begin = "BEGIN IMMEDIATE" if to_write else "BEGIN"
        try:
            with (
                self._lock() if self._is_shared else nullcontext(),
                self._engine.connect() as connection,
                connection.execution_options(duograph_begin=begin).begin(),
            ):
                yield connection
        except DBAPIError as error:
            raise self._explained(error.orig) from None
        except sqlite3.Error as error:  # from opening, which SQLAlchemy leaves as it is
            raise self._explained(error) from None
        except SQLAlchemyError as error:
            raise MemoryUnavailableError(
                f"The queue of jobs in {self.place} has no free connection ({type(error).__name__}): try "
                "again."
            ) from None

    def _lock(self) -> threading.RLock:
        self._leave_inherited()
        return self._writers

    def _leave_inherited(self) -> None:
        """Open anew after a fork: a connection of two processes would garble both of their work."""
        if self._process == os.getpid():
            return
        if self._is_shared:
            raise MemoryStoreError("A queue in memory is not there after a fork: give the path of a file.")
        self._process, self._writers = os.getpid(), threading.RLock()
        self._inherited.append(self._engine.pool)  # never closed here: that would write to the parent's files
        self._engine.dispose(close=False)

    def _explained(self, error: BaseException | None) -> MemoryStoreError:
        """What a driver reports, as one sentence with a fix; it never holds the password."""
        self._is_ready = False
        if isinstance(error, sqlite3.Error):
            reason = " ".join(str(error).split())
            said = _FAULTS.get(_code(error), f"failed ({reason}): choose another file, or move this one away")
            return MemoryStoreError(f"The queue of jobs in {self.place} {said}.")
        if getattr(error, "sqlstate", None) in (None, "57P01", "57P02", "57P03"):
            return MemoryUnavailableError(
                f"The queue of jobs in {self.place} cannot be reached ({self._reason(error)}): start the "
                "server, or mend the address in DUOGRAPH_DATABASE."
            )
        return MemoryStoreError(
            f"The queue of jobs in {self.place} refused ({self._reason(error)}): mend that there."
        )

    def _reason(self, error: BaseException | None) -> str:
        """The first line of what a driver says, without the password."""
        said = str(error).strip().split("\n", 1)[0].replace(str(self._engine.url.password or "\0"), "***")
        return " ".join(said.split())[:200].rstrip(".") or type(error).__name__


def _code(error: sqlite3.Error) -> int:
    # Errors of the Python module itself carry no code; extended codes keep the primary one in the low byte.
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & _PRIMARY


def _sqlite(path: Path | None, busy_timeout_s: float) -> Engine:
    def connect() -> sqlite3.Connection:
        if path is not None and not path.exists():
            # Only for its owner, as the sessions' file, which this is.
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        return sqlite3.connect(
            path or _IN_MEMORY, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
        )

    if path is None:
        engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool)
    else:
        engine = create_engine("sqlite://", creator=connect, poolclass=QueuePool, **_POOL)

    @event.listens_for(engine, "connect")
    def _set_up(conn: sqlite3.Connection, _record: object) -> None:
        # SQLite's own busy handler is not asked when a file changes to WAL.
        deadline = time.monotonic() + busy_timeout_s
        while True:
            try:
                conn.execute("PRAGMA journal_mode=WAL").fetchall()
                break
            except sqlite3.OperationalError as error:
                if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                    raise
            time.sleep(_RETRY_S)
        conn.execute("PRAGMA synchronous=NORMAL").fetchall()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # The driver's own way would take the write lock too late.
        connection.exec_driver_sql(connection.get_execution_options().get("duograph_begin", "BEGIN"))

    return engine


def _server(target: str, timeout_s: float) -> tuple[Engine, str]:
    try:
        url = make_url(target).set(drivername="postgresql+psycopg")
    except (ArgumentError, ValueError):
        raise MemoryStoreError(
            "The database address cannot be read: write postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
        ) from None
    port = f":{url.port}" if url.port else ""
    user = f"{url.username}@" if url.username else ""
    place = f"postgresql://{user}{url.host or ''}{port}/{url.database or ''}"
    patience = {"connect_timeout": max(1, round(timeout_s)), **_PATIENCE}
    try:
        engine = create_engine(url, poolclass=QueuePool, pool_pre_ping=True, connect_args=patience, **_POOL)
    except ImportError as error:
        raise MemoryStoreError(
            f"A PostgreSQL database needs a package that is missing ({error.name}): "
            "pip install 'duograph[postgres]'."
        ) from None
    return engine, place
