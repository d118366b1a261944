"""Locks among processes: one turn at a time on one session file, whoever dies."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from checkpoints import DatabaseError, ThreadBusyError, ThreadLocks
from checkpoints.locks import locks_for
from checkpoints.process_locks import FileLocks

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="processes are not kept apart there")


def start(database: Path, *words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.checkpoints.holder", str(database), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def holding(database: Path, thread_id: str) -> Iterator[subprocess.Popen[str]]:
    with start(database, "hold", thread_id) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            yield other
        finally:
            other.kill()


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


async def entered(locks: ThreadLocks) -> None:
    async with locks.ahold("t"):
        pass


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
