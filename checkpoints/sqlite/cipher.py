"""Encryption at rest: whatever a channel, a write or the metadata hold is unreadable without the key."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING

from langgraph.checkpoint.serde.encrypted import EncryptedSerializer

from checkpoints.passphrase import KEY_VARIABLE, check_new_key
from checkpoints.protocol import DatabaseError
from checkpoints.sqlite.schema import meta

if TYPE_CHECKING:
    from langgraph.checkpoint.serde.base import SerializerProtocol

_SALT_BYTES = 16
_KEY_BYTES = 32
# About 50 ms and 16 MB; the parameters that RFC 7914 gives for interactive use.
_COST, _BLOCK, _LANES = 2**14, 8, 1
_PROBE = "duograph"


@dataclass(frozen=True, slots=True)
class Locked:
    """How a file is encrypted.

    Attributes:
        serde: Encrypts and decrypts.
        run_key: Key for the marks of runs.
    """

    serde: SerializerProtocol
    run_key: bytes = b""


def new_lock(conn: sqlite3.Connection, place: str, passphrase: str, inner: SerializerProtocol) -> Locked:
    """Set up encryption in a file that holds nothing yet, inside the caller's transaction.

    Raises:
        DatabaseError: When the passphrase is too short.
    """
    check_new_key(passphrase, place)
    salt = os.urandom(_SALT_BYTES)
    lock = _lock(passphrase, salt, inner)
    probe = lock.serde.dumps_typed(_PROBE)
    conn.executemany(
        "INSERT INTO duograph_meta VALUES (?, ?)",
        [("salt", salt), ("probe_kind", probe[0]), ("probe", probe[1])],
    )
    return lock


def unlock(conn: sqlite3.Connection, place: str, passphrase: str | None, inner: SerializerProtocol) -> Locked:
    """Give what decrypts a file, whose tables are ours.

    Raises:
        DatabaseError: When the key is missing, is another one, or the file is not encrypted at all.
    """
    salt = meta(conn, "salt")
    if not isinstance(salt, bytes):
        if passphrase is not None:
            raise DatabaseError(
                f"The session database {place} is not encrypted, but a key was given: leave the key out, "
                "or choose another file."
            )
        return Locked(inner)
    if passphrase is None:
        raise DatabaseError(
            f"The session database {place} is encrypted: give its key with {KEY_VARIABLE} "
            "or `encryption_key`."
        )
    lock = _lock(passphrase, salt, inner)
    try:
        probe = lock.serde.loads_typed((str(meta(conn, "probe_kind")), bytes(meta(conn, "probe") or b"")))  # type: ignore[call-overload]
    except ValueError:
        probe = None
    if probe != _PROBE:
        raise DatabaseError(
            f"The session database {place} is encrypted with another key: give the one that it was made with."
        )
    return lock


def _lock(passphrase: str, salt: bytes, inner: SerializerProtocol) -> Locked:
    key = hashlib.scrypt(
        passphrase.encode(), salt=salt, n=_COST, r=_BLOCK, p=_LANES, dklen=2 * _KEY_BYTES, maxmem=2**26
    )
    try:
        serde = EncryptedSerializer.from_pycryptodome_aes(inner, key=key[:_KEY_BYTES])
    except ImportError as error:
        raise DatabaseError(
            "Encrypted sessions need pycryptodome, which is not installed: "
            "run `pip install 'duograph[encryption]'`."
        ) from error
    return Locked(serde, key[_KEY_BYTES:])
