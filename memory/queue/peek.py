"""A look at the queue that needs nothing heavy."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from memory.sql.place import file_of, is_server

if TYPE_CHECKING:
    from pathlib import Path

_WAIT_S: Final = 0.1


def has_open_jobs(target: str | Path) -> bool:
    """Tell whether jobs wait in an SQLite file, without SQLAlchemy, whose import takes half a second.

    Args:
        target: Path of the file.

    Returns:
        False also where one cannot tell at once: of a server, of a file that is locked, or of none.
    """
    if is_server(target):
        return False
    path = file_of(target)
    try:
        if path is None or not path.is_file():
            return False
        address = f"{path.as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=_WAIT_S)) as conn:
            query = "SELECT 1 FROM duograph_jobs WHERE status IN ('pending', 'failed', 'running') LIMIT 1"
            return conn.execute(query).fetchone() is not None
    except (sqlite3.Error, OSError):
        return False
