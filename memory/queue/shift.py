"""One thread of a worker, from its start to its end."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from memory.protocol import MemoryStoreError
from memory.queue.attempt import LOG, Attempts, Stop
from memory.queue.threads import start_loop

if TYPE_CHECKING:
    from memory.queue.protocol import Jobs
    from memory.queue.work import Handler, Pace


class Shift:
    """Takes jobs until it is told to stop.

    Attributes:
        thread: Where it works.
    """

    def __init__(self, jobs: Jobs, handle: Handler, pace: Pace) -> None:
        self._jobs = jobs
        self._handle = handle
        self._pace = pace
        self._stop = Stop()
        self._attempts = Attempts(jobs, handle, pace, self._stop)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._has_more = True
        self._said = ""
        self._settled_at = 0.0
        self._is_idle = self._is_notified = False
        self.thread = start_loop(self._main, "duograph-worker")

    def wake(self) -> None:
        """Look at the queue, a moment from now."""
        now = time.monotonic()
        if now >= self._settled_at:  # else those who come one after another would put it off for ever
            self._settled_at = now + self._pace.settle_s
        self._has_more = self._is_notified = True
        if self._is_idle:  # else it looks when the job at hand is done, and a turn need not compete with it
            self._signal()

    def stop(self, drain_s: float) -> None:
        """End after so many seconds at the latest, or when nothing is due."""
        self._stop.until = time.monotonic() + drain_s
        self._signal()

    def _signal(self) -> None:
        loop = self._loop
        if loop is None:
            return  # it looks by itself before it first waits
        try:
            loop.call_soon_threadsafe(self._stop.awake.set)
        except RuntimeError:  # it has just ended
            return

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            while not self._stop.is_late and (self._stop.until is None or self._has_more):
                self._stop.awake.clear()
                self._has_more = self._is_notified = False
                try:
                    await self._step()
                except MemoryStoreError as error:
                    await self._trouble(str(error))
                except Exception as error:  # noqa: BLE001 - the host must not see it, and we go on
                    await self._trouble(f"The worker met an unexpected {type(error).__name__}.")
        finally:
            await asyncio.wait({self._attempts.begin(self._handle.aclose())}, timeout=self._pace.grace_s)

    async def _step(self) -> None:
        """Do one job, or wait until there is one."""
        if (unsettled_s := self._settled_at - time.monotonic()) > 0 and self._stop.until is None:
            self._has_more = True
            await self._wait(unsettled_s)
            return
        due = await self._jobs.next_due_s()
        if due != 0:
            await self._wait(min(self._pace.poll_s, due or self._pace.poll_s))
            return
        lease = await self._jobs.claim(self._pace.lease_s)
        if lease is not None:
            self._has_more = True
            await self._attempts.make(lease)

    async def _trouble(self, said: str) -> None:
        """Say once what is wrong with the queue, and look again later."""
        LOG.log(logging.INFO if said == self._said else logging.WARNING, "%s", said)
        self._said = said
        await self._wait(self._pace.poll_s)

    async def _wait(self, seconds: float) -> None:
        self._is_idle = True
        if self._stop.until is None and not self._is_notified:
            await asyncio.wait({self._attempts.begin(self._stop.awake.wait())}, timeout=seconds)
            self._stop.awake.set()  # so that the one that waits ends too
        self._is_idle = False
