"""Short reads are done in the event loop that asks, a burst of them in one go; longer ones in a thread."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.base import CheckpointTuple, empty_checkpoint

from checkpoints import SessionSaver, open_saver
from checkpoints.protocol import DamagedCheckpointError, DatabaseError
from checkpoints.sqlite import burst, pace, readers
from checkpoints.sqlite.pace import Pace

BETWEEN_BURSTS_S = 0.01
PATIENCE_S = 20


class Watched:
    """A saver that was read from once, and which threads read the file since."""

    def __init__(self, saver: Any) -> None:  # noqa: ANN401  # it is looked into
        self.saver: SessionSaver = saver
        self.reads = saver._reads  # noqa: SLF001  # nobody else tells who reads
        self.by: list[int] = []
        for connection in (self.reads._here, *self.reads._idle.queue):  # noqa: SLF001
            connection.set_trace_callback(self._note)
        self._connect, self.reads._connect = self.reads._connect, self._connected  # noqa: SLF001

    def _connected(self, wait_s: float) -> sqlite3.Connection:
        connection: sqlite3.Connection = self._connect(wait_s)
        connection.set_trace_callback(self._note)
        return connection

    def _note(self, statement: str) -> None:
        if statement == "BEGIN":
            self.by.append(threading.get_ident())

    @property
    def read_here(self) -> list[bool]:
        """Of each read since the last look, whether this thread did it."""
        by, self.by = self.by, []
        return [one == threading.get_ident() for one in by]


async def put(saver: SessionSaver, thread: str, value: object) -> None:
    version = saver.get_next_version(None)
    await saver.aput(
        {"configurable": {"thread_id": thread, "checkpoint_ns": ""}},
        {**empty_checkpoint(), "channel_values": {"value": value}, "channel_versions": {"value": version}},
        {"source": "input", "step": -1, "parents": {}},
        {"value": version},
    )


async def found(saver: SessionSaver, thread: str) -> CheckpointTuple | None:
    return await saver.aget_tuple({"configurable": {"thread_id": thread}})


async def value(saver: SessionSaver, thread: str) -> object:
    one = await found(saver, thread)
    return one and one.checkpoint["channel_values"]["value"]


@asynccontextmanager
async def watched(path: Path) -> AsyncIterator[Watched]:
    """The first read is a thread's, which opens the connection for the loop."""
    async with open_saver(path) as saver:
        await put(saver, "a", "x")
        assert await value(saver, "a") == "x"
        await asyncio.sleep(BETWEEN_BURSTS_S)
        yield Watched(saver)


@pytest.fixture
def _bursts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads are a burst, and none was slow of late, however busy this machine is."""
    monkeypatch.setattr(readers, "_BURST_S", 30)
    monkeypatch.setattr(pace, "_LONG_S", 30)
    monkeypatch.setattr(burst, "_MOMENT_S", 30)


async def test_a_short_read_is_done_here_and_sees_what_was_just_written(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        for number in range(20):
            await put(one.saver, "a", number)
            await asyncio.sleep(0.002)
            assert await value(one.saver, "a") == number
            assert await found(one.saver, "nobody") is None
        assert True in one.read_here


@pytest.mark.usefixtures("_bursts")
async def test_a_burst_is_read_here_in_one_go(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        assert await asyncio.gather(*(value(one.saver, "a") for _ in range(30))) == ["x"] * 30
        assert one.read_here == [True]


@pytest.mark.usefixtures("_bursts")
async def test_of_a_burst_what_takes_longer_is_the_threads(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        await put(saver, "large", "x" * 1_000_000)
    async with watched(tmp_path / "s.db") as one:
        read = ["large" if number % 10 == 5 else "a" for number in range(30)]
        values = await asyncio.gather(*(value(one.saver, thread) for thread in read))
        assert values == ["x" * 1_000_000 if thread == "large" else "x" for thread in read]
        assert set(one.read_here) == {True, False}


@pytest.mark.usefixtures("_bursts")
async def test_a_burst_holds_up_the_loop_for_no_longer_than_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(burst, "_MOMENT_S", -1.0)
    async with watched(tmp_path / "s.db") as one:
        assert await asyncio.gather(*(value(one.saver, "a") for _ in range(30))) == ["x"] * 30
        assert False in one.read_here


@pytest.mark.usefixtures("_bursts")
async def test_of_a_burst_only_what_fails_fails(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        await put(saver, "damaged", "x")
    with closing(sqlite3.connect(tmp_path / "s.db")) as conn:
        conn.execute(
            "UPDATE duograph_checkpoints SET head = x'c1' WHERE thread = "
            "(SELECT id FROM duograph_threads WHERE name = 'damaged')"
        )
        conn.commit()
    async with watched(tmp_path / "s.db") as one:
        read = ["damaged" if number == 5 else "a" for number in range(30)]
        values = await asyncio.gather(*(value(one.saver, thread) for thread in read), return_exceptions=True)
        assert isinstance(values.pop(5), DamagedCheckpointError)
        assert values == ["x"] * 29


@pytest.mark.usefixtures("_bursts")
async def test_a_burst_does_not_wait_for_a_long_read(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        may_end = threading.Event()

        def work(_: object) -> bool:
            return may_end.wait(PATIENCE_S)

        long = [asyncio.create_task(one.reads.arun(work)) for _ in range(2)]
        reads = asyncio.gather(*(value(one.saver, "a") for _ in range(30)))
        assert await asyncio.wait_for(reads, PATIENCE_S) == ["x"] * 30
        assert not any(task.done() for task in long)
        may_end.set()
        assert await asyncio.gather(*long) == [True, True]


class Panic(BaseException):
    """As a library in Rust raises it."""


@pytest.mark.usefixtures("_bursts")
async def test_a_read_that_panics_fails_nobody_else(tmp_path: Path) -> None:
    def panic(_: object) -> None:
        raise Panic

    untold: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: untold.append(context))
    async with watched(tmp_path / "s.db") as one:
        reads = [one.reads.arun(panic, panic) if at == 5 else value(one.saver, "a") for at in range(30)]
        values = await asyncio.gather(*reads, return_exceptions=True)
        assert isinstance(values.pop(5), Panic)
        assert values == ["x"] * 29
        assert untold == []


@pytest.mark.usefixtures("_bursts")
async def test_closing_ends_every_read(tmp_path: Path) -> None:
    """Those that a thread has taken are done; those that wait for the end of the round are refused."""
    async with watched(tmp_path / "s.db") as one:
        first = [asyncio.create_task(one.reads.arun(lambda _: "x")) for _ in range(20)]
        await asyncio.sleep(0)
        one.saver.close()
        assert await asyncio.gather(*first) == ["x"] * 20
    async with watched(tmp_path / "s.db") as one:
        later = [asyncio.create_task(value(one.saver, "a")) for _ in range(20)]
        await asyncio.sleep(0)  # they wait for the end of this round
        one.saver.close()
        values = await asyncio.gather(*later, return_exceptions=True)
        assert all(isinstance(error, DatabaseError) and "closed" in str(error) for error in values)


@pytest.mark.usefixtures("_bursts")
async def test_an_interrupt_leaves_no_read_behind(tmp_path: Path) -> None:
    """One that comes as the first of a burst begins."""
    async with watched(tmp_path / "s.db") as one:
        real, calls = one.reads._bursts._end_round, 0  # noqa: SLF001

        def interrupted(reads: burst.Burst) -> None:
            nonlocal calls
            calls += 1
            if calls > 1:
                real(reads)

        one.reads._bursts._end_round = interrupted  # noqa: SLF001
        reads = asyncio.gather(*(value(one.saver, "a") for _ in range(3)))
        assert await asyncio.wait_for(reads, PATIENCE_S) == ["x"] * 3
        assert calls == 3  # one for each


async def test_what_takes_longer_is_the_threads(tmp_path: Path) -> None:
    messages = [HumanMessage(f"{number}") for number in range(100)]
    async with open_saver(tmp_path / "s.db") as saver:
        await put(saver, "long", messages)
        await put(saver, "large", "x" * 1_000_000)
        await put(saver, "images", ["x" * 100_000 + str(number) for number in range(5)])
    async with watched(tmp_path / "s.db") as one:
        for thread in ("large", "images", "long"):
            assert await found(one.saver, thread)
            assert one.read_here[-1] is False
            await asyncio.sleep(BETWEEN_BURSTS_S)
        one.reads._pace = Pace()  # noqa: SLF001  # on a busy machine any read may have been slow
        assert await value(one.saver, "long") == messages
        assert one.read_here == [True]  # remembered by now


async def test_a_read_here_holds_no_snapshot(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        await value(one.saver, "a")
        assert one.read_here == [True]
        await put(one.saver, "a", "y")
        with closing(sqlite3.connect(tmp_path / "s.db")) as other:
            busy, _, _ = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert busy == 0


async def test_what_fails_here_is_read_by_the_thread(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        one.reads._here.close()  # noqa: SLF001
        assert await value(one.saver, "a") == "x"
        assert one.read_here == [False]
        await asyncio.sleep(BETWEEN_BURSTS_S)
        assert await value(one.saver, "a") == "x"  # that thread has made a new connection
        assert one.read_here == [True]


async def test_the_loop_does_not_wait_for_a_lock(tmp_path: Path) -> None:
    async with watched(tmp_path / "s.db") as one:
        assert one.reads._here.execute("PRAGMA busy_timeout").fetchone() == (0,)  # noqa: SLF001


async def test_who_watches_for_calls_that_may_block_finds_none(tmp_path: Path) -> None:
    """As `langgraph dev` does: its watcher raises an error where an event loop is about to wait."""
    async with watched(tmp_path / "s.db") as one:

        def refuse(_: str) -> None:
            if threading.current_thread() is threading.main_thread():
                raise RuntimeError("Blocking call")

        untold: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: untold.append(context))
        for count in (1, 30, 300):
            real, one.reads._here = one.reads._here, Refusing(refuse)  # noqa: SLF001
            assert await asyncio.gather(*(value(one.saver, "a") for _ in range(count))) == ["x"] * count
            assert set(one.read_here) == {False}
            one.reads._here = real  # noqa: SLF001
            await asyncio.sleep(BETWEEN_BURSTS_S)
        assert untold == []


class Refusing:
    """A connection whose every call is refused."""

    def __init__(self, refuse: Any) -> None:  # noqa: ANN401  # a function
        self.execute = refuse

    def rollback(self) -> None:
        self.execute("")

    def close(self) -> None:
        """Nothing is held."""
