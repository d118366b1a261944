"""Thread ids: how they are made and which ones are accepted."""

import re
import uuid

_PLAIN = re.compile(r"[A-Za-z0-9_.:-]{1,128}")
_SHOWN = 40


class ThreadIdError(ValueError):
    """An id cannot name a thread, or is taken; the message says what to do."""


def new_thread_id() -> str:
    """Return a fresh random UUID (version 4) as text."""
    return str(uuid.uuid4())


def check_thread_id(value: str) -> str:
    """Return `value` when it can name a thread.

    Args:
        value: A UUID, or any id of 1 to 128 characters out of `A-Z a-z 0-9 _ . : -`.

    Raises:
        ThreadIdError: When it cannot; the message says what is allowed.
    """
    if _PLAIN.fullmatch(value):
        return value
    shown = repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")
    raise ThreadIdError(
        f"The thread id {shown} cannot be used: write 1 to 128 letters, digits or any of _ . : - "
        "(or leave it out to get a new one)."
    )
