"""What SQLite, PostgreSQL and the file system report, said as one sentence with a fix."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from memory.protocol import MemoryStoreError, MemoryUnavailableError
from memory.sql.place import place_of, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PRIMARY: Final = 0xFF
_LOCKED: Final = "is locked by another process: wait for it or stop it, then try again"
_UNWRITABLE: Final = "may not be written: make the file and its folder writable, or choose another file"
_SENTENCES: Final = {
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_NOTADB: "is not an SQLite database: choose another file, or move this one away",
    sqlite3.SQLITE_CORRUPT: "is damaged: restore a copy of it, or move it away to start anew",
    sqlite3.SQLITE_FULL: "could not grow, the disk is full: free some space, then try again",
    sqlite3.SQLITE_READONLY: _UNWRITABLE,
    sqlite3.SQLITE_PERM: _UNWRITABLE,
    sqlite3.SQLITE_CANTOPEN: _UNWRITABLE,
    sqlite3.SQLITE_IOERR: "could not be read or written: check the disk that holds it",
}
# How the server numbers a connection that failed, too many of them, and its own going down.
_AWAY: Final = ("08", "53300", "57P")


@contextmanager
def explained(target: str | Path) -> Iterator[None]:
    """Raise what the drivers report in the block as `MemoryStoreError`."""
    try:
        yield
    except DBAPIError as error:
        raise explain(error.orig, target) from error
    except PoolTimeoutError as error:
        raise MemoryUnavailableError(
            f"The memory in {place_of(target)} is busy, all connections are in use: try again."
        ) from error
    except sqlite3.Error as error:  # from opening, which SQLAlchemy leaves as it is
        raise explain(error, target) from error


def explain(error: Any, target: str | Path) -> MemoryStoreError:  # noqa: ANN401 - psycopg is an extra
    """Turn a driver's error into a sentence that names the database, without its password."""
    place = place_of(target)
    if isinstance(error, sqlite3.Error):
        # Errors of the module itself carry no code; extended codes keep the primary one in the low byte.
        code = int(getattr(error, "sqlite_errorcode", 0) or 0) & _PRIMARY
        if sentence := _SENTENCES.get(code):
            return MemoryStoreError(f"The memory in {place} {sentence}.")
        return MemoryStoreError(
            f"The memory in {place} failed ({error}): choose another file, or move this one away."
        )
    lines = map(str.strip, str(error).splitlines())
    reason = without_secrets(next(filter(None, lines), type(error).__name__), target)
    state = getattr(error, "sqlstate", None)
    if state is None or state.startswith(_AWAY):
        return MemoryUnavailableError(
            f"The memory in {place} cannot be reached ({reason}): start the server, or mend the address in "
            "DUOGRAPH_DATABASE."
        )
    return MemoryStoreError(
        f"The memory in {place} refused ({reason}): mend that, or choose another database in "
        "DUOGRAPH_DATABASE."
    )


def closed(place: str) -> MemoryStoreError:
    """Say that memory was used after its end."""
    return MemoryStoreError(f"The memory in {place} is closed: open it anew.")


def encrypted(place: str) -> MemoryStoreError:
    """Say why there is no memory beside sessions that are encrypted at rest."""
    return MemoryStoreError(
        f"The sessions in {place} are encrypted, and what memory keeps to search in would lie beside them in "
        "clear text: switch memory off with DUOGRAPH_MEMORY=0, or keep sessions in a file without a key."
    )


def unmakeable(error: OSError, path: Path) -> MemoryStoreError:
    """Say why the file or a folder above it could not be made."""
    return MemoryStoreError(
        f"The memory in {path} cannot be opened ({error.strerror or error}): make the folder {path.parent} "
        "writable, or choose another file."
    )
