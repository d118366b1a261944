"""What a PostgreSQL server and its driver report, said as one sentence with a fix and without a password."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg import Error, errors

from checkpoints.postgres.address import place_of, secrets_of
from checkpoints.protocol import DamagedCheckpointError, DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator

_SHOWN = 200
_CUT = ("08", "57P")  # how the server numbers a connection that failed, and its own going down

_LOST = "lost the connection ({reason}): nothing of the last write is stored; try again, it connects anew"

_BY_KIND: tuple[tuple[type[Error], str], ...] = (
    (errors.ReadOnlySqlTransaction, "may only be read there: name its primary server"),
    (errors.InsufficientPrivilege, "refused ({reason}): GRANT its user what is missing"),
    (errors.DiskFull, "could not grow, the server's disk is full: free some space, then try again"),
    (errors.TooManyConnections, "has too many connections: raise max_connections, or stop some of them"),
    (errors.OutOfMemory, "refused ({reason}): raise max_locks_per_transaction or the server's memory"),
    (errors.UndefinedTable, "lacks a table ({reason}): open it once more, which makes what is missing"),
    (errors.DataError, "cannot keep this value ({reason}): leave out NUL signs and broken text"),
    (errors.QueryCanceled, "took too long ({reason}): look for what blocks it, then try again"),
    (errors.DeadlockDetected, "was in the way of another write: try again"),
    (errors.LockNotAvailable, "took too long ({reason}): look for what blocks it, then try again"),
)

# What the driver knows of a connection that never came about is English text alone, and the server's own
# words may be of any language: what is not known here is quoted.
_BY_WORDS = (
    ("password authentication failed", "refused the user or password: mend them in DUOGRAPH_DATABASE"),
    ("no password supplied", "wants a password: put one into DUOGRAPH_DATABASE, PGPASSWORD or ~/.pgpass"),
    ("does not exist", "refused ({reason}): make it on the server, or mend DUOGRAPH_DATABASE"),
    ("too many c", "has too many connections: raise max_connections, or stop some of them"),
    ("remaining connection slots", "has too many connections: raise max_connections, or stop some of them"),
)
_UNREACHED = "cannot be reached ({reason}): start the server, or mend the address in DUOGRAPH_DATABASE"


def explain(error: Error, target: str, *, is_connecting: bool = False) -> DatabaseError:
    """Turn the driver's error into a sentence that names the database and the fix.

    Args:
        error: What was raised.
        target: The database's address, which is shown without its password.
        is_connecting: Whether there was no connection yet.
    """
    sentence = _sentence(error, is_connecting=is_connecting).format(reason=_reason(error, target))
    return DatabaseError(f"The session database {place_of(target)} {sentence}.")


def damaged(thread_id: str, target: str) -> DamagedCheckpointError:
    """Say which session holds a checkpoint that cannot be decoded."""
    return DamagedCheckpointError(
        f"A checkpoint of the session {thread_id} in {place_of(target)} is damaged: start another session, "
        "or restore a backup of the database."
    )


def lost_turn(thread_id: str, target: str) -> DatabaseError:
    """Say that a turn may write no more, since its thread's lock ended with the connection that held it."""
    return DatabaseError(
        f"The turn on session {thread_id} lost its lock in {place_of(target)}, as the connection that held "
        f"it was cut, so the rest was not stored: go on with `duograph resume {thread_id}`."
    )


@contextmanager
def explained(target: str, *, is_connecting: bool = False) -> Iterator[None]:
    """Raise the driver's errors from the block as `DatabaseError`."""
    try:
        yield
    except Error as error:
        raise explain(error, target, is_connecting=is_connecting) from None


def _sentence(error: Error, *, is_connecting: bool) -> str:
    for kind, sentence in _BY_KIND:
        if isinstance(error, kind):
            return sentence
    if is_connecting:
        text = str(error)
        return next((sentence for words, sentence in _BY_WORDS if words in text), _UNREACHED)
    if error.sqlstate is None or error.sqlstate.startswith(_CUT):
        return _LOST
    return "failed ({reason}): look at the server's log, or choose another database"


def _reason(error: Error, target: str) -> str:
    """The first line of an error that says something, without what is secret."""
    text = error.diag.message_primary or next(filter(None, map(str.strip, str(error).splitlines())), "")
    for secret in secrets_of(target):
        text = text.replace(secret, "***")
    text = " ".join(text.replace("{", "(").replace("}", ")").split()).rstrip(".")
    return text[:_SHOWN] or type(error).__name__
