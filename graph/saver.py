"""Opening the session store so that it rebuilds our own types and no others."""

from pathlib import Path

from checkpoints import SaverContext
from checkpoints import open_saver as open_any_saver
from graph.state import STATE_TYPES


def open_saver(target: str | Path, *, busy_timeout_s: float = 5.0) -> SaverContext:
    """Open a session store as a LangGraph checkpointer, in a `with` or an `async with`.

    Args:
        target: Path of an SQLite file (made when absent, with its folders), `:memory:`, or the address of a
            PostgreSQL server, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE` (extra `postgres`).
        busy_timeout_s: Seconds to wait for another process's lock, or for a free connection to a server.

    Raises:
        DatabaseError: On entering, when the database cannot be opened; nothing in it is changed then.
    """
    return open_any_saver(target, allowed_types=STATE_TYPES, busy_timeout_s=busy_timeout_s)
