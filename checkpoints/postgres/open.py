"""Opening a saver on a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoints.locks import locks_for
from checkpoints.postgres.address import place_of
from checkpoints.postgres.database import Database, connect
from checkpoints.postgres.faults import explained
from checkpoints.postgres.locks import PostgresLocks
from checkpoints.postgres.saver import PostgresSessionSaver
from checkpoints.postgres.schema import is_ready, make_ready
from checkpoints.protocol import DatabaseError

if TYPE_CHECKING:
    from langgraph.checkpoint.serde.base import SerializerProtocol


def open_postgres(
    target: str, serde: SerializerProtocol, *, patience_s: float, keep_turns: int | None, read_only: bool
) -> PostgresSessionSaver:
    """Open a saver on a server, and make what is missing there; see `open_saver`.

    Raises:
        DatabaseError: When the server cannot be reached, refuses, or its tables are not ready to be read.
    """
    with connect(target) as conn, explained(target):
        if not read_only:
            make_ready(conn, place_of(target))
        elif not is_ready(conn, place_of(target)):
            raise DatabaseError(
                f"The session database {place_of(target)} holds no sessions: open it once without "
                "`read_only`, which makes it ready."
            )
    database = Database(target, patience_s=patience_s)
    locks = locks_for(target, PostgresLocks)
    return PostgresSessionSaver(database, locks, serde=serde, keep=keep_turns, is_read_only=read_only)
