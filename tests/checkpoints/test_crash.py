"""kill -9 at random moments under load: nothing finished is lost, nothing finished is done twice.

By hand, with more kills: `KILLS=200 uv run pytest -m slow tests/checkpoints/test_crash.py`.
"""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from langchain_core.runnables import RunnableConfig

from checkpoints import open_saver
from tests.checkpoints.crashing import NODES, THREADS, build

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def program(path: Path, log: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.checkpoints.crashing", path, log],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert line(process) == "ready"
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # its forks too
        process.communicate()


def line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def run_and_kill(process: "subprocess.Popen[str]", log: Path) -> None:
    """Kill at a random moment: mostly some steps after the first one began, now and then while it starts."""
    size = log.stat().st_size if log.exists() else 0
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    pid = int(line(process))
    while random.random() < 0.99 and not (log.exists() and log.stat().st_size > size):  # noqa: S311  # no secret
        time.sleep(0.01)
    time.sleep(random.uniform(0, 0.3))  # noqa: S311  # the same
    os.kill(pid, signal.SIGKILL)
    assert line(process) == "gone"


def begun(log: Path) -> dict[str, list[str]]:
    """The steps that each thread began, in order."""
    found: dict[str, list[str]] = defaultdict(list)
    for entry in log.read_text().splitlines() if log.exists() else []:
        thread, step = entry.split()
        found[thread].append(step)
    return found


async def check_and_resume(path: Path, log: Path) -> int:
    """Look at every thread and let it finish its turn; gives how many turns were unfinished."""
    unfinished = 0
    before = begun(log)
    mark = os.open(log, os.O_WRONLY | os.O_APPEND)
    async with open_saver(path, keep_turns=3) as saver:
        for number in range(THREADS):
            thread = f"thread-{number}"
            graph, steps = build(saver, thread, mark), before[thread]
            place: RunnableConfig = {"configurable": {"thread_id": thread}}
            state = await graph.aget_state(place)
            done = state.values.get("done", [])
            # The step begun last may have been under way; all before it were stored before it began.
            assert done in (steps, steps[:-1]), thread
            # Not `next`, which leaves out a task whose writes are stored and whose superstep is not.
            if state.tasks:
                unfinished += 1
                state_after = await graph.ainvoke(None, place, durability="sync")
                done = state_after["done"]
            answered = [f"{turn}:respond" for turn in range(1, len(done) // len(NODES) + 1)]
            assert done == [f"{turn}:{node}" for turn in range(1, len(answered) + 1) for node in NODES]
            kept = (await graph.aget_state(place)).values.get("messages", [])
            assert [message.id for message in kept if message.type == "ai"] == answered
    os.close(mark)
    for thread, steps in begun(log).items():
        again = steps[len(before[thread]) :]
        # Only what was under way is begun a second time.
        assert not set(again) & set(before[thread][:-1]), thread
    rewrite(log)
    return unfinished


def rewrite(log: Path) -> None:
    """Leave each step in the log once, as the resumed run began the last one again."""
    entries = [f"{thread} {step}" for thread, steps in begun(log).items() for step in dict.fromkeys(steps)]
    log.write_text("".join(f"{entry}\n" for entry in entries))


def survive(folder: Path, kills: int) -> int:
    path, log = folder / "s.db", folder / "log"
    unfinished = 0
    with program(path, log) as process:
        for _ in range(kills):
            run_and_kill(process, log)
            log.touch()
            if path.exists():
                with closing(sqlite3.connect(path)) as conn:
                    assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
                unfinished += asyncio.run(check_and_resume(path, log))
    assert begun(log)
    return unfinished


def test_a_few_kills_lose_and_repeat_nothing(tmp_path: Path) -> None:
    assert survive(tmp_path, 3) > 0


@pytest.mark.slow
def test_many_kills_lose_and_repeat_nothing(tmp_path: Path) -> None:
    kills = int(os.environ.get("KILLS", "12"))
    assert survive(tmp_path, kills) > kills
