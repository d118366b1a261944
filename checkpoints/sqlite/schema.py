"""The tables, their version, and whether a file's tables are ours.

Names begin with `duograph_`, as the file may hold other tables; for the same reason the version stands in a
table of its own and not in `user_version`.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from checkpoints.protocol import DatabaseError

VERSION = 1

PREFIX = "duograph_"

_TABLES = (
    "CREATE TABLE duograph_meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
    # Ids are never used twice, so what was once read of a thread stays true of its id.
    """CREATE TABLE duograph_threads (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        name TEXT NOT NULL UNIQUE,
        next INTEGER NOT NULL DEFAULT 1,
        next_item INTEGER NOT NULL DEFAULT 2147483648,
        turn INTEGER NOT NULL DEFAULT 0,
        floor INTEGER NOT NULL DEFAULT 1,
        first TEXT,
        outline_kind TEXT,
        outline BLOB
    )""",
    """CREATE TABLE duograph_checkpoints (
        number INTEGER PRIMARY KEY,
        thread INTEGER NOT NULL,
        ns TEXT NOT NULL,
        id TEXT NOT NULL,
        parent TEXT,
        step INTEGER,
        turn INTEGER NOT NULL,
        run BLOB,
        kind TEXT NOT NULL,
        head BLOB NOT NULL
    )""",
    "CREATE UNIQUE INDEX duograph_by_id ON duograph_checkpoints (thread, ns, id)",
    # Ends with the number, as every index does, so that the latest is found at once.
    "CREATE INDEX duograph_by_place ON duograph_checkpoints (thread, ns)",
    "CREATE INDEX duograph_by_run ON duograph_checkpoints (run) WHERE run IS NOT NULL",
    # A channel's value at one version: small ones here, large ones and lists as references to pieces.
    """CREATE TABLE duograph_values (
        thread INTEGER NOT NULL,
        ns TEXT NOT NULL,
        channel TEXT NOT NULL,
        version NOT NULL,
        kind TEXT NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (thread, ns, channel, version)
    ) WITHOUT ROWID""",
    """CREATE TABLE duograph_writes (
        thread INTEGER NOT NULL,
        ns TEXT NOT NULL,
        checkpoint TEXT NOT NULL,
        task TEXT NOT NULL,
        data BLOB NOT NULL,
        PRIMARY KEY (thread, ns, checkpoint, task)
    ) WITHOUT ROWID""",
    # `place` is the thread's id and a number within it, so a thread's pieces lie together and in order.
    "CREATE TABLE duograph_pieces (place INTEGER PRIMARY KEY, kind TEXT NOT NULL, data BLOB NOT NULL)",
)

_STOCK = {
    "checkpoints": frozenset(
        (
            "thread_id",
            "checkpoint_ns",
            "checkpoint_id",
            "parent_checkpoint_id",
            "type",
            "checkpoint",
            "metadata",
        )
    ),
    "writes": frozenset(
        (
            "thread_id",
            "checkpoint_ns",
            "checkpoint_id",
            "task_id",
            "task_path",
            "idx",
            "channel",
            "type",
            "value",
        )
    ),
}
# Files written before langgraph-checkpoint-sqlite 3.1 lack it; all their rows would say ''.
LATER_COLUMNS = frozenset(("task_path",))


def is_ours(conn: sqlite3.Connection) -> bool:
    """Tell whether the file holds our tables, of whatever version."""
    return bool(columns(conn, "duograph_meta"))


def holds_stock(conn: sqlite3.Connection) -> bool:
    """Tell whether the file holds the tables of LangGraph's `SqliteSaver`."""
    return any(columns(conn, table) for table in _STOCK)


def create(conn: sqlite3.Connection) -> None:
    """Make the tables, inside the caller's transaction."""
    for statement in _TABLES:
        conn.execute(statement)
    conn.execute("INSERT INTO duograph_meta VALUES ('version', ?)", (VERSION,))


def refuse_strangers(conn: sqlite3.Connection, place: str) -> None:
    """Make sure that the tables are ours, or LangGraph's, or that there are none.

    Raises:
        DatabaseError: When they belong to another program or a newer version, or it is no database.
    """
    refuse_stumps(conn, place)
    for table, wanted in _STOCK.items():
        found = columns(conn, table)
        if found and found | LATER_COLUMNS != wanted | LATER_COLUMNS:
            odd = ", ".join(sorted((found ^ wanted) - LATER_COLUMNS))
            raise DatabaseError(
                f"The table `{table}` in {place} is of another program or a newer version "
                f"(columns that differ: {odd}): choose another file, or update Duograph."
            )
    if is_ours(conn) and (version := meta(conn, "version")) != VERSION:
        raise DatabaseError(
            f"The session database {place} has the schema version {version}, and this Duograph knows "
            f"{VERSION}: update Duograph, or choose another file."
        )


def refuse_stumps(conn: sqlite3.Connection, place: str) -> None:
    """Make sure that a file is a database, or empty.

    Raises:
        DatabaseError: When it is what is left of one, or something else as short.
    """
    # SQLite takes a file that is shorter than its header for an empty one, and would write over it.
    if conn.execute("PRAGMA page_count").fetchone() == (0,) and _holds_anything(place):
        raise DatabaseError(
            f"The session database {place} is not an SQLite database, or what is left of one: choose another "
            "file, or move this one away."
        )


def _holds_anything(place: str) -> bool:
    path = Path(place)
    return path.is_file() and path.stat().st_size > 0


def meta(conn: sqlite3.Connection, name: str) -> object:
    """Read one entry of the table of facts about the file; None when it is absent."""
    with closing(conn.execute("SELECT value FROM duograph_meta WHERE name = ?", (name,))) as rows:
        row = rows.fetchone()
    return None if row is None else row[0]


def columns(conn: sqlite3.Connection, table: str) -> frozenset[str]:
    """The names of a table's columns; none when there is no such table."""
    with closing(conn.execute("SELECT name FROM pragma_table_info(?)", (table,))) as rows:
        return frozenset(name for (name,) in rows)
