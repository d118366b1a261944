"""Opening the session file: where it lies, who may read it, and whether it is ours."""

from __future__ import annotations

import errno
import os
import re
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from checkpoints.faults import explained, has_room, is_busy, unmakeable
from checkpoints.protocol import DatabaseError
from checkpoints.sqlite.schema import refuse_strangers

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY = ":memory:"

T = TypeVar("T")

_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://")
_RETRY_S = 0.02
_INDEX_BYTES = 32_768  # of the smallest index of a log
_LOG_BYTES = 4 * 2**20


def checked_target(target: object) -> str:
    """Give the path or address that `target` is, as text.

    Raises:
        TypeError: When it is neither text nor a path.
    """
    text = os.fspath(target) if isinstance(target, os.PathLike) else target
    if isinstance(text, str):
        return text
    raise TypeError(
        f"The target of a session database is {target!r}: give the path of a file as a str or a Path, "
        "or the address of a server as a str."
    )


def locate(target: str | Path) -> Path | None:
    """Find the file that `target` means, or None for a database in memory.

    Raises:
        TypeError: When `target` is neither text nor a path.
        DatabaseError: When `target` names a server or nothing at all.
    """
    text = checked_target(target)
    if text == MEMORY:
        return None
    if url := _URL.match(text):
        # The rest of a DSN may hold a password, so only its scheme is shown.
        raise DatabaseError(
            f"A session database of the kind {url['scheme']}:// is not supported: give the path of an SQLite "
            "file, or the address of a PostgreSQL server, which begins with postgresql://."
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
    """Connect to the file for writing, making it (mode 0600) and its missing folders (0700) when needed.

    Args:
        path: The file, or None for a database in memory.
        busy_timeout_s: Seconds to wait for another process's lock while it is prepared.

    Returns:
        A connection in autocommit mode, usable from any thread, without a busy handler.

    Raises:
        DatabaseError: When it cannot be made, is locked, or belongs to something else. It is left as it was.
    """
    place = MEMORY if path is None else str(path)
    fresh = path is not None and _make_room(path)
    with explained(place):
        conn = sqlite3.connect(place, timeout=0, isolation_level=None, check_same_thread=False)
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


def connect_to_read(path: Path, busy_timeout_s: float, *, is_frozen: bool = False) -> sqlite3.Connection:
    """Connect to a file that is there, for reading alone.

    Args:
        path: The file.
        busy_timeout_s: Seconds to wait for another process's lock, in each statement.
        is_frozen: Whether nobody can be writing, so that no lock and no file beside it is needed.

    Returns:
        A connection in autocommit mode, usable from any thread.
    """
    address = f"{path.as_uri()}?{'immutable=1' if is_frozen else 'mode=ro'}"
    with explained(str(path)):
        return sqlite3.connect(
            address, uri=True, timeout=busy_timeout_s, isolation_level=None, check_same_thread=False
        )


def is_frozen(path: Path) -> bool:
    """Tell whether nobody can be writing a file, and nothing is left in its log.

    So it is where nobody may write, and where a disk is too full for the index that writers share.
    """
    log, index = (path.with_name(f"{path.name}{ending}") for ending in ("-wal", "-shm"))
    may_write = os.access(path.parent, os.W_OK) and os.access(path, os.W_OK)
    if may_write and (has_room(path) or _size(index) >= _INDEX_BYTES):
        return False
    return not _size(log)


def is_at_rest(path: Path) -> bool:
    """Tell whether no log and no journal is beside a file: nobody is writing it, nor was killed at that."""
    return not any(path.with_name(f"{path.name}{ending}").exists() for ending in ("-wal", "-journal"))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def until_free(step: Callable[[], T], busy_timeout_s: float) -> T:
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
    pragmas = ["journal_mode=WAL", "synchronous=NORMAL", f"journal_size_limit={_LOG_BYTES}"]
    if conn.execute("PRAGMA page_count").fetchone() == (0,):
        pragmas.insert(0, "auto_vacuum=INCREMENTAL")  # does something before the first table alone
    for pragma in pragmas:
        conn.execute(f"PRAGMA {pragma}").fetchall()
