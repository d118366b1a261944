"""Programs, event loops and threads that end or are late at a bad moment lose no task's writes."""

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from checkpoints import SessionSaver, open_saver
from checkpoints.sqlite.writes import Call
from tests.checkpoints import half_done
from tests.checkpoints.posting import PATIENCE_S, at, put, soon_stored, stored, writes_of


@pytest.mark.parametrize("how", ["waits", "computes"])
def test_a_node_that_ended_is_not_run_again_when_another_one_was_killed(tmp_path: Path, how: str) -> None:
    path, log = tmp_path / "s.db", tmp_path / "log"
    with subprocess.Popen([sys.executable, "-m", "tests.checkpoints.half_done", path, log, how]) as child:
        try:
            deadline = time.monotonic() + PATIENCE_S
            # The writes of the step that takes the input, and those of the quick node.
            while not (log.exists() and "slow" in log.read_text() and len(stored(path)) == 2):
                assert child.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.01)
        finally:
            child.kill()
    with open_saver(path) as saver:
        graph = half_done.build(saver, log, "")
        assert asyncio.run(graph.ainvoke(None, {"configurable": {"thread_id": "t"}})) == {
            "quick": "done",
            "slow": "done",
        }
    assert log.read_text().split() == ["quick", "slow", "slow"]


class Slow:
    """An event loop that tries to commit for a while and then cannot: what a busy file makes of it."""

    def __init__(self, saver: Any) -> None:  # noqa: ANN401  # it is looked into
        self.began, self.may_end = threading.Event(), threading.Event()
        saver.writer._worker._at_once = self._try  # noqa: SLF001  # nobody can be that slow on purpose

    def _try(self, _: object) -> bool:
        self.began.set()
        assert self.may_end.wait(PATIENCE_S)
        return False

    def in_a_loop(self, saver: SessionSaver) -> threading.Thread:
        """Post writes in a loop of another thread, which stays in its attempt."""

        thread = threading.Thread(target=asyncio.run, args=(post_and_go(saver),))
        thread.start()
        assert self.began.wait(PATIENCE_S)
        return thread


def test_what_a_loop_could_not_commit_comes_before_what_was_queued_meanwhile(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        slow = Slow(saver)
        loop = slow.in_a_loop(saver)
        threading.Timer(0.05, slow.may_end.set).start()
        found = saver.get_tuple({"configurable": {"thread_id": "t"}})  # waits for the writes
        assert found is None  # there is no checkpoint
        assert stored(tmp_path / "s.db") == ["first"]
        loop.join()


def test_closing_while_a_loop_tries_to_commit_loses_nothing(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        slow = Slow(saver)
        loop = slow.in_a_loop(saver)
        threading.Timer(0.05, slow.may_end.set).start()
    assert stored(tmp_path / "s.db") == ["first"]
    loop.join()


def test_a_loop_that_ends_while_the_thread_is_at_work_loses_nothing(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        writer: Any = saver.writer  # type: ignore[attr-defined]
        began, may_end = threading.Event(), threading.Event()

        def work(_: object) -> None:
            began.set()
            assert may_end.wait(PATIENCE_S)

        busy = threading.Thread(target=writer.run, args=(Call(work),))
        busy.start()
        assert began.wait(PATIENCE_S)
        asyncio.run(post_and_go(saver))
        assert stored(tmp_path / "s.db") == []
        may_end.set()
        busy.join()
        assert soon_stored(tmp_path / "s.db", "first")


async def post_and_go(saver: SessionSaver) -> None:
    await saver.aput_writes(at("t"), [("value", 1)], "first")
    await asyncio.sleep(0.005)  # the loop comes back for them


def test_a_program_that_ends_without_closing_loses_nothing(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from checkpoints import open_saver\n"
        "place = {'configurable': {'thread_id': 't', 'checkpoint_ns': '', 'checkpoint_id': 'c'}}\n"
        "saver = open_saver(sys.argv[1]).__enter__()\n"
        "asyncio.run(saver.aput_writes(place, [('value', 1)], 'task'))\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path / "s.db"], check=True)
    assert stored(tmp_path / "s.db") == ["task"]


def test_loops_that_are_dropped_are_not_kept(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        worker: Any = saver.writer._worker  # type: ignore[attr-defined]  # noqa: SLF001
        loops = [asyncio.new_event_loop() for _ in range(20)]
        for number, loop in enumerate(loops):
            loop.run_until_complete(saver.aput_writes(at("t"), [("value", 1)], f"task {number}"))
        assert len(worker._later) == 1  # noqa: SLF001
        for loop in loops:
            loop.close()


def test_a_program_that_ends_while_another_thread_commits_loses_nothing(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", AT_THE_END, tmp_path / "s.db"], check=True)
    assert stored(tmp_path / "s.db") == ["task"]


AT_THE_END = """
import asyncio, sys, threading, time
from checkpoints import open_saver
from tests.checkpoints.posting import at, put

saver = open_saver(sys.argv[1]).__enter__()
asyncio.run(put(saver, "warm"))
began, worker = threading.Event(), saver.writer._worker
commit = worker._at_once

def slowly(group):
    began.set()
    time.sleep(0.2)
    return commit(group)

async def post():
    await saver.aput_writes(at("t"), [("value", 1)], "task")
    await asyncio.sleep(60)

worker._at_once = slowly
threading.Thread(target=lambda: asyncio.run(post()), daemon=True).start()
began.wait()
"""


def test_two_threads_that_post_at_once_both_see_their_own(tmp_path: Path) -> None:
    """The first one is noted, and the second one committed, before the first one is queued."""
    with open_saver(tmp_path / "s.db") as saver:
        place = asyncio.run(put(saver, "t"))
        noted, done = threading.Event(), threading.Event()
        writer: Any = saver.writer  # type: ignore[attr-defined]
        submit = writer._submit  # noqa: SLF001  # to be late at a bad moment

        def late(job: Any, receipt: Any, loop: Any) -> None:  # noqa: ANN401
            if getattr(job, "task", "") == "first":
                noted.set()
                assert done.wait(PATIENCE_S)
            submit(job, receipt, loop)

        writer._submit = late  # noqa: SLF001
        seen: list[list[tuple[str, Any]]] = []

        def first() -> None:
            async def go() -> None:
                await saver.aput_writes(place, [("value", 1)], "first")
                seen.append(writes_of(saver.get_tuple(place)))

            asyncio.run(go())

        thread = threading.Thread(target=first)
        thread.start()
        assert noted.wait(PATIENCE_S)

        async def second() -> None:
            await saver.aput_writes(place, [("value", 2)], "second")
            while stored(tmp_path / "s.db") != ["second"]:  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.005)

        asyncio.run(second())
        done.set()
        thread.join()
        assert sorted(seen[0]) == [("first", 1), ("second", 2)]
