"""What tests of a worker share: handlers, and looking at what became of jobs."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

from memory.queue.protocol import Job, Lease
from memory.queue.sql import SqlJobs
from memory.queue.work import Pace
from memory.queue.worker import Worker

PATIENCE_S = 30.0
QUICK = Pace(timeout_s=20, lease_s=2, poll_s=0.05, backoff_s=0.01, longest_backoff_s=0.05, grace_s=0.2)


class Handle:
    """Does a job as a test says, and notes what happened."""

    def __init__(self, do: Callable[[Lease], Awaitable[None]] | None = None) -> None:
        self.do = do
        self.begun: list[str] = []
        self.is_closed = False

    async def __call__(self, lease: Lease) -> None:
        self.begun.append(lease.job.key)
        if self.do is not None:
            await self.do(lease)

    async def aclose(self) -> None:
        self.is_closed = True


def wait_for(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def add(jobs: SqlJobs, *keys: str) -> None:
    for key in keys:
        assert asyncio.run(jobs.enqueue("enrich", "ada", key, {}))


def only(jobs: SqlJobs) -> Job:
    (job,) = asyncio.run(jobs.list())
    return job


def statuses(jobs: SqlJobs) -> dict[str, str]:
    return {job.key: job.status for job in asyncio.run(jobs.list())}


@contextmanager
def working(jobs: SqlJobs, handle: Handle, pace: Pace = QUICK) -> Iterator[Worker]:
    worker = Worker(jobs, handle, pace=pace)
    worker.start()
    try:
        yield worker
    finally:
        assert worker.close(0)
        assert handle.is_closed
