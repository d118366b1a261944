"""The checkpointer: every method sync and async, from any thread and any event loop."""

from __future__ import annotations

import os
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from langgraph.checkpoint.base import WRITES_IDX_MAP

from checkpoints.connect import MEMORY
from checkpoints.ids import key_in, thread_in
from checkpoints.locks import ThreadLocks, locks_for
from checkpoints.protocol import DatabaseError
from checkpoints.sqlite.build import Builder
from checkpoints.sqlite.encode import Encoder
from checkpoints.sqlite.ledger import StaleReferenceError
from checkpoints.sqlite.seen import Memory
from checkpoints.sqlite.shelf import Shelf
from checkpoints.sqlite.tended import TendedSaver
from checkpoints.sqlite.writes import Call

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import (
        ChannelVersions,
        Checkpoint,
        CheckpointMetadata,
        CheckpointTuple,
        DeltaChannelHistory,
    )

    from checkpoints.protocol import StoreSize, ThreadSpan
    from checkpoints.sqlite.cipher import Locked
    from checkpoints.sqlite.readers import Reads
    from checkpoints.sqlite.writes import Job, Writes

T = TypeVar("T")


class SqliteSessionSaver(TendedSaver):
    """A LangGraph checkpointer on one SQLite file.

    Shallow copies, as LangGraph makes them to allow more types, share the writer and the readers.
    """

    def __init__(  # noqa: PLR0913  # each is a choice of its own
        self, writer: Writes, reads: Reads, *, place: str, lock: Locked, keep: int | None, is_trusting: bool
    ) -> None:
        """Write and read through these; `close` closes them.

        Args:
            writer: Commits what is put.
            reads: Reads beside it.
            place: The database as messages name it.
            lock: How values are serialised.
            keep: How many turns stay open to time travel; None for all.
            is_trusting: Whether no reducer changes what it is given.
        """
        super().__init__(serde=lock.serde)
        self.place = place
        self.keep_turns = keep
        self.locks = ThreadLocks() if place == MEMORY else locks_for(os.path.realpath(place))
        self.writer = writer
        self._reads = reads
        self._builds = partial(Builder, run_key=lock.run_key, trusts_reducers=is_trusting)
        self.memory = Memory()
        self._made: tuple[Builder, Shelf] | None = None

    def close(self) -> None:
        """Finish the work under way and close the file; a second call does nothing."""
        self._reads.close()
        self.writer.close()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give one checkpoint, the newest of its thread when none is named.

        Raises:
            DamagedCheckpointError: When what is stored cannot be decoded.
            DatabaseError: When SQLite reports an error.
        """
        return self._read(thread_in(config), partial(self._shelf.get, config))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give one checkpoint; see `get_tuple`."""
        get = partial(self._shelf.get, config)
        return await self._aread(thread_in(config), get, partial(get, is_short=True))

    def list(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the base class names it
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> Iterator[CheckpointTuple]:
        """Give the matching checkpoints, newest first; nothing is held between two of them.

        Raises:
            DamagedCheckpointError: When what is stored cannot be decoded.
            DatabaseError: When SQLite reports an error.
        """
        for key in self._read(thread_in(config), partial(self._shelf.heads, config, filter, before, limit)):
            if found := self._read(thread_in(config), partial(self._shelf.again, key)):
                yield found

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,  # noqa: A002 - the base class names it
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Give the matching checkpoints; see `list`."""
        heads = partial(self._shelf.heads, config, filter, before, limit)
        for key in await self._aread(thread_in(config), heads):
            if found := await self._aread(thread_in(config), partial(self._shelf.again, key)):
                yield found

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; it is committed when this returns.

        Raises:
            DatabaseError: When SQLite reports an error; nothing of it is stored then.
        """
        drafted = self._builder.put(
            config, checkpoint, metadata, new_versions, seen=self.memory.of(key_in(config))
        )
        try:
            stored = self.writer.run(drafted.put)
        except StaleReferenceError:
            # Another process pruned what this one builds on, so all values are given again.
            drafted = self._builder.put(config, checkpoint, metadata, new_versions, seen=None)
            stored = self.writer.run(drafted.put)
        drafted.remember(self.memory, stored)
        return drafted.config

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; see `put`. It ends before a cancellation goes on."""
        drafted = self._builder.put(
            config, checkpoint, metadata, new_versions, seen=self.memory.of(key_in(config))
        )
        try:
            stored = await self.writer.arun(drafted.put)
        except StaleReferenceError:
            # Another process pruned what this one builds on, so all values are given again.
            drafted = self._builder.put(config, checkpoint, metadata, new_versions, seen=None)
            stored = await self.writer.arun(drafted.put)
        drafted.remember(self.memory, stored)
        return drafted.config

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote; it is committed when this returns.

        Raises:
            DatabaseError: When SQLite reports an error; nothing of it is stored then.
        """
        self.writer.run(self._builder.writes(config, writes, task_id, task_path))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote; interrupts, errors and other marks are committed when this returns.

        The rest is no later than the thread's next checkpoint, else in a few milliseconds or, when the loop
        is busy or ends, in a tenth of a second, and is seen by whoever reads the thread here. When it cannot
        be stored, the checkpoint that follows fails instead.

        Raises:
            DatabaseError: When SQLite reports an error; nothing of it is stored then.
        """
        job = self._builder.writes(config, writes, task_id, task_path)
        if any(channel in WRITES_IDX_MAP for channel, _ in writes):
            await self.writer.arun(job)
        else:
            self.writer.post(job)

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give what delta channels are rebuilt from: their writes since the value stored last."""
        return self._read(thread_in(config), partial(self._shelf.history, config, channels))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give what delta channels are rebuilt from; see `get_delta_channel_history`."""
        return await self._aread(thread_in(config), partial(self._shelf.history, config, channels))

    def thread_spans(self, limit: int | None = None) -> Sequence[ThreadSpan]:
        """List the threads, the most recently written first.

        Args:
            limit: How many at most; None for all.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        return self._read(None, partial(self._shelf.spans, limit))

    def size(self) -> StoreSize:
        """Count what the file holds.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        return self._read(None, self._shelf.size)

    def _read(self, thread: str | None, work: Callable[[sqlite3.Connection], T]) -> T:
        if self.writer.is_behind(thread):
            with suppress(DatabaseError):  # the next checkpoint tells
                self.writer.run(_catch_up())
        return self._reads.run(work)

    async def _aread(
        self,
        thread: str | None,
        work: Callable[[sqlite3.Connection], T],
        short: Callable[[sqlite3.Connection], T] | None = None,
    ) -> T:
        if self.writer.is_behind(thread):
            with suppress(DatabaseError):  # the next checkpoint tells
                await self.writer.arun(_catch_up())
        return await self._reads.arun(work, short)

    @property
    def _builder(self) -> Builder:
        return self._parts()[0]

    @property
    def _shelf(self) -> Shelf:
        return self._parts()[1]

    def _parts(self) -> tuple[Builder, Shelf]:
        # Looked at each time, as LangGraph replaces the serialiser of a copy.
        if self._made is None or self._made[1].serde is not self.serde:
            shelf = Shelf(self.serde, self.memory, self.place)
            self._made = self._builds(Encoder(self.serde)), shelf
        return self._made


def _catch_up() -> Job[None]:
    """A job that is done once all before it are."""
    return Call(lambda _: None)
