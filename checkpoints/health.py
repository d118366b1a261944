"""Looks at the session database without changing anything in it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from checkpoints.connect import checked_target, locate
from checkpoints.faults import explained
from checkpoints.postgres.address import driver, is_postgres
from checkpoints.sqlite.schema import refuse_strangers

if TYPE_CHECKING:
    from pathlib import Path

    from checkpoints.postgres.health import ServerHealth


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """How the session database is.

    Attributes:
        path: The file, or None for a database in memory or on a server.
        exists: Whether it is there already; else it is made at the first use.
        is_writable: Whether it can be written, or made.
        size_bytes: How large it is.
        journal_mode: As SQLite names it: `wal` after the first use; empty while there is no file.
        free_bytes: What is left on its disk.
        server: How the server is, when the sessions are on one; the rest says nothing then.
    """

    path: Path | None
    exists: bool = False
    is_writable: bool = True
    size_bytes: int = 0
    journal_mode: str = ""
    free_bytes: int = 0
    server: ServerHealth | None = None


def inspect_database(target: str | Path, *, busy_timeout_s: float = 1.0) -> DatabaseHealth:
    """Look at the session file, or at the server; makes nothing. Blocks.

    Args:
        target: As for `open_saver`.
        busy_timeout_s: Seconds to wait for another process's lock.

    Raises:
        TypeError: When `target` is neither text nor a path.
        DatabaseError: When the file cannot be used, is locked, damaged or of another program; when the server
            cannot be reached or refuses.
    """
    if is_postgres(checked_target(target)):
        driver()
        from checkpoints.postgres.health import inspect_server  # noqa: PLC0415  # an extra

        return DatabaseHealth(None, server=inspect_server(str(target)))
    path = locate(target)
    if path is None:
        return DatabaseHealth(None)
    above = next(folder for folder in (path, *path.parents) if folder.exists())
    free = shutil.disk_usage(above).free
    if above != path:
        writable = above.is_dir() and os.access(above, os.W_OK | os.X_OK)
        return DatabaseHealth(path, is_writable=writable, free_bytes=free)
    with explained(str(path)):
        address = f"{path.as_uri()}?mode=rw"
        with closing(sqlite3.connect(address, uri=True, timeout=busy_timeout_s)) as conn:
            refuse_strangers(conn, str(path))
            mode = str(conn.execute("PRAGMA journal_mode").fetchone()[0])
            # Takes the lock that a write takes, and gives it back without one.
            conn.execute("BEGIN IMMEDIATE")
            conn.execute("ROLLBACK")
    return DatabaseHealth(
        path, exists=True, size_bytes=path.stat().st_size, journal_mode=mode, free_bytes=free
    )
