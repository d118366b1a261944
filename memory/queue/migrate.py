"""Makes the queue's table and brings it to a revision: packaged migrations, with no alembic.ini."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import inspect, text

from memory.protocol import MemoryStoreError
from memory.queue.tables import HEAD, METADATA, REVISIONS, VERSION_TABLE
from memory.sql.steps import Steps

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FOLDER = Path(__file__).parent / "migrations"

# "duojobs" as a number: whoever migrates a server's table holds this lock.
_LOCK: Final = 0x64756F6A6F6273


def revision_of(connection: Connection, place: str) -> str | None:
    """The revision of the table, or None where there is none.

    Raises:
        MemoryStoreError: When a newer version of Duograph made it.
    """
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()  # noqa: S608 - a constant
    if found is not None and found not in REVISIONS:
        raise MemoryStoreError(
            f"The queue of jobs in {place} is of a newer version of Duograph (its revision is {found!r}, and "
            f"{HEAD!r} is known): update Duograph, or switch the queue off with DUOGRAPH_ENRICHMENT=off."
        )
    return None if found is None else str(found)


def prepare(connection: Connection, place: str) -> None:
    """Bring the table to the newest revision, in the transaction that `connection` is in.

    One that is not there is made at once: to import Alembic takes half a second, and most databases are new.

    Raises:
        MemoryStoreError: When a newer version of Duograph made it.
    """
    _lock(connection)
    found = revision_of(connection, place)
    if found is None:
        METADATA.create_all(connection)
        connection.execute(
            text(
                f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL, "
                f"CONSTRAINT {VERSION_TABLE}_pkc PRIMARY KEY (version_num))"
            )
        )
        connection.execute(
            text(f"INSERT INTO {VERSION_TABLE} (version_num) VALUES (:head)"),  # noqa: S608 - a constant
            {"head": HEAD},
        )
    elif found != HEAD:
        migrate(connection, place=place)


def migrate(connection: Connection, revision: str = HEAD, *, place: str = "the database") -> None:
    """Upgrade or downgrade the table with Alembic, in the transaction that `connection` is in.

    Nobody else migrates meanwhile: on SQLite because the transaction began with the write lock, on
    PostgreSQL by an advisory lock to its end.

    Args:
        connection: Where, inside a transaction that writes.
        revision: One of `REVISIONS`, or `base` for no table at all.
        place: The database as messages name it.

    Raises:
        MemoryStoreError: When the table is of a newer version.
        ValueError: When there is no such revision.
    """
    steps = Steps(_FOLDER, REVISIONS)
    steps.check(revision)
    _lock(connection)
    steps.go(connection, revision_of(connection, place), revision)


def _lock(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
