"""User settings on a PostgreSQL server; needs the extra `postgres`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoints.postgres.address import secrets_of
from checkpoints.protocol import DatabaseError
from checkpoints.settings.schema import HEAD, TABLE, VERSION_TABLE, check_revision, place_of

if TYPE_CHECKING:
    from types import ModuleType

    from psycopg import Error


def driver() -> ModuleType:
    """Give psycopg.

    Raises:
        DatabaseError: When it is not installed.
    """
    try:
        import psycopg  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise DatabaseError(
            f"A PostgreSQL database needs a package that is missing ({error.name}): "
            "pip install 'duograph[postgres]'."
        ) from None
    return psycopg


def explain_postgres(error: Error, target: str) -> DatabaseError:
    """Turn the driver's error into a sentence that names the database, without its password."""
    text = str(error).split("\n", 1)[0]
    for secret in secrets_of(target):
        text = text.replace(secret, "***")
    reason = " ".join(text.split())
    if error.sqlstate is None:  # it was never asked
        return DatabaseError(
            f"The database {place_of(target)} cannot be reached ({reason}): start the server, or mend the "
            "address in DUOGRAPH_DATABASE."
        )
    return DatabaseError(
        f"The database {place_of(target)} refused ({reason}): mend that, or choose another in "
        "DUOGRAPH_DATABASE."
    )


def peek_postgres(target: str, user_id: str, timeout_s: float) -> dict[str, object] | None:
    """Read a user's values; see `peek`.

    Raises:
        DatabaseError: When the server cannot be reached or refuses.
    """
    psycopg = driver()
    from psycopg import sql  # noqa: PLC0415 - an extra

    from checkpoints.settings.reading import decoded  # noqa: PLC0415 - it calls us

    try:
        with psycopg.connect(target, connect_timeout=max(1, round(timeout_s))) as conn:
            conn.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # nobody migrates between the reads
            if conn.execute("SELECT to_regclass(%s)", (VERSION_TABLE,)).fetchone() == (None,):
                return {}
            row = conn.execute(
                sql.SQL("SELECT version_num FROM {}").format(sql.Identifier(VERSION_TABLE))
            ).fetchone()
            check_revision(row[0] if row else None, place_of(target))
            if row is None:
                return {}
            if row[0] != HEAD:
                return None
            query = sql.SQL("SELECT name, value FROM {} WHERE user_id = %s").format(sql.Identifier(TABLE))
            rows = conn.execute(query, (user_id,)).fetchall()
    except psycopg.Error as error:
        raise explain_postgres(error, target) from error
    return decoded(rows, user_id, place_of(target))
