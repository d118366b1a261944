"""The machine's clock jumps under workers that work: nothing is lost, and nobody waits for hours."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from memory.queue.protocol import Lease
from memory.queue.sql import SqlJobs
from memory.queue.work import JobError, Pace
from memory.queue.worker import Worker

HOUR_S = 3600.0
PATIENCE_S = 30.0
KEYS = tuple("abcd")
PACE = Pace(
    timeout_s=20, lease_s=0.6, poll_s=0.02, settle_s=0, backoff_s=0.02, longest_backoff_s=0.05, grace_s=0.2
)


class Machine:
    """Time as the processes of one machine see it, until somebody sets its clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.shift_s = 0.0
        true = time.time
        monkeypatch.setattr(time, "time", lambda: true() + self.shift_s)


class Work:
    """Keeps what a job gives, as memory does: under its own key; the clock jumps in the middle of each."""

    def __init__(self, machine: Machine, jump_s: float, *, fails_first: bool) -> None:
        self._machine = machine
        self._jump_s = jump_s
        self._fails_first = fails_first
        self._lock = threading.Lock()
        self.begun = Counter[str]()

    async def __call__(self, lease: Lease) -> None:
        with self._lock:
            self.begun[lease.job.key] += 1
            is_first = self.begun[lease.job.key] == 1
            if is_first:
                self._machine.shift_s += self._jump_s
        if is_first and self._fails_first:
            raise JobError("It failed.")
        await asyncio.sleep(0.01)

    async def aclose(self) -> None:
        return


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(monkeypatch)


@pytest.fixture
def queues(machine: Machine, path: Path) -> Iterator[list[SqlJobs]]:
    assert machine.shift_s == 0
    made = [SqlJobs(path, clock=time.time) for _ in range(2)]
    yield made
    for one in made:
        asyncio.run(one.aclose())


@pytest.mark.parametrize("fails_first", [0, 1], ids=["works", "fails first"])
@pytest.mark.parametrize("jump_s", [-HOUR_S, HOUR_S], ids=["back", "ahead"])
def test_two_workers_do_all_jobs_soon_whatever_the_clock_does(
    jump_s: float, fails_first: int, machine: Machine, queues: list[SqlJobs]
) -> None:
    first, _ = queues
    for key in KEYS:
        assert asyncio.run(first.enqueue("enrich", "ada", key, {}))
    work = Work(machine, jump_s, fails_first=bool(fails_first))
    workers = [Worker(jobs, work, pace=PACE) for jobs in queues]
    for worker in workers:
        worker.start()
    end = time.monotonic() + PATIENCE_S
    while (counts := asyncio.run(first.counts())) != {"done": len(KEYS)}:
        assert time.monotonic() < end, counts
        time.sleep(0.01)
    assert all(worker.close(0) for worker in workers)
    done = asyncio.run(first.list())
    assert sorted(job.key for job in done) == list(KEYS)
    assert not any(job.error for job in done)
    # Whoever meets a lease of an impossible time takes the job over; more often than jumps, nobody does.
    assert sum(work.begun.values()) <= len(KEYS) * (3 if fails_first else 2)
