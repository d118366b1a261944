"""Opening the session file: where it lies, who may read it, and whether it is ours."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoints.faults import explained, is_busy, unmakeable
from checkpoints.protocol import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY = ":memory:"

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://")
_RETRY_S = 0.02

_COLUMNS = {
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
# Files written before langgraph-checkpoint-sqlite 3.1 lack it; the stock setup adds it.
_LATER_COLUMNS = frozenset(("task_path",))


def locate(target: str | Path) -> Path | None:
    """Find the file that `target` means, or None for a database in memory.

    Raises:
        DatabaseError: When `target` names a server or nothing at all.
    """
    text = str(target)
    if text == MEMORY:
        return None
    if url := _URL.match(text):
        # The rest of a DSN may hold a password, so only its scheme is shown.
        raise DatabaseError(
            f"A session database of the kind {url['scheme']}:// is not supported in this version yet: "
            "give the path of an SQLite file."
        )
    if not text.strip() or "\0" in text:
        raise DatabaseError(f"The session database {text!r} names no file: give the path of an SQLite file.")
    try:
        return Path(text).expanduser().absolute()
    except (RuntimeError, OSError) as error:
        raise DatabaseError(
            f"The session database {text} has no place ({error}): give a full path."
        ) from error


def connect(path: Path | None, busy_timeout_s: float) -> sqlite3.Connection:
    """Connect to the file, making it (mode 0600) and its missing folders (0700) when needed.

    Args:
        path: The file, or None for a database in memory.
        busy_timeout_s: Seconds to wait for another process's lock, in each statement.

    Raises:
        DatabaseError: When it cannot be made, is locked, or belongs to something else. It is left as it was.
    """
    place = MEMORY if path is None else str(path)
    fresh = path is not None and _make_room(path)
    with explained(place):
        # One connection serves every thread; the saver's lock keeps them apart.
        conn = sqlite3.connect(place, timeout=busy_timeout_s, check_same_thread=False)
    try:
        if path is not None and fresh:
            path.chmod(0o600)
        with explained(place):
            until_free(lambda: _prepare(conn, place), busy_timeout_s)
    except OSError as error:
        conn.close()
        raise unmakeable(error, path or Path(place)) from error
    except BaseException:
        conn.close()
        raise
    return conn


def until_free(step: Callable[[], None], busy_timeout_s: float) -> None:
    """Run `step` again while it meets a lock, until the time is up.

    SQLite's own busy handler is not asked when a file changes to WAL, so two first starts at once would
    otherwise fail at random.
    """
    deadline = time.monotonic() + busy_timeout_s
    while True:
        try:
            return step()
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() >= deadline:
                raise
        time.sleep(_RETRY_S)


def _make_room(path: Path) -> bool:
    """Make the folders above `path`; tell whether the file itself is still to be made."""
    try:
        if path.is_dir():
            raise DatabaseError(
                f"The session database {path} is a folder: give the path of a file, "
                f"such as {path / 'sessions.db'}."
            )
        if path.exists():
            if not path.is_file():
                raise DatabaseError(
                    f"The session database {path} is not a regular file: choose another path."
                )
            return False
        missing = [folder for folder in path.parents if not folder.exists()]
        for folder in reversed(missing):
            # `parents=True` would give the mode to the last one only.
            folder.mkdir(mode=0o700, exist_ok=True)
        if not path.parent.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
    except OSError as error:
        raise unmakeable(error, path) from error
    return True


def _prepare(conn: sqlite3.Connection, place: str) -> None:
    # Looked at before anything is written, so that a stranger's file keeps its journal mode.
    refuse_strangers(conn, place)
    for pragma in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL"):
        with closing(conn.execute(pragma)):
            pass


def refuse_strangers(conn: sqlite3.Connection, place: str) -> None:
    """Make sure that the tables are ours, or that there are none.

    Raises:
        DatabaseError: When they belong to another program or a newer version.
    """
    for table, wanted in _COLUMNS.items():
        with closing(conn.execute("SELECT name FROM pragma_table_info(?)", (table,))) as rows:
            found = frozenset(name for (name,) in rows)
        if found and found | _LATER_COLUMNS != wanted | _LATER_COLUMNS:
            odd = ", ".join(sorted((found ^ wanted) - _LATER_COLUMNS))
            raise DatabaseError(
                f"The table `{table}` in {place} is of another program or a newer version "
                f"(columns that differ: {odd}): choose another file, or update Duograph."
            )
