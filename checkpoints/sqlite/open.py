"""Making a connected file ready: its tables, its encryption, and what it holds of LangGraph's own saver."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from checkpoints.protocol import DatabaseError
from checkpoints.sqlite.adopt import Adoption, RawSerializer
from checkpoints.sqlite.build import Builder
from checkpoints.sqlite.cipher import Locked, new_lock, unlock
from checkpoints.sqlite.encode import Encoder
from checkpoints.sqlite.schema import columns, create, holds_stock, is_ours, refuse_strangers

if TYPE_CHECKING:
    from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer


def make_ready(
    conn: sqlite3.Connection, place: str, passphrase: str | None, serde: JsonPlusSerializer
) -> Locked:
    """Make what is missing, in one transaction, and give the serialiser to use.

    Raises:
        DatabaseError: When the key does not fit the file, or is too short for a new one.
        sqlite3.Error: When it cannot be written.
    """
    if is_ours(conn) and not holds_stock(conn):
        return unlock(conn, place, passphrase, serde)
    conn.execute("BEGIN IMMEDIATE")
    try:
        if is_ours(conn):  # another process was faster, or both kinds of tables stand side by side
            lock = unlock(conn, place, passphrase, serde)
        else:
            create(conn)
            lock = Locked(serde) if passphrase is None else new_lock(conn, place, passphrase, serde)
        adopted = holds_stock(conn)
        if adopted:
            _adopt(conn, lock)
        conn.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            conn.execute("ROLLBACK")
        raise
    if adopted:
        # Gives back what the stock tables took; while others use the file the space stays, and is used again.
        with suppress(sqlite3.Error):
            conn.execute("PRAGMA auto_vacuum=INCREMENTAL")
            conn.execute("VACUUM")
    return lock


def check_readable(
    conn: sqlite3.Connection, place: str, passphrase: str | None, serde: JsonPlusSerializer
) -> Locked:
    """Make sure that a file can be read as it is, and give the serialiser to use.

    Raises:
        DatabaseError: When it holds no sessions of ours, or the key does not fit.
    """
    refuse_strangers(conn, place)
    if not is_ours(conn):
        what = "sessions of LangGraph's SqliteSaver" if holds_stock(conn) else "no sessions"
        raise DatabaseError(
            f"The session database {place} holds {what}: open it once without `read_only`, "
            "which makes it ready."
        )
    return unlock(conn, place, passphrase, serde)


def _adopt(conn: sqlite3.Connection, lock: Locked) -> None:
    raw = RawSerializer()
    serde = (
        EncryptedSerializer(lock.serde.cipher, raw) if isinstance(lock.serde, EncryptedSerializer) else raw
    )
    encoder = Encoder(serde)
    adoption = Adoption(conn, Builder(encoder, run_key=lock.run_key), encoder)
    adoption.run(has_task_path="task_path" in columns(conn, "writes"))
