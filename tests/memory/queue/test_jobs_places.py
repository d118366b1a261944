"""Where a queue lives: a file that is locked, strange, newer, gone or forked from, a server not there."""

import asyncio
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from memory import MemoryStoreError, MemoryUnavailableError
from memory.queue.sql import SqlJobs


def test_the_file_is_its_owner_s_alone(path: Path) -> None:
    async def use() -> None:
        jobs = SqlJobs(path)
        await jobs.enqueue("enrich", "ada", "turn", {})
        await jobs.aclose()
        await jobs.aclose()
        with pytest.raises(MemoryStoreError, match="closed"):
            await jobs.counts()

    asyncio.run(use())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_locked_a_strange_and_a_newer_file_are_told_of_in_a_sentence(path: Path) -> None:
    jobs = SqlJobs(path, busy_timeout_s=0.1)
    await jobs.enqueue("enrich", "ada", "turn", {})
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(MemoryStoreError, match="is locked by another process"):
            await jobs.enqueue("enrich", "ada", "turn 2", {})
        assert await jobs.counts() == {"pending": 1}
        other.execute("ROLLBACK")
        other.execute("UPDATE duograph_jobs_revision SET version_num = '9999'")
    assert await jobs.enqueue("enrich", "ada", "turn 2", {})  # who has it open goes on
    with pytest.raises(MemoryStoreError, match="newer version of Duograph"):
        await SqlJobs(path).counts()
    path.with_name("x").write_text("no database" * 100)
    with pytest.raises(MemoryStoreError, match="is not an SQLite database"):
        await SqlJobs(path.with_name("x")).counts()
    await jobs.aclose()


async def test_a_server_that_does_not_answer_is_told_of_without_its_password() -> None:
    pytest.importorskip("psycopg")
    jobs = SqlJobs("postgresql://ada:s3cret@127.0.0.1:1/db")
    with pytest.raises(MemoryUnavailableError, match="cannot be reached") as caught:
        await jobs.counts()
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)


def test_a_fork_opens_the_database_anew(path: Path) -> None:
    jobs = SqlJobs(path)
    asyncio.run(jobs.enqueue("enrich", "ada", "parent", {}))
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            code = 0 if asyncio.run(jobs.enqueue("enrich", "ada", "child", {})) else 1
        finally:
            os._exit(code)
    assert os.waitpid(pid, 0)[1] == 0
    asyncio.run(jobs.enqueue("enrich", "ada", "parent again", {}))
    assert asyncio.run(jobs.counts()) == {"pending": 3}
    asyncio.run(jobs.aclose())


def test_a_file_that_another_took_the_place_of_is_not_written_to(path: Path) -> None:
    jobs, other = SqlJobs(path), SqlJobs(path)
    for name in "ab":
        assert asyncio.run(jobs.enqueue("enrich", "ada", name, {}))
    for file in path.parent.glob(f"{path.name}*"):
        file.unlink()
    for name in "ac":
        assert asyncio.run(jobs.enqueue("enrich", "ada", name, {}))
    assert {job.key for job in asyncio.run(other.list())} == {"a", "c"}
    asyncio.run(other.aclose())
    asyncio.run(jobs.aclose())
