"""Names of the tables, their revisions and the places they stand in; imports nothing that is heavy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from checkpoints.connect import locate
from checkpoints.postgres import address
from checkpoints.postgres.address import is_postgres
from checkpoints.protocol import DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

TABLE: Final = "duograph_user_settings"

VERSION_TABLE: Final = "duograph_settings_revision"
"""Alembic's own table; the usual `alembic_version` may belong to a program that shares the database."""

REVISIONS: Final = ("0001", "0002")
"""Every revision of the tables, the oldest first; a file in `migrations/versions/` for each."""

HEAD: Final = REVISIONS[-1]

BUSY_TIMEOUT_S: Final = 5.0
"""Seconds to wait for another process's lock, or for a server."""


def place_of(target: str | Path) -> str:
    """The database as messages name it: without its password."""
    text = str(target)
    return address.place_of(text) if is_postgres(text) else text


def file_of(target: str | Path) -> Path | None:
    """The SQLite file that `target` means; None for a database in memory, which keeps no settings.

    Raises:
        DatabaseError: When `target` names a server that is no PostgreSQL, or nothing at all.
    """
    return locate(target)


def check_revision(found: str | None, place: str) -> None:
    """Make sure that a revision is one of ours, or that there is none yet.

    Raises:
        DatabaseError: When a newer version of Duograph wrote it.
    """
    if found is not None and found not in REVISIONS:
        raise DatabaseError(
            f"The user settings in {place} are of a newer version of Duograph (their revision is {found!r}, "
            f"and {HEAD!r} is known): update Duograph, or switch them off with DUOGRAPH_USER_SETTINGS=0."
        )
