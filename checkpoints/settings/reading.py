"""Reads a user's settings with the database's own driver: no start of the program waits for SQLAlchemy."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from checkpoints.faults import explained
from checkpoints.postgres.address import is_postgres
from checkpoints.protocol import DatabaseError
from checkpoints.settings.schema import (
    BUSY_TIMEOUT_S,
    HEAD,
    TABLE,
    VERSION_TABLE,
    check_revision,
    file_of,
    place_of,
)
from checkpoints.sqlite.schema import refuse_stumps

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_UNMAKEABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)

_REVISION = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 - a constant
_VALUES = f"SELECT name, value FROM {TABLE} WHERE user_id = "  # noqa: S608 - the same


def peek(
    target: str | Path, user_id: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S
) -> dict[str, object] | None:
    """Read a user's values as they are kept; makes and changes nothing. Blocks.

    Args:
        target: Path of an SQLite file, `:memory:`, or a `postgresql://` address.
        user_id: Whose.
        busy_timeout_s: Seconds to wait for another process's lock, or for the server.

    Returns:
        The values by name, none where nobody has kept any; or None when the tables are of an older revision,
        which `UserSettingsService` brings up to date first.

    Raises:
        DatabaseError: When the database cannot be read, or is of a newer version.
    """
    if is_postgres(target):
        from checkpoints.settings.postgres import peek_postgres  # noqa: PLC0415 - psycopg is an extra

        return peek_postgres(str(target), user_id, busy_timeout_s)
    path = file_of(target)
    # What is there but no file, whoever opens it for writing says better than we could.
    if path is None or not _is_file(path):
        return {}
    place = str(path)
    with explained(place), closing(open_reading(path, busy_timeout_s)) as conn:
        if not conn.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (VERSION_TABLE,)).fetchone():
            return {}
        # One snapshot: nobody migrates between the two reads.
        conn.execute("BEGIN")
        row = conn.execute(_REVISION).fetchone()
        check_revision(row[0] if row else None, place)
        if row is None:
            return {}
        if row[0] != HEAD:
            return None
        rows = conn.execute(f"{_VALUES}?", (user_id,)).fetchall()
    return decoded(rows, user_id, place)


def decoded(rows: Iterable[tuple[str, str]], user_id: str, place: str) -> dict[str, object]:
    """Read the values as JSON.

    Raises:
        DatabaseError: When one is none.
    """
    try:
        return {name: json.loads(value) for name, value in rows}
    except (TypeError, ValueError) as error:
        raise DatabaseError(
            f"A user setting of {user_id!r} in {place} is damaged: restore a copy of the database, or take "
            f"all of them back with `duograph settings unset --all --user {user_id}`."
        ) from error


def open_reading(path: Path, busy_timeout_s: float) -> sqlite3.Connection:
    """Open the file for reading only; where nothing may be written, too.

    Raises:
        sqlite3.Error: When it cannot be opened.
    """
    address = path.as_uri()

    def connected(query: str) -> sqlite3.Connection:
        conn = sqlite3.connect(
            f"{address}?{query}",
            uri=True,
            timeout=busy_timeout_s,
            check_same_thread=False,
            isolation_level=None,
        )
        try:
            conn.execute("PRAGMA query_only=ON")
            conn.execute("SELECT 1 FROM sqlite_master").fetchone()
            refuse_stumps(conn, str(path))
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


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:
        raise DatabaseError(
            f"The session database {place_of(path)} cannot be looked at ({error.strerror}): make its folder "
            "readable, or choose another file."
        ) from error
