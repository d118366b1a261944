"""Locks on a server: one turn at a time among processes, and none that writes without its lock."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointMetadata, empty_checkpoint

from checkpoints import DatabaseError, SessionSaver, ThreadBusyError, open_saver
from checkpoints.postgres.locks import PostgresLocks, key_of
from tests.checkpoints.holding import entered, holding, start
from tests.checkpoints.postgres.servers import cut_connections, cut_locks
from tests.checkpoints.test_history import Counted, place

pytestmark = pytest.mark.slow

METADATA: CheckpointMetadata = {"source": "input", "step": -1, "parents": {}}


@pytest.fixture
def saver(target: str) -> Iterator[SessionSaver]:
    with open_saver(target) as saver:
        yield saver


def put(saver: SessionSaver) -> RunnableConfig:
    return saver.put(place("t"), empty_checkpoint(), METADATA, {})


def test_a_thread_that_another_process_holds_is_refused_and_others_are_not(
    saver: SessionSaver, target: str
) -> None:
    with holding(target, "t"):
        with pytest.raises(ThreadBusyError, match="'t' is busy"), saver.locks.hold("t", timeout_s=0):
            pytest.fail("held twice")
        with (
            pytest.raises(ThreadBusyError, match=r"more than 0\.05 s"),
            saver.locks.hold("t", timeout_s=0.05),
        ):
            pytest.fail("held twice")
        with saver.locks.hold("u", timeout_s=0):
            pass
    assert saver.locks.held == 0


async def test_whoever_waits_goes_on_when_the_holder_is_killed_and_a_cancelled_one_leaves_nothing(
    saver: SessionSaver, target: str
) -> None:
    with holding(target, "t") as other:
        cancelled, waiting = (asyncio.create_task(entered(saver.locks)) for _ in range(2))
        await asyncio.sleep(0.1)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert not waiting.done()
        other.kill()
        await waiting
    assert saver.locks.held == 0
    assert isinstance(saver.locks.processes, PostgresLocks)
    assert not saver.locks.processes.is_wanted("t")


def test_processes_threads_and_tasks_together_lose_no_turn(target: str, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    kinds = ["count", "count_in_tasks", "count"]
    with ExitStack() as stack:
        others = [stack.enter_context(start(target, kind, str(counter), "25")) for kind in kinds]
        assert [other.wait(120) for other in others] == [0, 0, 0]
    assert counter.read_text() == "75"


def test_a_process_that_never_pauses_lets_another_in(
    saver: SessionSaver, target: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with start(target, "repeat", str(log), "100000") as greedy:
        assert greedy.stdout is not None
        greedy.stdout.readline()
        for _ in range(3):
            with saver.locks.hold("t", timeout_s=60):
                before = log.stat().st_size if log.exists() else 0
                time.sleep(0.02)
                assert (log.stat().st_size if log.exists() else 0) == before
        greedy.kill()


def test_a_turn_whose_lock_was_cut_stores_nothing_more_and_the_next_one_does(
    saver: SessionSaver, target: str
) -> None:
    with saver.locks.hold("t"):
        stored = put(saver)
        assert cut_locks(target) == 1
        with pytest.raises(DatabaseError, match=r"lost its lock .* go on with `duograph resume t`"):
            put(saver)
        with pytest.raises(DatabaseError, match="lost its lock"):
            saver.put_writes(stored, [("a", 1)], "task")
        # Another thread's lock is taken on a new connection, which brings nothing back.
        with saver.locks.hold("u"), pytest.raises(DatabaseError, match="lost its lock"):
            put(saver)
    assert len(list(saver.list(None))) == 1
    with saver.locks.hold("t"):
        put(saver)
    assert len(list(saver.list(None))) == 2


def test_a_turn_that_lost_its_lock_never_writes_into_the_next_ones(target: str) -> None:
    """The next one is in another process, or as here in a saver that shares nothing with the first."""
    with open_saver(target) as first, open_saver(f"{target}&application_name=other") as second:
        assert first.locks is not second.locks
        with first.locks.hold("t"):
            put(first)
            cut_locks(target)
            with second.locks.hold("t", timeout_s=10):
                put(second)
                with pytest.raises(DatabaseError, match="lost its lock"):
                    put(first)
                put(second)
        with second.locks.hold("t", timeout_s=10):  # what the first one gave back was no longer its own
            put(second)
        assert len(list(first.list(None))) == 4


def test_a_graphs_turn_that_lost_its_lock_ends_and_is_resumed(saver: SessionSaver, target: str) -> None:
    counted = Counted(saver)
    first = counted.first

    def cutting(state: object) -> object:
        cut_connections(target)
        return first(state)  # type: ignore[arg-type]

    counted.graph.nodes["first"].bound.func = cutting  # type: ignore[attr-defined]
    with pytest.raises(DatabaseError, match="lost its lock"), saver.locks.hold("t"):
        counted.graph.invoke({"messages": [("user", "hello")]}, place("t"), durability="sync")
    counted.graph.nodes["first"].bound.func = first  # type: ignore[attr-defined]
    with saver.locks.hold("t"):
        counted.graph.invoke(None, place("t"))
    assert len(counted.texts("t")) == 3


def test_leaving_does_not_wait_for_the_server(saver: SessionSaver, target: str) -> None:
    with psycopg.connect(target) as other:
        with saver.locks.hold("t"):
            other.execute("LOCK TABLE duograph_turns IN ACCESS EXCLUSIVE MODE")
        # The block was left while the server could not even be told.
        row = other.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid::bigint = %s",
            (key_of("t") & 0xFFFFFFFF,),
        ).fetchone()
        assert row == (1,)
    with saver.locks.hold("t", timeout_s=30):
        pass


def test_nothing_is_left_on_the_server_after_the_turns(saver: SessionSaver, target: str) -> None:
    for name in "abc":
        with saver.locks.hold(name):
            pass
    with saver.locks.hold("d"), psycopg.connect(target) as conn:
        # Taking one more lock comes after giving back the ones before it.
        assert conn.execute("SELECT thread_id FROM duograph_turns").fetchall() == [("d",)]
        assert conn.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (1,)
