"""Locks among processes: one turn at a time on one session file, whoever dies."""

import asyncio
import os
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from checkpoints import DatabaseError, ThreadBusyError
from checkpoints.locks import locks_for
from checkpoints.process_locks import FileLocks
from tests.checkpoints.holding import entered, holding, start

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are not kept apart there")


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite"


def test_a_thread_that_another_process_holds_is_refused_and_others_are_not(database: Path) -> None:
    locks = locks_for(str(database))
    with holding(database, "t"):
        with pytest.raises(ThreadBusyError, match="'t' is busy"), locks.hold("t", timeout_s=0):
            pytest.fail("held twice")
        with pytest.raises(ThreadBusyError, match=r"more than 0\.05 s"), locks.hold("t", timeout_s=0.05):
            pytest.fail("held twice")
        with locks.hold("u", timeout_s=0):
            pass
    assert locks.held == 0


async def test_a_task_is_refused_too_and_the_loop_goes_on_meanwhile(database: Path) -> None:
    locks, ticks = locks_for(str(database)), 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0.001)

    with holding(database, "t"):
        ticking = asyncio.create_task(tick())
        with pytest.raises(ThreadBusyError):
            async with locks.ahold("t", timeout_s=0.2):
                pytest.fail("held twice")
        ticking.cancel()
    assert ticks > 10
    assert locks.held == 0


async def test_whoever_waits_goes_on_when_the_holder_is_killed(database: Path) -> None:
    locks = locks_for(str(database))
    with holding(database, "t") as other:
        waiting = asyncio.create_task(entered(locks))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        other.kill()
        await waiting


async def test_a_cancelled_waiter_leaves_nothing_behind(database: Path) -> None:
    locks = locks_for(str(database))
    with holding(database, "t") as other:
        waiting = asyncio.create_task(entered(locks))
        await asyncio.sleep(0.1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        other.kill()
    assert locks.held == 0
    assert not FileLocks(f"{database}-locks").is_wanted("t")
    with locks.hold("t", timeout_s=5):
        pass


def test_processes_threads_and_tasks_together_lose_no_turn(database: Path, tmp_path: Path) -> None:
    counter = tmp_path / "counter"
    counter.write_text("0")
    kinds = ["count", "count_in_tasks", "count", "count_in_tasks"]
    with ExitStack() as stack:
        others = [stack.enter_context(start(database, kind, str(counter), "25")) for kind in kinds]
        assert [other.wait(60) for other in others] == [0, 0, 0, 0]
    assert counter.read_text() == "100"


def test_a_process_that_never_pauses_lets_another_in(database: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    locks = locks_for(str(database))
    with start(database, "repeat", str(log), "100000") as greedy:
        assert greedy.stdout is not None
        greedy.stdout.readline()
        for _ in range(3):
            with locks.hold("t", timeout_s=60):
                before = log.stat().st_size if log.exists() else 0
                time.sleep(0.02)
                assert (log.stat().st_size if log.exists() else 0) == before
        greedy.kill()


def test_a_folder_that_may_not_be_written_is_said_in_one_sentence(tmp_path: Path) -> None:
    locks = locks_for(str(tmp_path / "missing" / "sessions.sqlite"))
    with pytest.raises(DatabaseError, match="cannot be opened"), locks.hold("t"):
        pytest.fail("held without a lock")
    assert locks.held == 0


def test_a_lock_file_that_was_removed_keeps_nobody_apart_from_those_who_look_afterwards(
    database: Path,
) -> None:
    file = Path(f"{database}-locks")
    locks = locks_for(str(database))
    with locks.hold("t", timeout_s=0):  # opens the file
        pass
    file.unlink()
    with holding(database, "t"):
        with pytest.raises(ThreadBusyError), locks.hold("t", timeout_s=0):
            pytest.fail("held twice")
        file.unlink()
        file.touch()  # as another process would, and nobody has a lock in it
        with locks.hold("u", timeout_s=0):
            pass
    with locks.hold("t", timeout_s=5):
        pass


def test_a_holder_whose_lock_file_was_removed_holds_on_in_the_next_one(database: Path) -> None:
    locks = locks_for(str(database))
    with locks.hold("t"):
        Path(f"{database}-locks").unlink()
        with locks.hold("u"):  # looks, and finds it gone
            pass
        fresh = FileLocks(f"{database}-locks")
        assert not fresh.try_hold("t")
        assert fresh.try_hold("u")
    assert fresh.try_hold("t")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_holds_no_lock_of_its_parent(database: Path, child: Callable[..., Any]) -> None:
    script = """
        import os, sys
        from checkpoints import ThreadBusyError
        from checkpoints.locks import locks_for
        locks = locks_for(sys.argv[1])
        with locks.hold("t"):
            pid = os.fork()
            if pid == 0:
                try:
                    with locks.hold("t", timeout_s=0):
                        os._exit(1)
                except ThreadBusyError:
                    os._exit(0)
            print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    """
    assert child(script, database).communicate()[0] == "0\n"
