"""One attempt at a job: within its time, holding its lease, and with a note of how it ended."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from memory.protocol import MemorySettingsError, MemoryStoreError, MemoryUnavailableError
from memory.queue.protocol import MAX_ATTEMPTS
from memory.queue.work import JobError, LeaseLostError, Pace

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from memory.queue.protocol import Jobs, Lease
    from memory.queue.work import Handler

LOG = logging.getLogger("duograph.worker")


class Stop:
    """Tells those who work on one event loop that they shall end, and by when.

    Attributes:
        awake: Set when there is something to look at.
        until: Of `time.monotonic`, when all must have ended; None while nobody wants that.
    """

    def __init__(self) -> None:
        self.awake = asyncio.Event()
        self.until: float | None = None

    @property
    def is_late(self) -> bool:
        """Whether all must have ended by now."""
        return self.until is not None and time.monotonic() >= self.until


class Attempts:
    """Makes attempts, and holds what was left behind, so that nobody reports it."""

    def __init__(self, jobs: Jobs, handle: Handler, pace: Pace, stop: Stop) -> None:
        self._jobs = jobs
        self._handle = handle
        self._pace = pace
        self._stop = stop
        self._tasks: set[asyncio.Task[Any]] = set()

    async def make(self, lease: Lease) -> None:
        """Do a job within its time, and note how that ended.

        Raises:
            MemoryStoreError: When that cannot be noted; the lease runs out then.
        """
        task = self.begin(self._handle(lease))
        is_ours = await self._watch(lease, task)
        is_closing = self._stop.is_late
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=self._pace.grace_s)
        if not is_ours:
            return
        if is_closing and not (task.done() and not task.cancelled()):
            await self._jobs.release(lease)
            return
        await self._note(lease, task)

    def begin(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Start something whose failure nobody else reports, and keep it from being collected."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # else asyncio would report it on the host's standard error

    async def _watch(self, lease: Lease, task: asyncio.Task[Any]) -> bool:
        """Wait for a job, holding its lease; False when another worker has taken it over."""
        pace, now = self._pace, asyncio.get_running_loop().time
        end, extend_at = now() + pace.timeout_s, now() + pace.lease_s / 3
        while not task.done() and now() < end and not self._stop.is_late:
            await self._look(task, min(end, extend_at) - now())
            if task.done() or now() < extend_at:
                continue
            extend_at = now() + pace.lease_s / 3
            try:
                if not await self._jobs.extend(lease, pace.lease_s):
                    return False
            except MemoryStoreError as error:
                LOG.info("%s", error)
        return True

    async def _look(self, task: asyncio.Task[Any], seconds: float) -> None:
        """Wait until a job has ended, its time is over, or somebody wants this worker to stop."""
        if self._stop.until is not None:
            left = self._stop.until - time.monotonic()
            await asyncio.wait({task}, timeout=max(0.0, min(seconds, left)))
            return
        self._stop.awake.clear()
        signal = self.begin(self._stop.awake.wait())
        await asyncio.wait({task, signal}, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        signal.cancel()

    async def _note(self, lease: Lease, task: asyncio.Task[Any]) -> None:
        """Write down how an attempt ended."""
        error = _error_of(task, self._pace.timeout_s)
        if error is None:
            await self._jobs.finish(lease, note=task.result() or "")
        elif isinstance(error, _AwayError):
            # What was told waits as long as it takes, and is not lost because a server was down for a minute.
            waited_s = (lease.job.due_at - lease.job.created_at).total_seconds() - self._pace.lease_s
            LOG.info("The job %s waits: %s", lease.job.id, error)
            await self._jobs.fail(
                lease, str(error), again_in_s=self._pace.waiting_again_in_s(waited_s), is_counted=False
            )
        elif not isinstance(error, LeaseLostError):
            is_dead = error.is_final or lease.job.attempts >= MAX_ATTEMPTS
            again_in_s = None if is_dead else self._pace.again_in_s(lease.job.attempts)
            # Where no logging is set up Python prints warnings, and of what is tried again nobody need hear.
            level = logging.WARNING if is_dead else logging.INFO
            LOG.log(level, "The job %s %s: %s", lease.job.id, "is dead" if is_dead else "failed", error)
            await self._jobs.fail(lease, str(error), again_in_s=again_in_s)


class _AwayError(JobError):
    """The memory did not answer, or is set wrongly; the job is as good as it was."""


async def work_off(jobs: Jobs, handle: Handler, job_id: str, *, pace: Pace | None = None) -> None:
    """Do one job on the running event loop, with `MAX_ATTEMPTS` attempts, until it is done or dead.

    While the memory cannot be used it stays in the queue after them.

    Args:
        jobs: The queue.
        handle: Does a job.
        job_id: Which one; it is left alone while somebody else holds it, or when it has ended.
        pace: How to wait.

    Raises:
        MemoryStoreError: When the queue cannot be read or written.
    """
    pace = pace or Pace()
    attempts = Attempts(jobs, handle, pace, Stop())
    made = 0
    while True:
        lease = await jobs.claim(pace.lease_s, job_id=job_id)
        if lease is not None:
            await attempts.make(lease)
            made += 1
        job = await jobs.get(job_id)
        if job is None or job.status not in ("pending", "failed") or made >= MAX_ATTEMPTS:
            return
        await asyncio.sleep(pace.again_in_s(max(1, job.attempts)))


def _error_of(task: asyncio.Task[Any], timeout_s: float) -> JobError | None:
    """Why an attempt failed, or None when it did not; foreign texts may hold secrets and are left out."""
    late = f"It took longer than {timeout_s:g} s"
    if not task.done():
        return JobError(f"{late} and heeded no cancellation.")
    if task.cancelled():
        return JobError(f"{late}.")
    error = task.exception()
    if error is None or isinstance(error, JobError):
        return error
    if isinstance(error, MemoryUnavailableError | MemorySettingsError):
        return _AwayError(str(error))
    if isinstance(error, MemoryStoreError):
        return JobError(str(error))
    return JobError(f"It met an unexpected {type(error).__name__}.")
