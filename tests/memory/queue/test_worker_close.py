"""How a worker ends: it is closed, in time or not, or nobody holds it any more."""

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from memory.queue.protocol import Lease
from memory.queue.sql import SqlJobs
from memory.queue.work import Pace
from memory.queue.worker import Worker
from tests.memory.queue.handling import PATIENCE_S, QUICK, Handle, add, only, statuses, wait_for


@pytest.fixture
def jobs(path: Path) -> Iterator[SqlJobs]:
    queue = SqlJobs(path)
    yield queue
    asyncio.run(queue.aclose())


def test_close_waits_for_the_job_at_hand(jobs: SqlJobs) -> None:
    begun, go = threading.Event(), threading.Event()

    async def work(_: Lease) -> None:
        begun.set()
        await asyncio.to_thread(go.wait)

    add(jobs, "a")
    worker = Worker(jobs, Handle(work), pace=QUICK)
    worker.start()
    assert begun.wait(PATIENCE_S)
    threading.Timer(0.05, go.set).start()
    assert worker.close(PATIENCE_S)
    assert statuses(jobs) == {"a": "done"}


def test_close_gives_back_what_is_not_done_in_time(jobs: SqlJobs) -> None:
    begun = threading.Event()

    async def work(_: Lease) -> None:
        begun.set()
        await asyncio.Event().wait()

    add(jobs, "a")
    worker = Worker(jobs, Handle(work), pace=QUICK)
    worker.start()
    assert begun.wait(PATIENCE_S)
    assert worker.close(0.05)
    job = only(jobs)
    assert (job.status, job.attempts, job.error) == ("pending", 0, "")
    worker.notify()  # closed is closed
    assert not worker.is_running


@pytest.mark.slow  # it is given some seconds to end
def test_close_leaves_a_thread_behind_that_somebody_blocks(jobs: SqlJobs) -> None:
    begun, go = threading.Event(), threading.Event()

    async def block(_: Lease) -> None:
        begun.set()
        go.wait()  # that is the test

    add(jobs, "a")
    worker = Worker(jobs, Handle(block), pace=Pace(grace_s=0.01))
    worker.start()
    assert begun.wait(PATIENCE_S)
    assert not worker.close(0)
    go.set()
    wait_for(lambda: not worker.is_running)


def test_what_was_just_enqueued_is_done_before_a_close(jobs: SqlJobs) -> None:
    worker = Worker(jobs, Handle(), pace=QUICK)
    add(jobs, "a", "b", "c")
    worker.notify()
    assert worker.close(PATIENCE_S)
    assert set(statuses(jobs).values()) == {"done"}


async def test_notifying_from_a_loop_that_then_ends_is_all_right(jobs: SqlJobs) -> None:
    await jobs.enqueue("enrich", "ada", "a", {})
    worker = Worker(jobs, Handle(), pace=QUICK)
    worker.notify()
    assert await worker.aclose(PATIENCE_S)
    assert [job.status for job in await jobs.list()] == ["done"]


def test_a_worker_that_nobody_holds_ends(jobs: SqlJobs) -> None:
    worker = Worker(jobs, Handle(), pace=QUICK)
    worker.start()
    before = [thread for thread in threading.enumerate() if thread.name == "duograph-worker"]
    assert before
    del worker
    wait_for(lambda: not any(thread.is_alive() for thread in before))
