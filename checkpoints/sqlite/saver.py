"""The checkpointer: every method sync and async, from any thread and any event loop."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from checkpoints.connect import MEMORY
from checkpoints.face import SessionSaver, checked_strategy
from checkpoints.faults import damaged
from checkpoints.ids import key_in
from checkpoints.locks import ThreadLocks, locks_for
from checkpoints.sqlite import upkeep
from checkpoints.sqlite.build import Builder
from checkpoints.sqlite.encode import Encoder
from checkpoints.sqlite.ledger import StaleReferenceError
from checkpoints.sqlite.retention import UnreadableHeadError
from checkpoints.sqlite.seen import Memory
from checkpoints.sqlite.shelf import Shelf
from checkpoints.sqlite.writer import Call

if TYPE_CHECKING:
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
    from checkpoints.sqlite.ledger import Ledger
    from checkpoints.sqlite.readers import Reads
    from checkpoints.sqlite.writer import Job, Writes


class SqliteSessionSaver(SessionSaver):
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
        return self._reads.run(partial(self._shelf.get, config))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give one checkpoint; see `get_tuple`."""
        get = partial(self._shelf.get, config)
        return await self._reads.arun(get, partial(get, is_short=True))

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
        for key in self._reads.run(partial(self._shelf.heads, config, filter, before, limit)):
            if found := self._reads.run(partial(self._shelf.again, key)):
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
        for key in await self._reads.arun(partial(self._shelf.heads, config, filter, before, limit)):
            if found := await self._reads.arun(partial(self._shelf.again, key)):
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
        """Store what a task wrote; see `put_writes`. It ends before a cancellation goes on."""
        await self.writer.arun(self._builder.writes(config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread with all that it holds.

        Raises:
            DatabaseError: When SQLite reports an error.
        """
        self.writer.run(self._job(upkeep.delete_thread, str(thread_id)))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread; see `delete_thread`."""
        await self.writer.arun(self._job(upkeep.delete_thread, str(thread_id)))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that some runs made, with their writes.

        As LangGraph says of every saver: a delta channel that a later checkpoint replays from them is lost.

        Raises:
            DatabaseError: When SQLite reports an error.
        """
        self.writer.run(self._job(upkeep.delete_for_runs, list(map(str, run_ids)), self._builder))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that some runs made; see `delete_for_runs`."""
        await self.writer.arun(self._job(upkeep.delete_for_runs, list(map(str, run_ids)), self._builder))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread with all its checkpoints and writes; does nothing when there is none.

        Raises:
            DatabaseError: When the target exists already, or SQLite reports an error.
        """
        self.writer.run(
            self._job(upkeep.copy_thread, str(source_thread_id), str(target_thread_id), self._builder)
        )

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread; see `copy_thread`."""
        await self.writer.arun(
            self._job(upkeep.copy_thread, str(source_thread_id), str(target_thread_id), self._builder)
        )

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Prune threads, keeping what delta channels are replayed from.

        Args:
            thread_ids: The threads.
            strategy: `keep_latest` keeps the newest checkpoint of each namespace, `keep_turns` as many
                turns as this saver was opened with, `delete` nothing.

        Raises:
            ValueError: When there is no such strategy.
            DatabaseError: When a thread is damaged, or SQLite reports an error.
        """
        how = checked_strategy(strategy)
        self.writer.run(
            self._job(upkeep.prune, list(map(str, thread_ids)), how, self.keep_turns, self._builder)
        )

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Prune threads; see `prune`."""
        how = checked_strategy(strategy)
        await self.writer.arun(
            self._job(upkeep.prune, list(map(str, thread_ids)), how, self.keep_turns, self._builder)
        )

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give what delta channels are rebuilt from: their writes since the value stored last."""
        return self._reads.run(partial(self._shelf.history, config, channels))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give what delta channels are rebuilt from; see `get_delta_channel_history`."""
        return await self._reads.arun(partial(self._shelf.history, config, channels))

    def thread_spans(self, limit: int | None = None) -> Sequence[ThreadSpan]:
        """List the threads, the most recently written first.

        Args:
            limit: How many at most; None for all.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        return self._reads.run(partial(self._shelf.spans, limit))

    def size(self) -> StoreSize:
        """Count what the file holds.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        return self._reads.run(self._shelf.size)

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

    def _job(self, work: Callable[..., None], *arguments: object) -> Job[None]:
        def apply(ledger: Ledger) -> None:
            try:
                work(*arguments, ledger)
            except UnreadableHeadError as error:
                raise damaged(str(error), self.place) from error

        return Call(apply)
