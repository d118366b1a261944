"""Jobs outlive a memory that does not answer, however long that takes."""

import asyncio
from pathlib import Path

import pytest

from memory.protocol import MemorySettingsError, MemoryStoreError, MemoryUnavailableError
from memory.queue import MAX_ATTEMPTS, Lease, Pace, SqlJobs
from memory.queue.attempt import work_off
from memory.queue.rows import job_id

QUICK = Pace(backoff_s=0.001, longest_backoff_s=0.001)


class Handle:
    """Writes to a memory that cannot be used for so many attempts."""

    def __init__(self, away: int, error: type[MemoryStoreError]) -> None:
        self.away = away
        self.error = error

    async def __call__(self, lease: Lease) -> None:
        assert lease.job.attempts == 1
        self.away -= 1
        if self.away >= 0:
            raise self.error("The server does not answer: start it.")

    async def aclose(self) -> None: ...


@pytest.mark.parametrize("error", [MemoryUnavailableError, MemorySettingsError])
async def test_a_job_that_waits_for_memory_uses_up_no_attempt(
    path: Path, error: type[MemoryStoreError]
) -> None:
    jobs, handle = SqlJobs(path), Handle(2 * MAX_ATTEMPTS, error)
    await jobs.enqueue("write", "ada", "told", {})
    told = job_id("write", "ada", "told")
    for _ in range(2):
        await work_off(jobs, handle, told, pace=QUICK)
        job = await jobs.get(told)
        assert job is not None
        assert (job.status, job.attempts) == ("failed", 0)
        assert "does not answer" in job.error
        await asyncio.sleep(0.002)
    await work_off(jobs, handle, told, pace=QUICK)
    assert await jobs.counts() == {"done": 1}
    await jobs.aclose()


def test_it_is_looked_for_seldom_when_it_has_been_away_long() -> None:
    pace = Pace()
    assert 1 <= pace.waiting_again_in_s(-5) <= 2
    assert 30 <= pace.waiting_again_in_s(60) <= 60
    assert 150 <= pace.waiting_again_in_s(86_400) <= 300
