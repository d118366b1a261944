"""The worker: takes jobs off the queue, one at a time, and never troubles its host."""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import threading
import weakref
from typing import TYPE_CHECKING, Final

from memory.queue.shift import Shift
from memory.queue.work import Pace

if TYPE_CHECKING:
    from memory.queue.protocol import Jobs
    from memory.queue.work import Handler

_JOIN_S: Final = 3.0
_AT_EXIT_S: Final = (1.0, 2.0)
"""What is due has so long when the program ends without a `close`, and the thread in all."""


class Worker:
    """Does jobs in a thread of its own, with an event loop of its own.

    Nothing that goes wrong in it is raised in the host: it is logged, and kept in the job. It may be left
    open: at the end of the program, of an event loop or of the process the job it holds stays in the queue.
    After a fork the child starts anew when it is next notified.
    """

    def __init__(self, jobs: Jobs, handle: Handler, *, pace: Pace = Pace()) -> None:  # noqa: B008 - it is frozen
        """Note what to do; no thread is started before `start` or `notify`.

        Args:
            jobs: The queue.
            handle: Does a job.
            pace: How it waits.
        """
        self._jobs = jobs
        self._handle = handle
        self._pace = pace
        self._process = os.getpid()
        self._shift: Shift | None = None
        self._starting = threading.Lock()
        self._is_closed = False
        self._at_exit = functools.partial(_close_at_exit, weakref.ref(self))

    @property
    def is_running(self) -> bool:
        """Whether its thread lives in this process."""
        return self._process == os.getpid() and self._shift is not None and self._shift.thread.is_alive()

    def start(self) -> None:
        """Start working, if it does not yet; does nothing after `close`."""
        if self._process != os.getpid():  # the thread, and perhaps who held the lock, stayed behind
            self._process, self._shift, self._starting = os.getpid(), None, threading.Lock()
        with self._starting:
            if self._is_closed or self.is_running:
                return
            shift = self._shift = Shift(self._jobs, self._handle, self._pace)
            atexit.unregister(self._at_exit)
            atexit.register(self._at_exit)
            # Whoever forgets to close it does not leave a thread that looks at the database for ever.
            weakref.finalize(self, shift.stop, 0.0).atexit = False

    def notify(self) -> None:
        """Look at the queue now; starts working if need be."""
        self.start()
        if self._shift is not None:
            self._shift.wake()

    def close(self, drain_s: float = 5.0) -> bool:
        """Stop: the job at hand, and those that are due, have `drain_s` seconds to get done.

        What is not done by then goes back into the queue unharmed.

        Returns:
            Whether the thread has ended; one whose work heeds nothing is left behind, as a daemon.
        """
        atexit.unregister(self._at_exit)
        return self._end(drain_s, drain_s + 2 * self._pace.grace_s + _JOIN_S)

    async def aclose(self, drain_s: float = 5.0) -> bool:
        """Stop; see `close`."""
        return await asyncio.to_thread(self.close, drain_s)

    def _end(self, drain_s: float, patience_s: float) -> bool:
        self._is_closed = True
        if self._process != os.getpid():
            return True
        with self._starting:
            shift = self._shift
        if shift is None:
            return True
        shift.stop(drain_s)
        shift.thread.join(patience_s)
        return not shift.thread.is_alive()


def _close_at_exit(reference: weakref.ref[Worker]) -> None:
    worker = reference()
    if worker is not None and worker.is_running:
        worker._end(*_AT_EXIT_S)  # noqa: SLF001
