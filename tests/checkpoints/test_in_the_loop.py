"""Small steps are committed in the event loop that brought them; what may take a while, in the thread."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint

from checkpoints import DatabaseError, open_saver
from checkpoints.sqlite import pace, worker, writer
from checkpoints.sqlite.saver import SqliteSessionSaver


class Watched:
    """A saver, and which threads committed to its file."""

    def __init__(self, saver: SqliteSessionSaver) -> None:
        self.saver = saver
        self.by: list[int] = []
        self.numbers = 0
        connection = saver.writer._conn  # type: ignore[attr-defined]  # noqa: SLF001  # SQLite tells who commits
        connection.set_trace_callback(self._note)

    def _note(self, statement: str) -> None:
        if statement == "COMMIT":
            self.by.append(threading.get_ident())

    @property
    def committed_here(self) -> list[bool]:
        """Of each commit since the last look, whether this thread made it."""
        by, self.by = self.by, []
        return [one == threading.get_ident() for one in by]

    async def put(self, thread: str, value: object) -> RunnableConfig:
        self.numbers += 1
        version = f"{self.numbers:032}.5"
        checkpoint: Checkpoint = {
            **empty_checkpoint(),
            "channel_values": {"text": value},
            "channel_versions": {"text": version},
        }
        return await self.saver.aput(
            {"configurable": {"thread_id": thread, "checkpoint_ns": ""}},
            checkpoint,
            {"source": "input", "step": -1, "parents": {}},
            {"text": version},
        )

    async def text(self, thread: str) -> object:
        found = await self.saver.aget_tuple({"configurable": {"thread_id": thread}})
        return None if found is None else found.checkpoint["channel_values"]["text"]


@pytest.fixture(autouse=True)
def _however_busy_this_machine_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """What takes long on a busy machine goes to the thread all the same; see test_pace."""
    monkeypatch.setattr(pace, "_LONG_S", 30)
    monkeypatch.setattr(worker, "_WATCH_S", 30)


@asynccontextmanager
async def watched(path: Path) -> AsyncIterator[Watched]:
    """With a log that was begun: the first commit waits for the disk, so the thread makes it."""
    async with open_saver(path) as saver:
        assert isinstance(saver, SqliteSessionSaver)
        one = Watched(saver)
        await one.put("warm", "up")
        assert one.committed_here == [False]
        yield one


async def test_what_is_small_is_committed_where_it_came_from_and_all_at_once(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        await one.put("a", "x")
        assert one.committed_here == [True]
        await asyncio.gather(*(one.put(f"t{number}", number) for number in range(10)))
        assert one.committed_here == [True]
        assert [await one.text(f"t{number}") for number in range(10)] == list(range(10))


async def test_many_are_committed_where_they_came_from_in_a_few_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_LOG_PAGES", 100_000)  # else the thread folds the log meanwhile
    async with watched(tmp_path / "s.db") as one:
        await asyncio.gather(*(one.put(f"t{number}", number) for number in range(300)))
        assert one.committed_here == [True] * 3
        assert [await one.text(f"t{number}") for number in range(300)] == list(range(300))


async def test_what_is_large_is_left_to_the_thread_and_what_follows_comes_back(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        await one.put("a", "x" * 300_000)
        assert one.committed_here == [False]
        large = asyncio.create_task(one.put("b", "x" * 300_000))
        await asyncio.sleep(0)  # it is parked
        await asyncio.sleep(0)  # and left to the thread
        await asyncio.gather(large, *(one.put(f"t{number}", number) for number in range(40)))
        assert one.committed_here == [False, True]
        assert await one.text("t39") == 39


async def test_the_loop_goes_on_while_somebody_else_writes(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        with closing(sqlite3.connect(tmp_path / "s.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waits = asyncio.create_task(one.put("a", "x"))
            await asyncio.sleep(0.05)
            assert not waits.done()
            other.execute("COMMIT")
        await waits
        assert one.committed_here == [False]
        assert await one.text("a") == "x"


async def test_what_came_before_is_committed_before(tmp_path: Path) -> None:
    """A step that was left to the thread is not overtaken by a small one in the loop."""
    async with watched(tmp_path / "s.db") as one:
        for _ in range(20):
            first = asyncio.create_task(one.put("a", "x" * 300_000))
            await asyncio.sleep(0)
            await one.put("a", "later")
            await first
            assert await one.text("a") == "later"


async def test_one_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        with closing(sqlite3.connect(tmp_path / "s.db")) as other, other:
            other.execute(
                "CREATE TRIGGER no BEFORE INSERT ON duograph_threads WHEN NEW.name = 'bad' "
                "BEGIN SELECT RAISE(ABORT, 'no such thread here'); END"
            )
        done = await asyncio.gather(
            *(one.put(name, name) for name in ("a", "bad", "b")), return_exceptions=True
        )
        assert [isinstance(each, DatabaseError) for each in done] == [False, True, False]
        assert [await one.text(name) for name in ("a", "bad", "b")] == ["a", None, "b"]
        one.by.clear()
        await one.put("c", "x")
        assert one.committed_here == [True]


async def test_one_that_is_cancelled_is_committed_all_the_same(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        task = asyncio.create_task(one.put("a", "x"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await one.text("a") == "x"


async def test_the_log_is_folded_into_the_file_however_busy_the_loop_is(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        log = tmp_path / "s.db-wal"
        largest = 0
        for number in range(1500):
            await one.put("a", f"{number} " * 500)
            largest = max(largest, log.stat().st_size)
        assert True in one.committed_here
        assert largest < 4_000 * 4_096  # about a thousand pages, as with SQLite's own rule


def test_loops_and_threads_at_once_lose_nothing(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        assert isinstance(saver, SqliteSessionSaver)
        one = Watched(saver)

        def in_a_loop(name: str) -> None:
            async def put_all() -> None:
                for number in range(60):
                    await one.put(name, number)

            asyncio.run(put_all())

        threads = [threading.Thread(target=in_a_loop, args=(f"t{at}",)) for at in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        values = [saver.get_tuple({"configurable": {"thread_id": f"t{at}"}}) for at in range(4)]
        assert [each and each.checkpoint["channel_values"]["text"] for each in values] == [59] * 4
