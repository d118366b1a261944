"""Opening memory for a command, and what its options select."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar, get_args

from graph.memory import open_memory, why_off
from graph.saver import open_sessions
from graph.settings import Settings
from memory.records import Kind, Selection, now
from serving import terminal
from serving.faults import InputError
from serving.inputs import read_word
from serving.options import chosen
from serving.running import Runner
from serving.there import say_empty, to_look_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from datetime import datetime

    from memory import Memory
    from serving.signals import Signals

T = TypeVar("T")

_AGE = re.compile(r"(?P<count>\d{1,6}(?:\.\d+)?)\s*(?P<unit>[hdw]?)", re.IGNORECASE)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1), "": timedelta(days=1)}


def settings_of(user: str | None) -> Settings:
    """The settings of a user.

    Raises:
        InputError: When there is no memory.
    """
    settings = Settings(**chosen({"user": user}))
    if why := why_off(settings):
        raise InputError(f"There is no memory: {why}")
    return settings


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Memory]:
    """The memory that the settings name."""
    memory = open_memory(settings)
    if memory is None:
        raise InputError(f"There is no memory: {why_off(settings)}")
    try:
        yield memory
    finally:
        await memory.aclose()


def with_memory(
    settings: Settings,
    signals: Signals,
    work: Callable[[Memory], Awaitable[T]],
    *,
    writes: bool = False,
) -> T:
    """Do something with memory, and close it.

    Raises:
        MemoryStoreError: When it cannot be read or written.
        InputError: When there is nothing where the settings say.
        Interrupted: When a signal came.
    """
    if not settings.neo4j_uri:
        if not writes:
            settings = to_look_at(settings)
        else:
            with open_sessions(settings):
                """Memory lies in the sessions' database, which is made here when it is missing."""

    async def run() -> T:
        async with opened(settings) as memory:
            return await work(memory)

    with Runner(signals) as runner:
        return runner.run(run)


def say_none(settings: Settings, text: str) -> None:
    """Say that nothing was found, unless it was said already that the database itself is missing."""
    if settings.neo4j_uri:
        terminal.notice(text)
    else:
        say_empty(settings, text)


def selection(  # noqa: PLR0913  # each may be chosen apart
    *,
    ids: Sequence[str] = (),
    kinds: Sequence[str] = (),
    subject: str | None = None,
    older_than: str | None = None,
    session: str | None = None,
    archive: str | None = None,
    is_current: bool | None = None,
    everything: bool = False,
) -> Selection:
    """What the options of a command select.

    Raises:
        InputError: When an id or an age cannot be read, or a word is not UTF-8.
    """
    for one in ids:
        if not re.fullmatch(r"[0-9a-fA-F]{8,32}", one):
            raise InputError(
                f"{one!r} is no id: give 8 to 32 of its signs, as `duograph memory list` shows it."
            )
    for name, word in {"--subject": subject, "--session": session, "--archive": archive}.items():
        if word is not None:
            read_word(word, name)
    given: dict[str, Any] = {
        "ids": tuple(one.lower() for one in ids),
        "kinds": get_args(Kind) if everything else tuple(kinds),
        "subject": subject,
        "before": None if older_than is None else _before(older_than),
        "session": session,
        "archive": archive,
        "is_current": is_current,
    }
    return Selection(**given)


def _before(age: str) -> datetime:
    match = _AGE.fullmatch(age.strip())
    if match is None:
        raise InputError(
            f"--older-than is {age!r}: write a number of days, hours or weeks, as 30d, 12h or 6w."
        )
    try:
        return now() - float(match["count"]) * _UNITS[match["unit"].lower()]
    except OverflowError:
        raise InputError(f"--older-than is {age!r}, which is before all calendars: take less.") from None
