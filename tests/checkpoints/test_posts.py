"""A task's writes that nobody awaits: seen by whoever reads next, and soon on disk."""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import WRITES_IDX_MAP

from checkpoints import DatabaseError, open_saver
from tests.checkpoints.posting import at, put, soon_stored, stored, writes_of


async def test_whoever_reads_next_sees_them(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        for number in range(30):
            place = await put(saver, f"t{number}")
            await saver.aput_writes(place, [("value", number)], "task")
            how = number % 4
            if how == 0:
                found = await saver.aget_tuple(place)
            elif how == 1:
                found = saver.get_tuple(place)
            elif how == 2:
                found = await anext(aiter(saver.alist({"configurable": {"thread_id": f"t{number}"}})))
            else:
                found = next(iter(saver.list(None)))
            assert writes_of(found) == [("task", number)]


async def test_they_are_committed_with_the_next_checkpoint(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        place = await put(saver, "t")
        await saver.aput_writes(place, [("value", 2)], "task")
        await put(saver, "t")
        assert stored(tmp_path / "s.db") == ["task"]


async def test_with_no_checkpoint_to_come_they_are_committed_soon(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        await saver.aput_writes(at("t"), [("value", 2)], "task")
        assert await asyncio.to_thread(soon_stored, tmp_path / "s.db", "task")


async def test_a_loop_that_is_busy_keeps_nobody_from_committing_them(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        for number in range(3):
            await saver.aput_writes(at("t"), [("value", 2)], f"task{number}")
            # A node that computes instead of waiting: the loop gets no turn.
            assert soon_stored(tmp_path / "s.db", *(f"task{at}" for at in range(number + 1)))


def test_a_loop_that_ends_leaves_nothing_behind(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        for number in range(3):
            asyncio.run(saver.aput_writes(at("t"), [("value", 2)], f"task{number}"))
            assert soon_stored(tmp_path / "s.db", *(f"task{at}" for at in range(number + 1)))


def test_closing_the_saver_commits_them(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        asyncio.run(saver.aput_writes(at("t"), [("value", 2)], "task"))
    assert stored(tmp_path / "s.db") == ["task"]


@pytest.mark.parametrize("channel", sorted(WRITES_IDX_MAP))
async def test_what_langgraph_waits_for_is_committed_when_it_returns(tmp_path: Path, channel: str) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        await saver.aput_writes(at("t"), [("value", 1)], "before")
        await saver.aput_writes(at("t"), [(channel, "why")], "task")
        assert stored(tmp_path / "s.db") == ["before", "task"]


async def test_many_plan_one_timer(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        loop = asyncio.get_running_loop()
        before = len(loop._scheduled)  # type: ignore[attr-defined]  # noqa: SLF001  # asyncio does not tell
        for number in range(50):
            await saver.aput_writes(at("t"), [("value", number)], f"task{number}")
        assert len(loop._scheduled) - before == 1  # type: ignore[attr-defined]  # noqa: SLF001


async def test_after_closing_and_in_a_file_for_reading_they_are_refused_at_once(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        await put(saver, "t")
    with pytest.raises(DatabaseError, match="closed"):
        await saver.aput_writes(at("t"), [("value", 2)], "task")
    async with open_saver(tmp_path / "s.db", read_only=True) as reader:
        with pytest.raises(DatabaseError, match="read-only"):
            await reader.aput_writes(at("t"), [("value", 2)], "task")
        assert await reader.aget_tuple({"configurable": {"thread_id": "t"}}) is not None


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("wprsd")), max_size=40))
def test_in_any_order_the_last_read_is_what_was_written(steps: list[tuple[int, str]]) -> None:
    """Writes, checkpoints, reads in the loop and outside it, and deletions, on four threads."""
    expected: dict[int, set[str]] = {}

    async def go() -> None:
        with TemporaryDirectory() as folder, open_saver(f"{folder}/s.db") as saver:
            places: dict[int, RunnableConfig] = {}
            for number, (thread, step) in enumerate(steps):
                name = f"t{thread}"
                if step == "d":
                    await saver.adelete_thread(name)
                    places.pop(thread, None)
                elif step == "p" or thread not in places:
                    places[thread], expected[thread] = await put(saver, name), set()
                elif step == "w":
                    await saver.aput_writes(places[thread], [("value", number)], f"task{number}")
                    expected[thread].add(f"task{number}")
                else:
                    found = (
                        await saver.aget_tuple(places[thread])
                        if step == "r"
                        else saver.get_tuple(places[thread])
                    )
                    assert {task for task, _ in writes_of(found)} == expected[thread]

    asyncio.run(go())


async def test_a_list_under_way_sees_what_was_posted_meanwhile(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        older = await put(saver, "t")
        newer = await put(saver, "t", after=older)
        counts = []
        async for found in saver.alist({"configurable": {"thread_id": "t"}}):
            assert found.config["configurable"]["checkpoint_id"] in str((older, newer))
            counts.append(len(found.pending_writes or ()))
            await saver.aput_writes(older, [("value", 1)], "task")
        assert counts == [0, 1]
