"""Brings the tables to a revision: packaged migrations, run by the program, with no alembic.ini."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from memory.sql.schema import HEAD, REVISIONS, VERSION_TABLE, check_revision
from memory.sql.steps import Steps

if TYPE_CHECKING:
    from sqlalchemy import Connection

_REVISION: Final = f"SELECT version_num FROM {VERSION_TABLE}"  # noqa: S608 - a constant
_IS_THERE: Final = (
    f"SELECT count(*) FROM sqlite_master WHERE name = '{VERSION_TABLE}'",  # noqa: S608 - the same
    f"SELECT count(to_regclass('{VERSION_TABLE}'))",
)

_FOLDER: Final = Path(__file__).parent / "migrations"

# "duomemor" as a number: whoever migrates a server's tables holds this lock.
_LOCK: Final = 0x64756F6D656D6F72


def revision_of(connection: Connection) -> str | None:
    """The revision of the tables, or None where there are none."""
    # By the driver itself: each search asks for it first.
    driver: Any = connection.connection.driver_connection
    is_server = connection.dialect.name == "postgresql"
    if driver.execute(_IS_THERE[is_server]).fetchone()[0] == 0:
        return None
    found = driver.execute(_REVISION).fetchone()
    return None if found is None else str(found[0])


def migrate(connection: Connection, revision: str = HEAD, *, place: str = "the database") -> None:
    """Upgrade or downgrade the tables, in the transaction that `connection` is in.

    Nobody else migrates meanwhile: on SQLite because the transaction began with the write lock, on
    PostgreSQL by an advisory lock to its end.

    Args:
        connection: Where, inside a transaction that writes.
        revision: One of `REVISIONS`, or `base` for no tables at all.
        place: The database as messages name it.

    Raises:
        MemoryStoreError: When the tables are of a newer version.
        ValueError: When there is no such revision.
    """
    steps = Steps(_FOLDER, REVISIONS)
    steps.check(revision)
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    found = revision_of(connection)
    check_revision(found, place)
    steps.go(connection, found, revision)
