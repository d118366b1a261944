"""Rows that cannot be read: one of them must not stand in the way of the others, nor of being looked at."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from memory.queue.rows import job_id
from memory.queue.sql import SqlJobs

ODD: list[tuple[str, Any]] = [
    ("kind", "weird"),
    ("key", b"\xff"),
    ("payload", "{broken"),
    ("payload", "[]"),
    ("payload", "[" * 100_000),
    ("payload", b"\xff"),
    ("output", "7"),
    ("attempts", "many"),
    ("attempts", -1),
    ("losses", "many"),
    ("error", b"\xff"),
    ("due_at", "soon"),
    ("due_at", 1e300),
    ("due_at", -1e300),
    ("created_at", 1e300),
    ("finished_at", "once"),
]


def spoil(path: Path, column: str, value: Any) -> None:  # noqa: ANN401  # SQLite takes any
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            f"UPDATE duograph_jobs SET {column} = ? WHERE id = ?",  # noqa: S608  # a name of ours
            (value, job_id("enrich", "ada", "spoilt")),
        )


async def spoilt(path: Path, column: str, value: Any) -> SqlJobs:  # noqa: ANN401  # the same
    jobs = SqlJobs(path)
    for name in ("spoilt", "sound"):
        await jobs.enqueue("enrich", "ada", name, {"text": "kept"})
    spoil(path, column, value)
    return jobs


@pytest.mark.parametrize(("column", "value"), ODD)
async def test_a_job_that_cannot_be_read_is_dead_and_the_others_go_on(
    path: Path, column: str, value: object
) -> None:
    jobs = await spoilt(path, column, value)
    assert await jobs.next_due_s() == 0
    lease = await jobs.claim(30)
    assert lease is not None
    assert lease.job.key == "sound"
    if await jobs.next_due_s() == 0:  # it is taken after those that are due
        assert await jobs.claim(30) is None
    await jobs.finish(lease)
    assert await jobs.next_due_s() is None
    dead = await jobs.get(job_id("enrich", "ada", "spoilt"))
    assert dead is not None
    assert (dead.status, await jobs.counts()) == ("dead", {"dead": 1, "done": 1})
    assert "cannot be read" in (dead.problem or dead.error)
    assert column in (dead.problem or dead.error)
    await jobs.aclose()


@pytest.mark.parametrize(("column", "value"), [*ODD, ("status", "bogus")])
async def test_it_can_be_listed_and_dropped_before_a_worker_meets_it(
    path: Path, column: str, value: object
) -> None:
    jobs = await spoilt(path, column, value)
    (found,) = [job for job in await jobs.list() if job.problem]
    assert found.id == job_id("enrich", "ada", "spoilt")
    assert column in found.problem
    assert "\n" not in found.problem
    assert found.model_dump(mode="json")["namespace"] == "ada"
    assert await jobs.drop(found.id)
    assert [job.key for job in await jobs.list()] == ["sound"]
    await jobs.aclose()


@pytest.mark.parametrize(("column", "value"), [("status", "bogus"), ("attempts", "many"), ("due_at", 1e300)])
async def test_repeating_it_mends_what_a_retry_writes(path: Path, column: str, value: object) -> None:
    jobs = await spoilt(path, column, value)
    while await jobs.claim(30):
        pass
    assert await jobs.retry(job_id("enrich", "ada", "spoilt"))
    again = await jobs.claim(30)
    assert again is not None
    assert (again.job.key, again.job.payload, again.job.problem) == ("spoilt", {"text": "kept"}, "")
    await jobs.aclose()
