"""Opening the session store so that it rebuilds our own types and no others."""

import os
from pathlib import Path
from typing import Unpack

from typing_extensions import TypedDict

from checkpoints import SaverContext
from checkpoints import open_saver as open_any_saver
from checkpoints.faults import has_room
from graph.settings import Settings
from graph.state import STATE_TYPES

KEEP_TURNS = 20


class Choices(TypedDict, total=False):
    """What `open_saver` leaves to its caller."""

    busy_timeout_s: float
    keep_turns: int | None
    encryption_key: str | None
    read_only: bool


def open_saver(target: str | Path, **choices: Unpack[Choices]) -> SaverContext:
    """Open a session store as a LangGraph checkpointer, in a `with` or an `async with`.

    No reducer may change in place what it is given; those of our state do not.

    Args:
        target: Path of an SQLite file (made when absent, with its folders), `:memory:`, or the address of a
            PostgreSQL server, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE` (extra `postgres`).
        **choices: How to open it, each left out or as `checkpoints.open_saver` says.

    Raises:
        DatabaseError: On entering, when the database cannot be opened; nothing in it is changed then.
        ValueError: When `keep_turns` is less than 1, or `encryption_key` is empty.
        TypeError: When `target` is neither text nor a path, `keep_turns` no whole number, or `encryption_key`
            no text.
    """
    return open_any_saver(target, allowed_types=STATE_TYPES, trusts_reducers=True, **choices)


def open_sessions(settings: Settings, *, to_read: bool = False) -> SaverContext:
    """Open the session store that the settings name, as they say.

    Args:
        settings: The place, how much of it is kept, and the key.
        to_read: Whether a file that may not be written will do.

    Raises:
        DatabaseError: On entering, when the database cannot be opened; nothing in it is changed then.
    """
    key = settings.encryption_key
    return open_saver(
        settings.database_path,
        keep_turns=settings.keep_turns or None,
        encryption_key=None if key is None else key.get_secret_value(),
        read_only=to_read and _is_closed_to_us(Path(settings.database_path)),
    )


def _is_closed_to_us(path: Path) -> bool:
    """Whether a file is there, and it or its folder may not be written, or its disk is full."""
    may_write = os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)
    return path.is_file() and not (may_write and has_room(path))
