"""Opening the session store so that it rebuilds our own types and no others."""

from pathlib import Path

from typing_extensions import TypedDict, Unpack

from checkpoints import SaverContext
from checkpoints import open_saver as open_any_saver
from graph.state import STATE_TYPES


class Choices(TypedDict, total=False):
    """What `open_saver` leaves to its caller."""

    busy_timeout_s: float
    keep_turns: int | None
    encryption_key: str | None
    read_only: bool


def open_saver(target: str | Path, **choices: Unpack[Choices]) -> SaverContext:
    """Open a session store as a LangGraph checkpointer, in a `with` or an `async with`.

    Args:
        target: Path of an SQLite file (made when absent, with its folders), or `:memory:`.
        **choices: How to open it, each left out or as `checkpoints.open_saver` says.

    Raises:
        DatabaseError: On entering, when the database cannot be opened; nothing in it is changed then.
    """
    return open_any_saver(target, allowed_types=STATE_TYPES, **choices)
