"""What SQLite and the file system report, said as one sentence with a fix."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from checkpoints.protocol import DamagedCheckpointError, DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PRIMARY = 0xFF
_LEAST_BYTES = 1 << 16

_LOCKED = "is locked by another process: wait for it or stop it, then try again"
_UNWRITABLE = "may not be written: make the file and its folder writable, or choose another file"

_FULL = (
    "could not grow, the disk is full: free some space, then try again (a few megabytes are enough to delete "
    "or prune sessions, which writes too)"
)

_SENTENCES = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_NOTADB: "is not an SQLite database: choose another file, or move this one away",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore a copy of it, or move it away to start anew",
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_PERM: _UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: _UNWRITABLE,
    sqlite3.SQLITE_IOERR: "could not be read or written: check the disk that holds it",
}


def is_busy(error: sqlite3.Error) -> bool:
    """Tell whether another connection's lock is what stopped us."""
    return _code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def explain(error: sqlite3.Error, place: str) -> DatabaseError:
    """Turn an SQLite error into a sentence that names the database `place` and the fix."""
    if "closed database" in str(error):
        return closed(place)
    if _code(error) == sqlite3.SQLITE_IOERR and not has_room(Path(place)):
        return DatabaseError(f"The session database {place} {_FULL}.")
    if sentence := _SENTENCES.get(_code(error)):
        return DatabaseError(f"The session database {place} {sentence}.")
    return DatabaseError(
        f"The session database {place} failed ({error}): choose another file, or move this one away."
    )


def has_room(path: Path) -> bool:
    """Whether the disk of a file has room for what SQLite makes beside it even to read."""
    try:
        return shutil.disk_usage(path.parent).free >= _LEAST_BYTES
    except OSError:
        return True  # whoever opens it says what is wrong


def closed(place: str) -> DatabaseError:
    """Say that the saver was used outside its context."""
    return DatabaseError(
        f"The session database {place} is closed: use the saver inside `with open_saver(...)`, "
        "an agent inside `with Agent(...)`."
    )


def forked(place: str) -> DatabaseError:
    """Say that a saver came into a process by a fork, without its threads."""
    return DatabaseError(
        f"The session database {place} was opened before this process was forked: open it anew here."
    )


def damaged(thread_id: str, place: str) -> DamagedCheckpointError:
    """Say which session holds a checkpoint that cannot be decoded."""
    return DamagedCheckpointError(
        f"A checkpoint of the session {thread_id} in {place} is damaged: start another session, "
        "or restore a copy of the file."
    )


def read_only(place: str) -> DatabaseError:
    """Say that the saver was opened for reading alone."""
    return DatabaseError(
        f"The session database {place} was opened read-only: open it without `read_only` to write to it."
    )


def unmakeable(error: OSError, path: Path) -> DatabaseError:
    """Say why the file or a folder above it could not be made."""
    reason = error.strerror or str(error)
    return DatabaseError(
        f"The session database {path} cannot be opened ({reason}): "
        f"make the folder {path.parent} writable, or choose another file."
    )


@contextmanager
def explained(place: str) -> Iterator[None]:
    """Raise SQLite errors from the block as `DatabaseError`."""
    try:
        yield
    except sqlite3.Error as error:
        raise explain(error, place) from error


def _code(error: sqlite3.Error) -> int:
    # Errors of the Python module itself carry no code; extended codes keep the primary one in the low byte.
    return int(getattr(error, "sqlite_errorcode", 0) or 0) & _PRIMARY
