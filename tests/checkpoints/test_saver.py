"""The saver by itself: cancellation, pauses, transactions, closing, and the conformance suite."""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, empty_checkpoint

from checkpoints import DatabaseError, SessionSaver, open_saver
from checkpoints.sqlite.ledger import Ledger
from checkpoints.sqlite.read import VALUES
from checkpoints.sqlite.saver import SqliteSessionSaver
from checkpoints.sqlite.writes import Call

THREAD: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
METADATA: CheckpointMetadata = {"source": "input", "step": -1, "parents": {}}


@contextmanager
def another_writes(path: Path) -> Iterator[sqlite3.Connection]:
    """Hold the file's write lock from a connection that is not the saver's."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield other
        other.execute("ROLLBACK")


def put(saver: SessionSaver) -> RunnableConfig:
    return saver.put(THREAD, empty_checkpoint(), METADATA, {})


async def test_a_cancelled_write_ends_whole_before_the_cancellation_goes_on(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        with another_writes(tmp_path / "s.db"):
            task = asyncio.create_task(saver.aput(THREAD, empty_checkpoint(), METADATA, {}))
            await asyncio.sleep(0.01)
            for _ in range(3):
                task.cancel()
                await asyncio.sleep(0.01)
            ended_early = task.done()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not ended_early
        assert await saver.aget_tuple(THREAD) is not None


async def test_an_error_of_a_cancelled_write_is_not_reported_a_second_time(tmp_path: Path) -> None:
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
    async with open_saver(tmp_path / "s.db", busy_timeout_s=0.1) as saver:
        with another_writes(tmp_path / "s.db"):
            task = asyncio.create_task(saver.aput(THREAD, empty_checkpoint(), METADATA, {}))
            await asyncio.sleep(0.01)
            task.cancel()
            await asyncio.sleep(0.4)  # until the writer gave up
        with pytest.raises(asyncio.CancelledError):
            await task
    del task
    assert reports == []


async def test_listing_holds_no_lock_while_its_consumer_pauses(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        for _ in range(3):
            put(saver)
        seen = 0
        async for _ in saver.alist(THREAD):
            await saver.aput(THREAD, empty_checkpoint(), METADATA, {})
            seen += 1
        for _ in saver.list(THREAD, limit=2):
            with another_writes(tmp_path / "s.db") as other:
                # Fails while anybody still reads from the log.
                assert other.execute("COMMIT") is not None
                assert other.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()[0] == 0
                other.execute("BEGIN")
            seen += 1
    assert seen == 5


async def test_a_checkpoint_deleted_while_listing_is_left_out(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        put(saver)
        put(saver)
        async for _ in saver.alist(None):
            await saver.adelete_thread("t")
        assert await saver.aget_tuple(THREAD) is None


def test_a_write_that_fails_half_way_leaves_nothing() -> None:
    with open_saver(":memory:") as saver:
        place = put(saver)

        def fail(ledger: Ledger) -> None:
            ledger.conn.execute("DELETE FROM duograph_checkpoints")
            raise KeyboardInterrupt

        assert isinstance(saver, SqliteSessionSaver)
        with pytest.raises(KeyboardInterrupt):
            saver.writer.run(Call(fail))
        with pytest.raises(TypeError):
            saver.put_writes(place, [("a", 1), ("b", object())], "task")
        found = saver.get_tuple(THREAD)
        assert found is not None
        assert found.pending_writes == []


async def test_a_closed_saver_says_so_in_sync_and_async() -> None:
    async with open_saver(":memory:") as saver:
        pass
    with pytest.raises(DatabaseError, match=r":memory: is closed: use the saver inside"):
        saver.get_tuple(THREAD)
    with pytest.raises(DatabaseError, match=r":memory: is closed: use the saver inside"):
        await saver.aget_tuple(THREAD)


async def test_closing_waits_for_the_writes_under_way(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        tasks = [asyncio.create_task(saver.aput(THREAD, empty_checkpoint(), METADATA, {})) for _ in range(20)]
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    with open_saver(tmp_path / "s.db") as saver:
        assert len(list(saver.list(None))) == 20


async def test_an_opening_that_is_cancelled_leaves_no_thread_behind(tmp_path: Path) -> None:
    context = open_saver(tmp_path / "s.db")
    task = asyncio.create_task(context.__aenter__())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with context as saver:
        put(saver)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("checkpoints")]


def test_a_context_opens_again_after_it_was_closed_but_not_twice_at_once(tmp_path: Path) -> None:
    context = open_saver(tmp_path / "s.db")
    with context as saver:
        put(saver)
        with pytest.raises(DatabaseError, match="open in this context already"):
            context.__enter__()
    with context as saver:
        assert saver.get_tuple(THREAD) is not None


def test_the_file_is_in_wal_mode_and_forgives_a_lost_power_supply_only_a_transaction(tmp_path: Path) -> None:
    pragmas = ("journal_mode", "synchronous", "auto_vacuum")

    def ask(ledger: Ledger) -> list[object]:
        return [ledger.conn.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas]

    with open_saver(tmp_path / "s.db") as saver:
        assert isinstance(saver, SqliteSessionSaver)
        assert saver.writer.run(Call(ask)) == ["wal", 1, 2]


def test_the_values_of_a_checkpoint_are_looked_up_one_by_one(tmp_path: Path) -> None:
    """Else each read would go through all values of its thread."""
    with open_saver(tmp_path / "s.db") as saver:
        put(saver)
    with closing(sqlite3.connect(tmp_path / "s.db")) as conn:
        plan = conn.execute(f"EXPLAIN QUERY PLAN {VALUES}", ("{}", 1, "")).fetchall()
    assert any("channel=? AND version=?" in row[-1] for row in plan), plan
