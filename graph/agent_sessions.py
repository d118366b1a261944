"""An agent's sessions: read as any store's, and deleted with or without what was learned from them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from checkpoints import Sessions, ThreadBusyError
from memory import MemoryStoreError
from memory.records import Selection

if TYPE_CHECKING:
    from checkpoints import SessionSaver
    from memory import Memory
    from memory.queue.protocol import Jobs
    from providers.direct.loop_thread import LoopThread

_PAGE: Final = 1000
_MOST_JOBS: Final = 100_000


@dataclass(frozen=True, slots=True)
class DeletedSession:
    """What became of what was learned from a session that is deleted.

    Attributes:
        thread_id: The session.
        forgotten: How many records of memory were forgotten with it.
        remembered: How many are still there; None where memory did not say.
        problem: Why it did not; else empty.
    """

    thread_id: str
    forgotten: int = 0
    remembered: int | None = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class LearnedFrom:
    """Where to look for what was learned from sessions.

    Attributes:
        memory: None where nothing is remembered.
        jobs: The queue, in which more of it may wait.
        user: Whose memory.
    """

    memory: Memory | None
    jobs: Jobs | None
    user: str


async def delete_session(
    saver: SessionSaver, thread_id: str, learned: LearnedFrom, *, with_memory: bool = False
) -> DeletedSession:
    """Delete a session, and what was learned from it if that is wanted.

    Args:
        saver: Where it is.
        thread_id: Its whole id.
        learned: Where to look.
        with_memory: Whether to forget what was learned from it, and drop jobs that would learn more.

    Raises:
        ThreadBusyError: When a turn is running in it; nothing is deleted then.
        MemoryStoreError: When it cannot be forgotten; the session is left then.
        DatabaseError: When the session cannot be deleted.
    """
    try:
        async with saver.locks.ahold(thread_id, timeout_s=0):
            done = await (_forgotten if with_memory else _counted)(thread_id, learned)
            await saver.adelete_thread(thread_id)
    except ThreadBusyError:
        raise ThreadBusyError(
            f"A turn is running in session {thread_id}, so it was not deleted: wait for its end, or stop it."
        ) from None
    return done


async def _forgotten(thread_id: str, learned: LearnedFrom) -> DeletedSession:
    if learned.jobs is not None:
        waiting = await learned.jobs.list(statuses=("pending", "failed", "dead"), limit=_MOST_JOBS)
        for job in waiting:
            if job.namespace == learned.user and job.payload.get("session") == thread_id:
                await learned.jobs.drop(job.id)
    if learned.memory is None:
        return DeletedSession(thread_id)
    return DeletedSession(
        thread_id, forgotten=await learned.memory.forget(learned.user, Selection(session=thread_id))
    )


async def _counted(thread_id: str, learned: LearnedFrom) -> DeletedSession:
    """Count; that it cannot be counted keeps nobody from deleting."""
    if learned.memory is None:
        return DeletedSession(thread_id)
    count, after = 0, ""
    try:
        while page := await learned.memory.list(
            learned.user, Selection(session=thread_id), limit=_PAGE, after=after
        ):
            count, after = count + len(page), page[-1].id
    except MemoryStoreError as error:
        return DeletedSession(thread_id, remembered=None, problem=str(error))
    return DeletedSession(thread_id, remembered=count)


class AgentSessions(Sessions):
    """The sessions of an agent."""

    def __init__(self, saver: SessionSaver, learned: LearnedFrom, thread: LoopThread) -> None:
        """Read from `saver`, which must stay open.

        Args:
            saver: Where the sessions are.
            learned: Where what was learned from them is.
            thread: Runs the sync calls.
        """
        super().__init__(saver)
        self._kept = saver
        self._learned = learned
        self._thread = thread

    async def adelete(
        self, thread_id: str, *, with_memory: bool = False, user: str | None = None
    ) -> DeletedSession:
        """Delete a session; see `delete`."""
        user = self._learned.user if user is None else user
        learned = LearnedFrom(self._learned.memory, self._learned.jobs, user)
        return await delete_session(self._kept, thread_id, learned, with_memory=with_memory)

    def delete(self, thread_id: str, *, with_memory: bool = False, user: str | None = None) -> DeletedSession:
        """Delete a session for good; say what memory still holds of it, or forget that too.

        Args:
            thread_id: Its whole id; one that is not there is as good as deleted.
            with_memory: Whether to forget what was learned from it. What another session told as well is
                one record, and forgotten as well.
            user: Whose memory; the configured one when left out.

        Raises:
            ThreadBusyError: When a turn is running in it; nothing is deleted then.
            MemoryStoreError: When it cannot be forgotten; the session is left then.
            DatabaseError: When the session cannot be deleted.
        """
        return self._thread.run(self.adelete(thread_id, with_memory=with_memory, user=user))
