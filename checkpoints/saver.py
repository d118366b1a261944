"""Opening the session database as a LangGraph checkpointer."""

from __future__ import annotations

import asyncio
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from checkpoints.connect import (
    MEMORY,
    checked_target,
    connect,
    connect_to_read,
    is_at_rest,
    is_frozen,
    locate,
    until_free,
)
from checkpoints.face import SessionSaver
from checkpoints.faults import explained, unmakeable
from checkpoints.offload import finish
from checkpoints.passphrase import KEY_VARIABLE, check_key, check_new_key, key_of
from checkpoints.postgres.address import driver, is_postgres, place_of
from checkpoints.protocol import DatabaseError
from checkpoints.sqlite.open import check_readable, make_ready
from checkpoints.sqlite.readers import FileReads, WriterReads
from checkpoints.sqlite.saver import SqliteSessionSaver
from checkpoints.sqlite.writer import Writer
from checkpoints.sqlite.writes import NoWrites

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from types import TracebackType

__all__ = ["KEEP_TURNS", "SaverContext", "SessionSaver", "open_saver"]

KEEP_TURNS = 20
"""Turns that stay open to time travel unless something else is said."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What to open and how; see `open_saver`."""

    target: str
    allowed_types: tuple[type, ...]
    busy_timeout_s: float
    keep_turns: int | None
    encryption_key: str | None
    read_only: bool
    trusts_reducers: bool

    def open(self) -> SessionSaver:
        """Open the database.

        Raises:
            DatabaseError: When it cannot be opened.
        """
        if is_postgres(self.target):
            return self._open_server(self.target)
        path = locate(self.target)
        return self._open_to_read(path) if self.read_only and path else self._open(path)

    def _open_server(self, target: str) -> SessionSaver:
        driver()
        from checkpoints.postgres.open import open_postgres  # noqa: PLC0415  # an extra

        if key_of(self.encryption_key) is not None:
            raise DatabaseError(
                f"The session database {place_of(target)} cannot be encrypted by us: encrypt the server's "
                f"disk instead, and leave {KEY_VARIABLE} and `encryption_key` out."
            )
        return open_postgres(
            target,
            self._serde(),
            patience_s=self.busy_timeout_s,
            keep_turns=self.keep_turns,
            read_only=self.read_only,
        )

    def _open(self, path: Path | None) -> SessionSaver:
        place, serde, key = str(path or MEMORY), self._serde(), key_of(self.encryption_key)
        if key is not None and _is_empty(path):
            check_new_key(key, place)  # before the file is made
        conn = connect(path, self.busy_timeout_s)
        try:
            with explained(place):
                ready = partial(make_ready, conn, place, key, serde)
                lock = until_free(ready, self.busy_timeout_s)
        except BaseException:
            conn.close()
            raise
        writer = Writer(conn, place=place, busy_timeout_s=self.busy_timeout_s, keep_turns=self.keep_turns)
        reads = (
            WriterReads(writer)
            if path is None
            else FileReads(partial(connect_to_read, path), self.busy_timeout_s, place)
        )
        return SqliteSessionSaver(
            writer,
            reads,
            place=place,
            lock=lock,
            keep=self.keep_turns,
            is_trusting=self.trusts_reducers,
        )

    def _open_to_read(self, path: Path) -> SessionSaver:
        place, serde, key = str(path), self._serde(), key_of(self.encryption_key)
        try:
            if not path.exists():
                raise DatabaseError(
                    f"The session database {place} does not exist: open it without `read_only` to make it."
                )
            frozen, at_rest = is_frozen(path), is_at_rest(path)
        except OSError as error:
            raise unmakeable(error, path) from error
        connects = partial(connect_to_read, path, is_frozen=frozen)
        # Else a file that is refused gets a log and an index beside it, which a reader may not take away.
        look = partial(connect_to_read, path, is_frozen=frozen or at_rest)
        with explained(place), closing(look(self.busy_timeout_s)) as conn:
            lock = check_readable(conn, place, key, serde)
        return SqliteSessionSaver(
            NoWrites(place),
            FileReads(connects, self.busy_timeout_s, place),
            place=place,
            lock=lock,
            keep=None,
            is_trusting=False,
        )

    def _serde(self) -> JsonPlusSerializer:
        return JsonPlusSerializer(allowed_msgpack_modules=self.allowed_types)


def _check_turns(keep_turns: object) -> None:
    if keep_turns is None:
        return
    if isinstance(keep_turns, bool) or not isinstance(keep_turns, int):
        raise TypeError(f"keep_turns is {keep_turns!r}: give a whole number of turns, or None to keep all.")
    if keep_turns < 1:
        raise ValueError(f"keep_turns is {keep_turns}: keep at least 1 turn, or all of them with None.")


def _is_empty(path: Path | None) -> bool:
    """Whether nothing is in a file yet; what cannot be looked at is left to `connect` to explain."""
    try:
        return path is None or path.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError:
        return False


class SaverContext:
    """What `open_saver` gives: `with` and `async with` both open the saver and close it at the end."""

    def __init__(self, opening: Opening) -> None:
        """Note what to open; nothing is touched yet."""
        self._opening = opening
        self._saver: SessionSaver | None = None

    def __enter__(self) -> SessionSaver:
        """Open the database.

        Raises:
            DatabaseError: When it cannot be opened.
        """
        if self._saver is not None:
            raise DatabaseError(
                f"The session database {self._saver.place} is open in this context already: "
                "call `open_saver` once more for a second saver."
            )
        self._saver = self._opening.open()
        return self._saver

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the work under way and close the database."""
        saver, self._saver = self._saver, None
        if saver is not None:
            saver.close()

    async def __aenter__(self) -> SessionSaver:
        """Open the database, in a thread; the errors are those of `with`."""
        loop = asyncio.get_running_loop()
        try:
            return await finish(loop.run_in_executor(None, self.__enter__))
        except asyncio.CancelledError:
            # The caller never sees the saver, so nobody else would close it.
            await self.__aexit__(None, None, None)
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Finish the work under way and close the database, in a thread."""
        loop = asyncio.get_running_loop()
        await finish(loop.run_in_executor(None, self.__exit__, kind, error, trace))


def open_saver(  # noqa: PLR0913  # each is a choice of its own
    target: str | Path,
    *,
    allowed_types: Iterable[type] = (),
    busy_timeout_s: float = 5.0,
    keep_turns: int | None = KEEP_TURNS,
    encryption_key: str | None = None,
    read_only: bool = False,
    trusts_reducers: bool = False,
) -> SaverContext:
    """Open the session database as a LangGraph checkpointer, in a `with` or an `async with`.

    A file of LangGraph's own `SqliteSaver` is taken over: its sessions are moved into our tables, whole or
    not at all.

    Args:
        target: Path of an SQLite file (made when absent, with its folders), `:memory:`, or the address of a
            PostgreSQL server, `postgresql://USER:PASSWORD@HOST:PORT/DATABASE` (extra `postgres`).
        allowed_types: Types of the graph's state that may be rebuilt on reading (strict msgpack); a type
            that is not named comes back as plain data.
        busy_timeout_s: Seconds to wait for another process's lock, or for a free connection to a server.
        keep_turns: Turns of a thread that stay open to time travel; older checkpoints are pruned as the
            thread grows, except what a waiting interrupt, a fork or a delta channel needs. None keeps all.
        encryption_key: Passphrase of 8 characters or more; values, writes and metadata are encrypted with it.
            Read from `DUOGRAPH_ENCRYPTION_KEY` when left out, which may not be empty then; a file is
            encrypted or not from its first use on, and a database on a server is refused.
        read_only: Whether to open a database that is there without ever changing it.
        trusts_reducers: Whether no reducer of the graph, and no function that chooses its first node, changes
            in place what it is given; `nodes.add_messages` never does. A run's input is stored without a look
            at the older items of its lists then. A change that one of them made nevertheless may be lost,
            and so may one of a first node that returns nothing for that list.

    Returns:
        A context that gives a `SessionSaver`, whose sync and async methods work from any thread and loop.

    Raises:
        DatabaseError: On entering, when the database cannot be opened; nothing in it is changed then.
        ValueError: When `keep_turns` is less than 1, or `encryption_key` is empty.
        TypeError: When `target` is neither text nor a path, `keep_turns` no whole number, or `encryption_key`
            no text.
    """
    place = checked_target(target)
    _check_turns(keep_turns)
    check_key(encryption_key)
    types = tuple(allowed_types)
    return SaverContext(
        Opening(place, types, busy_timeout_s, keep_turns, encryption_key, read_only, trusts_reducers)
    )
