"""One turn at a time per thread: a lock for sync and async callers alike, and for processes on one file."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from checkpoints.offload import finish
from checkpoints.process_locks import Hold, file_locks
from checkpoints.protocol import ThreadBusyError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from checkpoints.process_locks import ProcessLocks


class Ticket(Future[None]):
    """A place in a queue; its result comes when it is at the head."""

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        """Note the event loop that waits, or None for an OS thread."""
        super().__init__()
        self._loop = loop

    @property
    def abandoned(self) -> bool:
        """Whether nobody can wait any more, since the loop was closed around its tasks."""
        return self._loop is not None and self._loop.is_closed()


# A lock guards a thread of a file, and the file is one for the whole process, whoever opens it and how often.
_BY_PLACE: WeakValueDictionary[str, ThreadLocks] = WeakValueDictionary()
_BY_PLACE_GUARD = threading.Lock()


def locks_for(place: str, among: Callable[[str], ProcessLocks | None] = file_locks) -> ThreadLocks:
    """The locks of a database, the same ones for everybody who holds on to them.

    Args:
        place: The database, always by the same name.
        among: Makes what keeps processes apart there.
    """
    with _BY_PLACE_GUARD:
        if (known := _BY_PLACE.get(place)) is None:
            known = _BY_PLACE[place] = ThreadLocks(among(place))
        return known


class ThreadLocks:
    """Locks by thread id, within this process and, where told how, among all on one database.

    The head of a thread's queue holds its lock, or waits for another process that does. Waiters may sit in
    any OS thread and any event loop at the same time; within a process they are served in the order they
    came. Not re-entrant: a holder that asks again waits for itself.
    """

    def __init__(self, processes: ProcessLocks | None = None) -> None:
        """Start with no thread locked.

        Args:
            processes: What keeps this process and others apart; None for a database that no other can open.
        """
        self._processes = processes
        # Re-entrant, as the garbage collector may close an abandoned `ahold` while we are in here.
        self._guard = threading.RLock()
        self._queues: dict[str, deque[Ticket]] = {}
        self._process = os.getpid()

    @property
    def processes(self) -> ProcessLocks | None:
        """What keeps this process and others apart."""
        return self._processes

    @property
    def held(self) -> int:
        """How many threads are held now."""
        return len(self._queues)

    def waiting(self, thread_id: str) -> int:
        """Count the turns that wait for this thread behind its holder."""
        with self._guard:
            return max(0, len(self._queues.get(thread_id, ())) - 1)

    @contextmanager
    def hold(self, thread_id: str, *, timeout_s: float | None = None) -> Iterator[None]:
        """Hold the thread for the block; blocks the calling OS thread until its turn comes.

        Args:
            thread_id: The thread to hold.
            timeout_s: Seconds to wait at most; None waits without end.

        Raises:
            ThreadBusyError: When the time was up first.
        """
        ticket, until = Ticket(), _until(timeout_s)
        try:
            self._enqueue(thread_id, ticket)
            try:
                ticket.result(timeout_s)
            except TimeoutError:
                raise _busy(thread_id, timeout_s) from None
            held = Hold(self._processes, thread_id)
            try:
                pause = held.first_try(until)
                while pause is not None:
                    time.sleep(pause)
                    pause = held.next_try(until)
                if not held.is_held:
                    raise _busy(thread_id, timeout_s)
                yield
            finally:
                held.leave()
        finally:
            self._leave(thread_id, ticket)

    @asynccontextmanager
    async def ahold(self, thread_id: str, *, timeout_s: float | None = None) -> AsyncIterator[None]:
        """Hold the thread for the block; the event loop goes on meanwhile.

        Args:
            thread_id: The thread to hold.
            timeout_s: Seconds to wait at most; None waits without end.

        Raises:
            ThreadBusyError: When the time was up first.
        """
        loop = asyncio.get_running_loop()
        ticket, until = Ticket(loop), _until(timeout_s)
        try:
            self._enqueue(thread_id, ticket)
            try:
                # Shielded, since a cancelled ticket could not be granted; `_leave` takes it out instead.
                async with asyncio.timeout(None if ticket.done() else timeout_s):
                    await asyncio.shield(asyncio.wrap_future(ticket))
            except TimeoutError:
                raise _busy(thread_id, timeout_s) from None
            held = Hold(self._processes, thread_id)
            try:
                if self._processes is not None:
                    # In a thread, since it may open a file or ask a server; a cancellation waits for it.
                    pause = await finish(loop.run_in_executor(None, held.first_try, until))
                    while pause is not None:
                        await asyncio.sleep(pause)
                        pause = await finish(loop.run_in_executor(None, held.next_try, until))
                if not held.is_held:
                    raise _busy(thread_id, timeout_s)
                yield
            finally:
                held.leave()
        finally:
            self._leave(thread_id, ticket)

    def _enqueue(self, thread_id: str, ticket: Ticket) -> None:
        if self._process != os.getpid():
            # The turns of the process that we were forked from are not ours.
            self._process, self._guard, self._queues = os.getpid(), threading.RLock(), {}
        with self._guard:
            queue = self._queues.setdefault(thread_id, deque())
            queue.append(ticket)
            self._queues[thread_id] = queue  # a holder collected between these lines would have removed it
            self._admit(thread_id, queue)

    def _leave(self, thread_id: str, ticket: Ticket) -> None:
        """Take the ticket out, held or still waiting, and let the next one in."""
        with self._guard:
            queue = self._queues.get(thread_id)
            if queue is None or ticket not in queue:
                return
            queue.remove(ticket)
            self._admit(thread_id, queue)

    def _admit(self, thread_id: str, queue: deque[Ticket]) -> None:
        while queue and not queue[0].done() and queue[0].abandoned:
            queue.popleft()
        if not queue:
            del self._queues[thread_id]
        elif not queue[0].done():
            queue[0].set_result(None)


def _until(timeout_s: float | None) -> float | None:
    return None if timeout_s is None else time.monotonic() + timeout_s


def _busy(thread_id: str, timeout_s: float | None) -> ThreadBusyError:
    busy = "busy with another turn"
    was = f"was {busy} for more than {timeout_s:g} s" if timeout_s else f"is {busy}"
    return ThreadBusyError(
        f"The thread {thread_id!r} {was}: let that turn end (`--wait SECONDS` waits for it, as does the "
        "setting thread_wait_s), or use another thread."
    )
