"""What every queue keeps to: a job once, one holder at a time, and clocks that jump."""

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from memory.queue.protocol import Lease
from memory.queue.rows import job_id
from memory.queue.sql import KEEP_DONE_S, MAX_LOSSES, SqlJobs
from tests.memory.queue.conftest import Clock

YEAR_S = 365 * 86_400.0


async def taken(jobs: SqlJobs, lease_s: float = 30) -> Lease:
    lease = await jobs.claim(lease_s)
    assert lease is not None
    return lease


async def test_a_queue_that_was_never_used_is_empty_and_stays_unmade(tmp_path: Path) -> None:
    jobs = SqlJobs(tmp_path / "none.sqlite")
    assert await jobs.next_due_s() is None
    assert list(await jobs.list()) == []
    assert await jobs.get("ab") is None
    assert await jobs.counts() == {}
    assert not (tmp_path / "none.sqlite").exists()


async def test_a_job_is_made_once_for_its_key(jobs: SqlJobs) -> None:
    assert await jobs.enqueue("enrich", "ada", "turn 1", {"text": "naïve \0 \ud800 🎉"})
    assert not await jobs.enqueue("enrich", "ada", "turn 1", {"text": "another"})
    assert await jobs.enqueue("write", "ada", "turn 1", {})
    assert await jobs.enqueue("enrich", "bob", "turn 1", {})
    assert await jobs.counts() == {"pending": 3}
    job = await jobs.get(job_id("enrich", "ada", "turn 1"))
    assert job is not None
    assert job.payload == {"text": "naïve \0 \ud800 🎉"}
    assert (job.kind, job.namespace, job.key, job.attempts) == ("enrich", "ada", "turn 1", 0)


async def test_what_was_enqueued_at_once_is_there_once(jobs: SqlJobs) -> None:
    made = await asyncio.gather(*(jobs.enqueue("enrich", "ada", f"turn {n % 5}", {}) for n in range(25)))
    assert sum(made) == 5
    leases = await asyncio.gather(*(jobs.claim(30) for _ in range(8)))
    held = [lease.job.key for lease in leases if lease is not None]
    assert sorted(held) == [f"turn {n}" for n in range(5)]


async def test_the_job_that_has_been_due_longest_comes_first(jobs: SqlJobs, clock: Clock) -> None:
    for name in "abc":
        await jobs.enqueue("enrich", "ada", name, {})
        clock.now += 1
    assert [(await taken(jobs)).job.key for _ in "abc"] == ["a", "b", "c"]
    assert await jobs.claim(30) is None


async def test_one_job_can_be_asked_for_by_its_id(jobs: SqlJobs) -> None:
    for name in "ab":
        await jobs.enqueue("enrich", "ada", name, {})
    wanted = job_id("enrich", "ada", "b")
    lease = await jobs.claim(30, job_id=wanted)
    assert lease is not None
    assert lease.job.id == wanted
    assert await jobs.claim(30, job_id=wanted) is None


async def test_a_done_job_keeps_no_payload_and_is_not_made_again(jobs: SqlJobs, clock: Clock) -> None:
    await jobs.enqueue("enrich", "ada", "turn", {"text": "private"})
    lease = await taken(jobs)
    assert await jobs.keep_output(lease, {"insights": ["private"]})
    clock.now += 5
    assert await jobs.finish(lease)
    (done,) = await jobs.list()
    assert (done.status, done.payload, done.output, done.attempts) == ("done", {}, None, 1)
    assert done.finished_at is not None
    assert done.finished_at.timestamp() == clock.now
    assert not await jobs.enqueue("enrich", "ada", "turn", {})
    assert await jobs.next_due_s() is None


async def test_done_jobs_are_forgotten_after_some_days(target: str, clock: Clock) -> None:
    if target == ":memory:":
        pytest.skip("what is in memory is gone with the queue that held it")
    async with aclosing(SqlJobs(target, clock=clock)) as jobs:
        await jobs.enqueue("enrich", "ada", "old", {})
        await jobs.finish(await taken(jobs))
    clock.now += KEEP_DONE_S + 1
    async with aclosing(SqlJobs(target, clock=clock)) as jobs:  # another one, as each looks once an hour
        await jobs.enqueue("enrich", "ada", "new", {})
        await jobs.finish(await taken(jobs))
        assert [job.key for job in await jobs.list()] == ["new"]


async def test_what_is_open_is_told_by_kind_and_namespace(jobs: SqlJobs, clock: Clock) -> None:
    assert not await jobs.has_open("write", "ada")
    await jobs.enqueue("write", "ada", "told", {})
    assert await jobs.has_open("write", "ada")
    assert not await jobs.has_open("write", "bob")
    assert not await jobs.has_open("enrich", "ada")
    await jobs.fail(await taken(jobs), "It is away.", again_in_s=10)
    assert await jobs.has_open("write", "ada")
    clock.now += 10
    lease = await taken(jobs)
    assert await jobs.has_open("write", "ada")
    await jobs.finish(lease)
    assert not await jobs.has_open("write", "ada")


async def test_output_is_kept_once_and_handed_to_the_next_attempt(jobs: SqlJobs, clock: Clock) -> None:
    await jobs.enqueue("enrich", "ada", "turn", {})
    lease = await taken(jobs)
    assert await jobs.keep_output(lease, {"n": 1})
    assert await jobs.keep_output(lease, {"n": 2})
    assert await jobs.fail(lease, "It broke\0.", again_in_s=10)
    (failed,) = await jobs.list(statuses=["failed"])
    assert (failed.error, failed.output) == ("It broke.", {"n": 1})
    assert await jobs.claim(30) is None
    assert await jobs.next_due_s() == 10
    clock.now += 10
    again = await taken(jobs)
    assert (again.job.output, again.job.attempts) == ({"n": 1}, 2)


async def test_a_lease_that_is_over_is_taken_and_the_old_holder_changes_nothing_more(
    jobs: SqlJobs, clock: Clock
) -> None:
    await jobs.enqueue("enrich", "ada", "turn", {})
    old = await taken(jobs)
    clock.now += 29
    assert await jobs.claim(30) is None
    assert await jobs.extend(old, 30)
    clock.now += 29
    assert await jobs.claim(30) is None
    clock.now += 2
    new = await taken(jobs)
    assert new.token != old.token
    assert new.job.attempts == 1
    for change in (jobs.finish(old), jobs.release(old), jobs.extend(old, 60), jobs.keep_output(old, {})):
        assert not await change
    assert not await jobs.fail(old, "no", again_in_s=None)
    assert await jobs.finish(new)
    assert not await jobs.finish(new)


async def test_a_job_that_kills_its_workers_is_given_up(jobs: SqlJobs, clock: Clock) -> None:
    await jobs.enqueue("enrich", "ada", "poison", {})
    for _ in range(MAX_LOSSES):
        await taken(jobs)
        clock.now += 31
    assert await jobs.claim(30) is None
    (dead,) = await jobs.list(statuses=["dead"])
    assert "killed" in dead.error


async def test_a_job_given_back_is_as_if_it_had_never_begun(jobs: SqlJobs) -> None:
    await jobs.enqueue("enrich", "ada", "turn", {})
    assert await jobs.release(await taken(jobs))
    assert (await taken(jobs)).job.attempts == 1


@pytest.mark.parametrize("jump", [-YEAR_S, -60.0, 60.0, YEAR_S])
@pytest.mark.parametrize("state", ["pending", "failed", "running"])
async def test_a_clock_that_jumps_loses_nothing_and_lets_one_holder_win(
    jobs: SqlJobs, clock: Clock, jump: float, state: str
) -> None:
    await jobs.enqueue("enrich", "ada", "turn", {})
    old = await taken(jobs) if state != "pending" else None
    if state == "failed" and old is not None:
        await jobs.fail(old, "no", again_in_s=20)
    clock.now += jump
    assert await jobs.next_due_s() == 0
    new = await taken(jobs)
    assert await jobs.claim(30) is None
    if old is not None:
        assert not await jobs.keep_output(old, {"n": 1})
        assert not await jobs.finish(old)
    assert await jobs.keep_output(new, {"n": 2})
    assert await jobs.finish(new)


async def test_a_holder_whose_clock_jumped_and_who_goes_on_keeps_its_job(jobs: SqlJobs, clock: Clock) -> None:
    await jobs.enqueue("enrich", "ada", "turn", {})
    lease = await taken(jobs)
    for jump in (YEAR_S, -2 * YEAR_S):
        clock.now += jump
        assert await jobs.extend(lease, 30)
        assert await jobs.claim(30) is None
    assert await jobs.finish(lease)


async def test_dead_jobs_are_retried_and_dropped_but_not_one_that_is_held(
    jobs: SqlJobs, clock: Clock
) -> None:
    await jobs.enqueue("enrich", "ada", "turn", {"text": "kept"})
    lease = await taken(jobs)
    assert not await jobs.retry(lease.job.id)
    assert not await jobs.drop(lease.job.id)
    assert await jobs.fail(lease, "Wrong.", again_in_s=None)
    assert await jobs.next_due_s() is None
    assert await jobs.counts() == {"dead": 1}
    assert await jobs.retry(lease.job.id)
    again = await taken(jobs)
    assert (again.job.attempts, again.job.error, again.job.payload) == (1, "", {"text": "kept"})
    clock.now += 31
    assert await jobs.drop(lease.job.id)
    assert not await jobs.drop(lease.job.id)
    assert not await jobs.retry("00")


async def test_jobs_are_found_by_the_beginning_of_their_id(jobs: SqlJobs) -> None:
    for n in range(20):
        await jobs.enqueue("enrich", "ada", f"turn {n}", {})
    wanted = job_id("enrich", "ada", "turn 7")
    found = await jobs.get(wanted[:12])
    assert found is not None
    assert found.key == "turn 7"
    for odd in ("", "%", "_", wanted[:-1] + "z"):
        assert await jobs.get(odd) is None
    assert len(await jobs.list(limit=3)) == 3


@pytest.mark.parametrize("wrong", [float("nan"), {1, 2}])
async def test_what_json_cannot_hold_is_refused(jobs: SqlJobs, wrong: Any) -> None:  # noqa: ANN401  # that is the test
    with pytest.raises((TypeError, ValueError)):
        await jobs.enqueue("enrich", "ada", "turn", {"n": wrong})
    assert await jobs.counts() == {}
