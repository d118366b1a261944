"""The checkpointer on a server: every method sync and async, from any thread and any event loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from checkpoints.face import SessionSaver, checked_strategy
from checkpoints.faults import read_only
from checkpoints.ids import checked_copy, checked_ids, place_in
from checkpoints.postgres import upkeep
from checkpoints.postgres.address import place_of
from checkpoints.postgres.locks import PostgresLocks
from checkpoints.postgres.reading import Reader, checkpoint, keys, size, spans
from checkpoints.postgres.writing import Put, PutWrites

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
    from langgraph.checkpoint.serde.base import SerializerProtocol

    from checkpoints.locks import ThreadLocks
    from checkpoints.postgres.database import Connection, Database
    from checkpoints.protocol import StoreSize, ThreadSpan


class PostgresSessionSaver(SessionSaver):
    """A LangGraph checkpointer on a PostgreSQL server, in the tables of LangGraph's own.

    Shallow copies, as LangGraph makes them to allow more types, share the connections.
    """

    def __init__(
        self,
        database: Database,
        locks: ThreadLocks,
        *,
        serde: SerializerProtocol,
        keep: int | None,
        is_read_only: bool = False,
    ) -> None:
        """Work through `database`; `close` closes it.

        Args:
            database: Its tables are there.
            locks: Those of this process on the server.
            serde: Encodes values.
            keep: How many turns stay open to time travel; None for all.
            is_read_only: Whether to refuse every write.

        Raises:
            TypeError: When the locks are not a server's.
        """
        if not isinstance(locks.processes, PostgresLocks):
            raise TypeError("The locks are none of a PostgreSQL server: take those of locks_for.")
        super().__init__(serde=serde)
        self.place = place_of(database.target)
        self.keep_turns = keep
        self.locks = locks
        self._is_read_only = is_read_only
        self._database = database
        self._turns = locks.processes
        self._turns.open()
        self._open = [True]

    def close(self) -> None:
        """Let the work under way end and close the connections; a second call does nothing."""
        if self._open:
            self._open.clear()
            self._database.close()
            self._turns.close()

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give one checkpoint, the newest of its thread when none is named.

        Raises:
            DamagedCheckpointError: When what is stored cannot be decoded.
            DatabaseError: When the server cannot be reached or refuses.
        """
        return self._database.run(self._finding(config))

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give one checkpoint; see `get_tuple`."""
        return await self._database.arun(self._finding(config))

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
            DatabaseError: When the server cannot be reached or refuses.
        """
        for key in self._database.run(keys(config, filter, before, limit)):
            if found := self._database.run(self._finding(key)):
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
        for key in await self._database.arun(keys(config, filter, before, limit)):
            if found := await self._database.arun(self._finding(key)):
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
            DatabaseError: When the server cannot be reached or refuses, or when this process held the thread
                and lost it; nothing of it is stored then.
        """
        put = Put(config, checkpoint, metadata, new_versions)
        self._database.run(self._putting(put))
        return put.stored

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint; see `put`. It ends before a cancellation goes on."""
        put = Put(config, checkpoint, metadata, new_versions)
        await self._database.arun(self._putting(put))
        return put.stored

    def put_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote; it is committed when this returns.

        Raises:
            DatabaseError: As for `put`.
        """
        self._database.run(self._putting_writes(config, writes, task_id, task_path))

    async def aput_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str = ""
    ) -> None:
        """Store what a task wrote; see `put_writes`. It ends before a cancellation goes on."""
        await self._database.arun(self._putting_writes(config, writes, task_id, task_path))

    def delete_thread(self, thread_id: str) -> None:
        """Delete a thread with all that it holds.

        Raises:
            DatabaseError: When the server cannot be reached or refuses.
        """
        self._database.run(self._change(upkeep.delete_threads, [str(thread_id)]))

    async def adelete_thread(self, thread_id: str) -> None:
        """Delete a thread; see `delete_thread`."""
        await self._database.arun(self._change(upkeep.delete_threads, [str(thread_id)]))

    def delete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that some runs made, with their writes.

        As LangGraph says of every saver: a delta channel that a later checkpoint replays from them is lost.

        Raises:
            TypeError: When `run_ids` is a single text.
            DatabaseError: When the server cannot be reached or refuses.
        """
        self._database.run(self._change(upkeep.delete_for_runs, checked_ids("run_ids", run_ids)))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that some runs made; see `delete_for_runs`."""
        await self._database.arun(self._change(upkeep.delete_for_runs, checked_ids("run_ids", run_ids)))

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread with all its checkpoints and writes; does nothing when there is none.

        Raises:
            ThreadIdError: When the target's id is empty.
            DatabaseError: When the target exists already, or the server cannot be reached or refuses.
        """
        change = self._change(upkeep.copy_thread, str(source_thread_id), checked_copy(target_thread_id))
        self._database.run(change)

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread; see `copy_thread`."""
        change = self._change(upkeep.copy_thread, str(source_thread_id), checked_copy(target_thread_id))
        await self._database.arun(change)

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Prune threads, keeping what delta channels are replayed from.

        Args:
            thread_ids: The threads.
            strategy: `keep_latest` keeps the newest checkpoint of each namespace, `keep_turns` as many
                turns as this saver was opened with, `delete` nothing.

        Raises:
            TypeError: When `thread_ids` is a single text.
            ValueError: When there is no such strategy.
            DatabaseError: When the server cannot be reached or refuses.
        """
        self._database.run(self._pruning(thread_ids, strategy))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Prune threads; see `prune`."""
        await self._database.arun(self._pruning(thread_ids, strategy))

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give what delta channels are rebuilt from: their writes since the value stored last."""
        return self._database.run(partial(self._history, config, channels))

    async def aget_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give what delta channels are rebuilt from; see `get_delta_channel_history`."""
        return await self._database.arun(partial(self._history, config, channels))

    def thread_spans(self, limit: int | None = None) -> Sequence[ThreadSpan]:
        """List the threads, the most recently written first.

        Args:
            limit: How many at most; None for all.

        Raises:
            DatabaseError: When the server cannot be reached or refuses.
        """
        return self._database.run(partial(spans, limit))

    def size(self) -> StoreSize:
        """Count what the database holds of sessions.

        Raises:
            DatabaseError: When the server cannot be reached or refuses.
        """
        return self._database.run(size)

    def _finding(self, config: RunnableConfig) -> Callable[[Connection], CheckpointTuple | None]:
        return partial(checkpoint, config, self.serde, self._database.target)

    def _history(
        self, config: RunnableConfig, channels: Sequence[str], conn: Connection
    ) -> Mapping[str, DeltaChannelHistory]:
        return Reader(conn, serde=self.serde).get_delta_channel_history(config=config, channels=channels)

    def _putting(self, put: Put) -> Callable[[Connection], None]:
        self._check_writable()
        fence = self._turns.fence(str(place_in(put.config)["thread_id"]))
        serde, keep, target = self.serde, self.keep_turns, self._database.target
        return lambda conn: put.apply(conn, serde, fence, keep, target)

    def _putting_writes(
        self, config: RunnableConfig, writes: Sequence[tuple[str, Any]], task_id: str, task_path: str
    ) -> Callable[[Connection], None]:
        self._check_writable()
        fence = self._turns.fence(str(place_in(config)["thread_id"]))
        put, serde = PutWrites(config, writes, task_id, task_path), self.serde
        return lambda conn: put.apply(conn, serde, fence, self._database.target)

    def _pruning(self, thread_ids: Sequence[str], strategy: str) -> Callable[[Connection], None]:
        names, how = checked_ids("thread_ids", thread_ids), checked_strategy(strategy)
        return self._change(upkeep.prune, names, how, self.keep_turns)

    def _change(self, work: Callable[..., None], *arguments: object) -> Callable[[Connection], None]:
        """Work in a transaction of its own."""
        self._check_writable()

        def apply(conn: Connection) -> None:
            with conn.transaction():
                work(conn, *arguments)

        return apply

    def _check_writable(self) -> None:
        if self._is_read_only:
            raise read_only(self.place)
