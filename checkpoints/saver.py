"""The checkpointer: LangGraph's SQLite saver, usable from any thread and any event loop."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver
from langgraph.checkpoint.sqlite.utils import search_where

from checkpoints.connect import MEMORY, connect, locate, until_free
from checkpoints.faults import closed, damaged, explained
from checkpoints.locks import ThreadLocks, locks_for
from checkpoints.offload import finish
from checkpoints.protocol import DatabaseError, ThreadSpan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        CheckpointTuple,
        DeltaChannelHistory,
    )

P = ParamSpec("P")
T = TypeVar("T")

# One step through the primary key per thread, where DISTINCT would read every checkpoint's entry.
_SPANS = """
WITH RECURSIVE threads(id) AS (
    SELECT MIN(thread_id) FROM checkpoints
    UNION ALL
    SELECT (SELECT MIN(thread_id) FROM checkpoints WHERE thread_id > id) FROM threads WHERE id IS NOT NULL
)
SELECT id,
    (SELECT MIN(checkpoint_id) FROM checkpoints WHERE thread_id = id AND checkpoint_ns = ''),
    (SELECT MAX(checkpoint_id) FROM checkpoints WHERE thread_id = id AND checkpoint_ns = '') AS last
FROM threads WHERE last IS NOT NULL ORDER BY last DESC LIMIT ?
"""


class SessionSaver(SqliteSaver):
    """`SqliteSaver` with working async methods, whole transactions and errors that say what to do.

    Async methods run the sync ones on one thread of the saver's own: no event loop is bound, and the loop's
    default threads stay free while the database is busy. Shallow copies, as LangGraph makes them to allow
    more types, share the connection, its lock and that thread.
    """

    def __init__(self, conn: sqlite3.Connection, *, place: str, allowed_types: Iterable[type] = ()) -> None:
        """Take over an open connection; `close` closes it.

        Args:
            conn: A connection that may be used from any thread.
            place: The database as messages name it.
            allowed_types: Types of the state that may be rebuilt on reading, besides LangGraph's and
                LangChain's own; others come back as plain data.
        """
        super().__init__(conn, serde=JsonPlusSerializer(allowed_msgpack_modules=tuple(allowed_types)))
        self.place = place
        self.locks = ThreadLocks() if place == MEMORY else locks_for(os.path.realpath(place))
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoints")

    def close(self) -> None:
        """Finish the work under way and close the connection; a second call does nothing."""
        self._worker.shutdown(wait=True)
        with self.lock:
            self.conn.close()

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:  # noqa: FBT001, FBT002 - the base's
        """Give a cursor; the block's writes are committed together or not at all.

        Raises:
            DatabaseError: When SQLite reports an error.
        """
        with self.lock, explained(self.place):
            self.setup()
            with closing(self.conn.cursor()) as cur:
                try:
                    yield cur
                    if transaction:
                        self.conn.commit()
                except BaseException:
                    # The stock saver commits here, and so keeps half of what failed.
                    with suppress(sqlite3.Error):
                        self.conn.rollback()
                    raise

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give one checkpoint, the newest of its thread when none is named.

        Raises:
            DamagedCheckpointError: When what is stored cannot be decoded.
            DatabaseError: When SQLite reports an error.
        """
        try:
            found = super().get_tuple(config)
        except (DatabaseError, KeyError):
            raise
        except Exception as error:
            raise damaged(config, self.place) from error
        if found is not None and not isinstance(found.checkpoint, dict):
            raise damaged(config, self.place)
        return found

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the base class names it
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Give the matching checkpoints, newest first; no lock is held between two of them."""
        for key in self._keys(config, filter, before, limit):
            if found := self.get_tuple(key):
                yield found

    def thread_spans(self, limit: int | None = None) -> Sequence[ThreadSpan]:
        """List the threads, the most recently written first.

        Args:
            limit: How many at most; None for all.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        with self.cursor(transaction=False) as cur:
            rows = cur.execute(_SPANS, (-1 if limit is None else limit,)).fetchall()
        return [ThreadSpan(*row) for row in rows]

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Run `get_tuple` in the saver's thread."""
        return await self._run(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the base class names it
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Give the matching checkpoints, newest first; no lock is held between two of them."""
        for key in await self._run(self._keys, config, filter, before, limit):
            if found := await self.aget_tuple(key):
                yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Run `put` in the saver's thread; it ends before a cancellation goes on."""
        return await self._run(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Run `put_writes` in the saver's thread; it ends before a cancellation goes on."""
        await self._run(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Run `delete_thread` in the saver's thread; it ends before a cancellation goes on."""
        await self._run(self.delete_thread, thread_id)

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Run `get_delta_channel_history` in the saver's thread."""
        return await self._run(self.get_delta_channel_history, config=config, channels=channels)

    def _keys(
        self,
        config: RunnableConfig | None,
        wanted: dict[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
    ) -> Sequence[RunnableConfig]:
        where, values = search_where(config, wanted, before)
        query = (
            f"SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints {where} "  # noqa: S608 - placeholders
            "ORDER BY checkpoint_id DESC LIMIT ?"
        )
        with self.cursor(transaction=False) as cur:
            rows = cur.execute(query, (*values, -1 if limit is None else limit)).fetchall()
        names = ("thread_id", "checkpoint_ns", "checkpoint_id")
        return [{"configurable": dict(zip(names, row, strict=True))} for row in rows]

    async def _run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        context = contextvars.copy_context()
        work = partial(context.run, partial(call, *args, **kwargs))
        try:
            begun = asyncio.get_running_loop().run_in_executor(self._worker, work)
        except RuntimeError as error:
            raise closed(self.place) from error
        return await finish(begun)


class SaverContext:
    """What `open_saver` gives: `with` and `async with` both open the saver and close it at the end."""

    def __init__(self, target: str | Path, allowed_types: Iterable[type], busy_timeout_s: float) -> None:
        """Note what to open; nothing is touched yet."""
        self._target = target
        self._allowed_types = tuple(allowed_types)
        self._busy_timeout_s = busy_timeout_s
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
        path = locate(self._target)
        conn = connect(path, self._busy_timeout_s)
        place = str(path or MEMORY)
        saver = SessionSaver(conn, place=place, allowed_types=self._allowed_types)
        try:
            with explained(place):
                until_free(saver.setup, self._busy_timeout_s)
        except BaseException:
            saver.close()
            raise
        self._saver = saver
        return saver

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


def open_saver(
    target: str | Path, *, allowed_types: Iterable[type] = (), busy_timeout_s: float = 5.0
) -> SaverContext:
    """Open the session database as a LangGraph checkpointer, in a `with` or an `async with`.

    Args:
        target: Path of an SQLite file (made when absent, with its folders), or `:memory:`.
        allowed_types: Types of the graph's state that may be rebuilt on reading (strict msgpack); a type
            that is not named comes back as plain data.
        busy_timeout_s: Seconds to wait for another process's lock.

    Returns:
        A context that gives a `SessionSaver`, whose sync and async methods work from any thread and loop.

    Raises:
        DatabaseError: On entering, when the database cannot be opened; nothing in it is changed then.
    """
    return SaverContext(target, allowed_types, busy_timeout_s)
