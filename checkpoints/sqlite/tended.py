"""A saver's threads deleted, copied and pruned, sync and async."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from checkpoints.face import SessionSaver, checked_strategy
from checkpoints.faults import damaged
from checkpoints.ids import checked_copy, checked_ids
from checkpoints.sqlite import upkeep
from checkpoints.sqlite.retention import UnreadableHeadError
from checkpoints.sqlite.writes import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from checkpoints.sqlite.build import Builder
    from checkpoints.sqlite.ledger import Ledger
    from checkpoints.sqlite.writes import Job, Writes


class TendedSaver(SessionSaver):
    """What `upkeep` does, queued with what the saver writes.

    Attributes:
        writer: Commits it.
    """

    writer: Writes

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
            TypeError: When `run_ids` is a single text.
            DatabaseError: When SQLite reports an error.
        """
        self.writer.run(self._job(upkeep.delete_for_runs, checked_ids("run_ids", run_ids), self._builder))

    async def adelete_for_runs(self, run_ids: Sequence[str]) -> None:
        """Delete the checkpoints that some runs made; see `delete_for_runs`."""
        await self.writer.arun(
            self._job(upkeep.delete_for_runs, checked_ids("run_ids", run_ids), self._builder)
        )

    def copy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread with all its checkpoints and writes; does nothing when there is none.

        Raises:
            ThreadIdError: When the target's id is empty.
            DatabaseError: When the target exists already, or SQLite reports an error.
        """
        self.writer.run(
            self._job(
                upkeep.copy_thread, str(source_thread_id), checked_copy(target_thread_id), self._builder
            )
        )

    async def acopy_thread(self, source_thread_id: str, target_thread_id: str) -> None:
        """Copy a thread; see `copy_thread`."""
        await self.writer.arun(
            self._job(
                upkeep.copy_thread, str(source_thread_id), checked_copy(target_thread_id), self._builder
            )
        )

    def prune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Prune threads, keeping what delta channels are replayed from.

        Args:
            thread_ids: The threads.
            strategy: `keep_latest` keeps the newest checkpoint of each namespace, `keep_turns` as many
                turns as this saver was opened with, `delete` nothing.

        Raises:
            TypeError: When `thread_ids` is a single text.
            ValueError: When there is no such strategy.
            DatabaseError: When a thread is damaged, or SQLite reports an error.
        """
        names, how = checked_ids("thread_ids", thread_ids), checked_strategy(strategy)
        self.writer.run(self._job(upkeep.prune, names, how, self.keep_turns, self._builder))

    async def aprune(self, thread_ids: Sequence[str], *, strategy: str = "keep_latest") -> None:
        """Prune threads; see `prune`."""
        names, how = checked_ids("thread_ids", thread_ids), checked_strategy(strategy)
        await self.writer.arun(self._job(upkeep.prune, names, how, self.keep_turns, self._builder))

    @property
    @abstractmethod
    def _builder(self) -> Builder:
        """Builds and reads what is stored, with the saver's serialiser."""

    def _job(self, work: Callable[..., None], *arguments: object) -> Job[None]:
        def apply(ledger: Ledger) -> None:
            try:
                work(*arguments, ledger)
            except UnreadableHeadError as error:
                raise damaged(str(error), self.place) from error

        return Call(apply)
