"""A worker with handlers that work, fail, hang and heed nothing."""

import asyncio
import contextvars
import logging
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from memory import MemoryStoreError
from memory.queue.protocol import MAX_ATTEMPTS, Lease
from memory.queue.sql import SqlJobs
from memory.queue.work import JobError, LeaseLostError, Pace
from tests.memory.queue.handling import PATIENCE_S, Handle, add, only, statuses, wait_for, working

SECRET = "sk-abcdefgh12345678"  # noqa: S105  # of nobody


@pytest.fixture
def jobs(path: Path) -> Iterator[SqlJobs]:
    queue = SqlJobs(path)
    yield queue
    asyncio.run(queue.aclose())


def test_what_is_there_and_what_comes_is_done(jobs: SqlJobs) -> None:
    add(jobs, "a", "b")
    handle = Handle()
    with working(jobs, handle, Pace(poll_s=600)) as worker:
        wait_for(lambda: list(statuses(jobs).values()) == ["done"] * 2)
        add(jobs, "c")
        worker.notify()
        wait_for(lambda: statuses(jobs)["c"] == "done")
    assert handle.begun == ["a", "b", "c"]


def test_what_another_process_adds_is_found_without_a_word(jobs: SqlJobs, path: Path) -> None:
    with working(jobs, Handle()):
        other = SqlJobs(path)
        add(other, "a")
        wait_for(lambda: statuses(other) == {"a": "done"})
        asyncio.run(other.aclose())


def test_a_failed_attempt_is_made_again_and_the_last_one_leaves_the_reason(jobs: SqlJobs) -> None:
    async def fail(_: Lease) -> None:
        raise JobError("The model failed.")

    add(jobs, "a")
    handle = Handle(fail)
    with working(jobs, handle):
        wait_for(lambda: statuses(jobs) == {"a": "dead"})
    assert handle.begun == ["a"] * MAX_ATTEMPTS
    assert (only(jobs).error, only(jobs).attempts) == ("The model failed.", MAX_ATTEMPTS)


def test_what_no_attempt_can_mend_is_dead_at_once(jobs: SqlJobs) -> None:
    async def fail(_: Lease) -> None:
        raise JobError("Its payload cannot be read.", is_final=True)

    add(jobs, "a")
    handle = Handle(fail)
    with working(jobs, handle):
        wait_for(lambda: statuses(jobs) == {"a": "dead"})
    assert handle.begun == ["a"]


def test_of_a_foreign_error_neither_job_nor_log_holds_the_text(
    jobs: SqlJobs, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: Lease) -> None:
        raise ValueError(SECRET)

    add(jobs, "a")
    with caplog.at_level(logging.DEBUG), working(jobs, Handle(fail)):
        wait_for(lambda: statuses(jobs) == {"a": "dead"})
    assert only(jobs).error == "It met an unexpected ValueError."
    assert SECRET not in caplog.text
    assert "ValueError" in caplog.text


def test_an_attempt_that_hangs_is_ended_and_another_job_gets_its_turn(jobs: SqlJobs) -> None:
    async def hang(lease: Lease) -> None:
        if lease.job.key == "hangs":
            await asyncio.Event().wait()

    add(jobs, "hangs", "works")
    pace = Pace(timeout_s=0.1, poll_s=0.05, backoff_s=60, grace_s=0.1)
    with working(jobs, Handle(hang), pace):
        wait_for(lambda: statuses(jobs) == {"hangs": "failed", "works": "done"})
    failed = next(job for job in asyncio.run(jobs.list()) if job.key == "hangs")
    assert failed.error == "It took longer than 0.1 s."


def test_an_attempt_that_heeds_no_cancellation_blocks_nobody(jobs: SqlJobs) -> None:
    async def stubborn(lease: Lease) -> None:
        while lease.job.key == "hangs":
            try:
                await asyncio.sleep(600)
            except asyncio.CancelledError:
                continue

    add(jobs, "hangs", "works")
    pace = Pace(timeout_s=0.1, poll_s=0.05, backoff_s=60, grace_s=0.1)
    with working(jobs, Handle(stubborn), pace):
        wait_for(lambda: statuses(jobs) == {"hangs": "failed", "works": "done"})


def test_two_workers_do_each_job_once(jobs: SqlJobs, path: Path) -> None:
    add(jobs, *map(str, range(40)))
    other = SqlJobs(path)
    first, second = Handle(), Handle()
    with working(jobs, first), working(other, second):
        wait_for(lambda: set(statuses(jobs).values()) == {"done"})
    assert sorted(first.begun + second.begun) == sorted(map(str, range(40)))
    asyncio.run(other.aclose())


def test_a_job_that_was_taken_over_is_let_go_of(jobs: SqlJobs, path: Path) -> None:
    cancelled, begun = threading.Event(), threading.Event()

    async def work(_: Lease) -> None:
        if begun.is_set():
            return
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    add(jobs, "a")
    ahead = SqlJobs(path, clock=lambda: time.time() + 3600)  # of a process that saw the clock jump
    with working(jobs, Handle(work), Pace(lease_s=0.3, poll_s=0.05, grace_s=0.2)):
        assert begun.wait(PATIENCE_S)
        assert asyncio.run(ahead.claim(30)) is not None
        assert cancelled.wait(PATIENCE_S)
        wait_for(lambda: statuses(jobs) == {"a": "done"})  # its lease lies in an impossible future
    asyncio.run(ahead.aclose())


def test_a_lost_lease_found_by_the_handler_is_no_failure(jobs: SqlJobs) -> None:
    async def lose(_: Lease) -> None:
        raise LeaseLostError("Another one has it.")

    add(jobs, "a")
    handle = Handle(lose)
    with working(jobs, handle, Pace(lease_s=600, poll_s=0.05)):
        wait_for(lambda: handle.begun == ["a"])
    assert only(jobs).error == ""


def test_a_lease_is_held_while_the_work_goes_on(jobs: SqlJobs, path: Path) -> None:
    done = threading.Event()

    async def work(_: Lease) -> None:
        await asyncio.to_thread(done.wait)

    add(jobs, "a")
    other = SqlJobs(path)
    handle = Handle(work)
    with working(jobs, handle, Pace(lease_s=0.3, poll_s=0.05)):
        wait_for(lambda: handle.begun == ["a"])
        end = time.monotonic() + 0.8
        while time.monotonic() < end:
            assert asyncio.run(other.claim(1)) is None
            time.sleep(0.05)
        done.set()
        wait_for(lambda: statuses(jobs) == {"a": "done"})
    asyncio.run(other.aclose())


def test_a_queue_that_cannot_be_read_for_a_while_ends_nothing(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(SqlJobs):
        is_broken = True

        async def next_due_s(self) -> float | None:
            if self.is_broken:
                raise MemoryStoreError("The disk is away.")
            return await super().next_due_s()

    jobs = Failing(path)
    add(jobs, "a")
    with working(jobs, Handle()):
        wait_for(lambda: "The disk is away." in caplog.text)
        jobs.is_broken = False
        wait_for(lambda: statuses(jobs) == {"a": "done"})
    asyncio.run(jobs.aclose())


def test_it_sees_nothing_of_the_context_around_it(jobs: SqlJobs) -> None:
    seen: list[object] = []
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable")
    variable.set("of the host")

    async def look(_: Lease) -> None:
        seen.append(variable.get("nothing"))

    add(jobs, "a")
    with working(jobs, Handle(look)):
        wait_for(lambda: seen == ["nothing"])


def test_a_child_starts_its_own_when_it_is_notified(jobs: SqlJobs) -> None:
    handle = Handle()
    with working(jobs, handle) as worker:
        wait_for(lambda: worker.is_running)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                assert not worker.is_running
                add(jobs, "child's")
                worker.notify()
                wait_for(lambda: statuses(jobs) == {"child's": "done"})
                code = 0 if worker.close(PATIENCE_S) else 2
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
        add(jobs, "parent's")
        worker.notify()
        wait_for(lambda: set(statuses(jobs).values()) == {"done"})
