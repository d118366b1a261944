"""The saver by itself: cancellation, pauses, transactions, closing, and the conformance suite."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, empty_checkpoint

from checkpoints import DatabaseError, SessionSaver, new_thread_id, open_saver

THREAD: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
METADATA: CheckpointMetadata = {"source": "input", "step": -1, "parents": {}}


def put(saver: SessionSaver) -> RunnableConfig:
    return saver.put(THREAD, empty_checkpoint(), METADATA, {})


async def test_a_cancelled_write_ends_whole_before_the_cancellation_goes_on(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        saver.lock.acquire()
        task = asyncio.create_task(saver.aput(THREAD, empty_checkpoint(), METADATA, {}))
        await asyncio.sleep(0.01)
        for _ in range(3):
            task.cancel()
            await asyncio.sleep(0.01)
        ended_early = task.done()
        saver.lock.release()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not ended_early
        assert not saver.conn.in_transaction
        assert await saver.aget_tuple(THREAD) is not None


async def test_an_error_of_a_cancelled_write_is_not_reported_a_second_time(tmp_path: Path) -> None:
    reports: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, report: reports.append(report))
    async with open_saver(tmp_path / "s.db") as saver:
        saver.lock.acquire()
        task = asyncio.create_task(saver.aput_writes(THREAD, [("a", object())], "task"))
        await asyncio.sleep(0.01)
        task.cancel()
        saver.lock.release()
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
            assert not saver.lock.locked()
            await saver.aput(THREAD, empty_checkpoint(), METADATA, {})
            seen += 1
        for _ in saver.list(THREAD, limit=2):
            assert not saver.lock.locked()
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

        def fail() -> None:
            with saver.cursor() as cur:
                cur.execute("DELETE FROM checkpoints")
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fail()
        assert not saver.conn.in_transaction
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
    with open_saver(tmp_path / "s.db", busy_timeout_s=1.5) as saver:
        pragmas = ("journal_mode", "synchronous", "busy_timeout")
        assert [saver.conn.execute(f"PRAGMA {name}").fetchone()[0] for name in pragmas] == ["wal", 1, 1500]


async def test_the_saver_passes_langgraph_s_conformance_suite(tmp_path: Path) -> None:
    conformance = pytest.importorskip("langgraph.checkpoint.conformance")

    @conformance.checkpointer_test(name="SessionSaver")  # type: ignore[untyped-decorator]
    async def fresh() -> AsyncGenerator[SessionSaver, None]:
        async with open_saver(tmp_path / new_thread_id()) as saver:
            yield saver

    report = await conformance.validate(fresh)
    results = report.results
    failures = [failure for result in results.values() for failure in result.failures or ()]
    assert failures == []
    assert report.passed_all_base()
