"""One thread of a worker, from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from memory.protocol import MemoryStoreError
from memory.queue.protocol import MAX_ATTEMPTS
from memory.queue.threads import start_loop
from memory.queue.work import JobError, LeaseLostError

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from memory.queue.protocol import Jobs, Lease
    from memory.queue.work import Handler, Pace

_LOG = logging.getLogger("duograph.worker")


class Shift:
    """Takes jobs until it is told to stop.

    Attributes:
        thread: Where it works.
    """

    def __init__(self, jobs: Jobs, handle: Handler, pace: Pace) -> None:
        self._jobs = jobs
        self._handle = handle
        self._pace = pace
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awake = asyncio.Event()
        self._has_more = True
        self._until: float | None = None
        self._tasks: set[asyncio.Task[object]] = set()
        self.thread = start_loop(self._main, "duograph-worker")

    def wake(self) -> None:
        """Look at the queue now."""
        self._has_more = True
        self._signal()

    def stop(self, drain_s: float) -> None:
        """End after so many seconds at the latest, or when nothing is due."""
        self._until = time.monotonic() + drain_s
        self._signal()

    @property
    def _is_late(self) -> bool:
        """Whether it was told to stop, and the time for that is over."""
        return self._until is not None and time.monotonic() >= self._until

    def _signal(self) -> None:
        loop = self._loop
        if loop is None:
            return  # it looks by itself before it first waits
        try:
            loop.call_soon_threadsafe(self._awake.set)
        except RuntimeError:  # it has just ended
            return

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            while not self._is_late and (self._until is None or self._has_more):
                self._awake.clear()
                self._has_more = False
                try:
                    await self._step()
                except MemoryStoreError as error:
                    _LOG.warning("%s", error)
                    await self._wait(self._pace.poll_s)
                except Exception as error:  # noqa: BLE001 - the host must not see it, and we go on
                    _LOG.warning("The worker met an unexpected %s.", type(error).__name__)
                    await self._wait(self._pace.poll_s)
        finally:
            await asyncio.wait({self._begin(self._handle.aclose(), "close")}, timeout=self._pace.grace_s)

    async def _step(self) -> None:
        """Do one job, or wait until there is one."""
        due = await self._jobs.next_due_s()
        if due != 0:
            await self._wait(min(self._pace.poll_s, due or self._pace.poll_s))
            return
        lease = await self._jobs.claim(self._pace.lease_s)
        if lease is not None:
            self._has_more = True
            await self._attempt(lease)

    async def _wait(self, seconds: float) -> None:
        if self._until is None:
            await asyncio.wait({self._begin(self._awake.wait(), "wait")}, timeout=seconds)
            self._awake.set()  # so that the one that waits ends too

    def _begin(self, work: Coroutine[None, None, object], name: str) -> asyncio.Task[object]:
        """Start something whose failure nobody else reports, and keep it from being collected."""
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # else asyncio would report it on the host's standard error

    async def _attempt(self, lease: Lease) -> None:
        """Do a job within its time, and note how that ended."""
        task = self._begin(self._handle(lease), f"job {lease.job.id}")
        is_ours = await self._watch(lease, task)
        is_closing = self._is_late
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=self._pace.grace_s)
        if not is_ours:
            return
        if is_closing and not (task.done() and not task.cancelled()):
            await self._jobs.release(lease)
            return
        await self._note(lease, task)

    async def _watch(self, lease: Lease, task: asyncio.Task[object]) -> bool:
        """Wait for a job, holding its lease; False when another worker has taken it over."""
        pace, now = self._pace, asyncio.get_running_loop().time
        end, extend_at = now() + pace.timeout_s, now() + pace.lease_s / 3
        while not task.done() and now() < end and not self._is_late:
            await self._look(task, min(end, extend_at) - now())
            if task.done() or now() < extend_at:
                continue
            extend_at = now() + pace.lease_s / 3
            try:
                if not await self._jobs.extend(lease, pace.lease_s):
                    return False
            except MemoryStoreError as error:
                _LOG.warning("%s", error)
        return True

    async def _look(self, task: asyncio.Task[object], seconds: float) -> None:
        """Wait until a job has ended, its time is over, or somebody wants this worker to stop."""
        if self._until is not None:
            left = self._until - time.monotonic()
            await asyncio.wait({task}, timeout=max(0.0, min(seconds, left)))
            return
        self._awake.clear()
        signal = self._begin(self._awake.wait(), "wait")
        await asyncio.wait({task, signal}, timeout=max(0.0, seconds), return_when=asyncio.FIRST_COMPLETED)
        signal.cancel()

    async def _note(self, lease: Lease, task: asyncio.Task[object]) -> None:
        """Write down how an attempt ended."""
        error = _error_of(task, self._pace.timeout_s)
        if error is None:
            await self._jobs.finish(lease)
        elif not isinstance(error, LeaseLostError):
            is_dead = error.is_final or lease.job.attempts >= MAX_ATTEMPTS
            again_in_s = None if is_dead else self._pace.again_in_s(lease.job.attempts)
            _LOG.warning("The job %s %s: %s", lease.job.id, "is dead" if is_dead else "failed", error)
            await self._jobs.fail(lease, str(error), again_in_s=again_in_s)


def _error_of(task: asyncio.Task[object], timeout_s: float) -> JobError | None:
    """Why an attempt failed, or None when it did not; foreign texts may hold secrets and are left out."""
    late = f"It took longer than {timeout_s:g} s"
    if not task.done():
        return JobError(f"{late} and heeded no cancellation.")
    if task.cancelled():
        return JobError(f"{late}.")
    error = task.exception()
    if error is None or isinstance(error, JobError):
        return error
    if isinstance(error, MemoryStoreError):
        return JobError(str(error))
    return JobError(f"It met an unexpected {type(error).__name__}.")
