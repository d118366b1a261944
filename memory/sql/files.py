"""Connections to the SQLite file: made with the right mode, and read where nothing may be written."""

from __future__ import annotations

import os
import sqlite3
import time
from typing import TYPE_CHECKING, Final

from memory.protocol import MemoryStoreError
from memory.sql.faults import encrypted, unmakeable

if TYPE_CHECKING:
    from pathlib import Path

_RETRY_S: Final = 0.02
_LOG_BYTES: Final = 4 * 2**20
_MAP_BYTES: Final = 2**30
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_UNMAKEABLE: Final = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def connect(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Connect for writing; make the file (mode 0600) and its missing folders (0700) when needed.

    Raises:
        MemoryStoreError: When it cannot be made.
        sqlite3.Error: When it cannot be used.
    """
    try:
        _make_room(path)
    except OSError as error:
        raise unmakeable(error, path) from error
    conn = sqlite3.connect(path, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False)
    try:
        _prepare(conn, busy_timeout_s)
    except BaseException:
        conn.close()
        raise
    return conn


def connect_to_read(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Connect for reading only; where nothing may be written, too.

    Raises:
        sqlite3.Error: When it cannot be used.
    """

    def connected(query: str) -> sqlite3.Connection:
        conn = sqlite3.connect(
            f"{path.as_uri()}?{query}",
            uri=True,
            timeout=busy_timeout_s,
            check_same_thread=False,
            isolation_level=None,
        )
        try:
            conn.execute("PRAGMA query_only=ON")
            conn.execute(f"PRAGMA mmap_size={_MAP_BYTES}").fetchall()
            conn.execute("SELECT 1 FROM sqlite_master").fetchone()
        except BaseException:
            conn.close()
            raise
        return conn

    try:
        # Who may write takes the files that WAL mode makes beside it away again; a reader would leave them.
        return connected("mode=rw" if os.access(path, os.W_OK) else "mode=ro")
    except sqlite3.OperationalError as error:
        # In WAL mode even a reader makes a file beside it; while there is none nobody writes.
        beside = (path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-journal"))
        if error.sqlite_errorcode & 0xFF not in _UNMAKEABLE or any(one.exists() for one in beside):
            raise
    return connected("mode=ro&immutable=1")


def is_there(path: Path) -> bool:
    """Tell whether there is a file.

    Raises:
        MemoryStoreError: When its folder may not be looked into.
    """
    try:
        return path.exists()
    except OSError as error:
        raise unmakeable(error, path) from error


def identity(path: Path) -> tuple[int, int]:
    """Which file a path leads to now.

    Raises:
        MemoryStoreError: When it cannot be looked at.
    """
    try:
        found = path.stat()
    except OSError as error:
        raise unmakeable(error, path) from error
    return found.st_dev, found.st_ino


def refuse_encrypted(conn: sqlite3.Connection, place: str) -> None:
    """Make sure that the sessions in the same file, if any, lie there in clear text like what memory keeps.

    Raises:
        MemoryStoreError: When they are encrypted.
    """
    if not conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'duograph_meta'").fetchone():
        return
    if conn.execute("SELECT 1 FROM duograph_meta WHERE name = 'probe'").fetchone():
        raise encrypted(place)


def _make_room(path: Path) -> None:
    if path.exists():
        if not path.is_file():
            raise MemoryStoreError(f"The database {path} is no file: give the path of an SQLite file.")
        return
    for folder in reversed([one for one in path.parents if not one.exists()]):
        # `parents=True` would give the mode to the last one only.
        folder.mkdir(mode=0o700, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))


def _prepare(conn: sqlite3.Connection, busy_timeout_s: float) -> None:
    deadline = time.monotonic() + busy_timeout_s
    pragmas = ["journal_mode=WAL", "synchronous=NORMAL", f"journal_size_limit={_LOG_BYTES}"]
    while True:
        # SQLite's own busy handler is not asked when a file changes to WAL.
        try:
            if conn.execute("PRAGMA page_count").fetchone() == (0,):
                conn.execute("PRAGMA auto_vacuum=INCREMENTAL")  # as sessions have it
            for pragma in pragmas:
                conn.execute(f"PRAGMA {pragma}").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF not in _BUSY or time.monotonic() >= deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return
