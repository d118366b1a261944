"""Thread ids: how they are made and which ones are accepted."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from langchain_core.runnables import RunnableConfig

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
    raise ThreadIdError(
        f"The thread id {_shown(value)} cannot be used: write 1 to 128 letters, digits or any of _ . : - "
        "(or leave it out to get a new one)."
    )


def checked_copy(target_thread_id: object) -> str:
    """Give the id of the thread that a copy becomes, as text: any that a program may give its threads.

    Raises:
        ThreadIdError: When it is empty.
    """
    if target_thread_id is None or not str(target_thread_id).strip():
        raise ThreadIdError("The target_thread_id is empty: give the copy an id.")
    return str(target_thread_id)


def checked_ids(argument: str, ids: Iterable[object]) -> list[str]:
    """Give some ids as text.

    Args:
        argument: The argument's name.
        ids: Ids, and not a single one, whose letters would each be taken for an id.

    Raises:
        TypeError: When it is a single one.
    """
    if isinstance(ids, str | bytes):
        text = ids if isinstance(ids, str) else ids.decode(errors="replace")
        raise TypeError(f"{argument} is the text {_shown(text)}: give a list, [{_shown(text)}].")
    return [str(one) for one in ids]


def _shown(value: str) -> str:
    return repr(value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…")


def place_in(config: RunnableConfig) -> Mapping[str, Any]:
    """What a config says of where a checkpoint is: `thread_id`, and perhaps `checkpoint_ns`, `checkpoint_id`.

    Raises:
        ThreadIdError: When it names no thread; LangGraph checks that only where it has no `configurable`.
    """
    place = config.get("configurable") or {}
    if place.get("thread_id") is None:
        raise ThreadIdError(
            "The config names no thread, by which this graph's saver keeps a conversation: call it with "
            'config={"configurable": {"thread_id": "any-id"}}.'
        )
    return place


def key_in(config: RunnableConfig) -> tuple[str, str]:
    """The thread and the namespace that a config names."""
    place = place_in(config)
    return str(place["thread_id"]), str(place.get("checkpoint_ns", ""))


def thread_in(config: RunnableConfig | None) -> str | None:
    """The thread that a config names; None when it names none, which stands for all of them."""
    thread = ((config or {}).get("configurable") or {}).get("thread_id")
    return None if thread is None else str(thread)
