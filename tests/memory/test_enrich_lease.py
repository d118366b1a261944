"""A worker that is killed while it holds a job, and two on one queue: each turn is learned from once."""

import asyncio
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path

from graph.background import Background
from memory import Memory
from memory.queue import Worker, open_jobs
from memory.queue.sql import SqlJobs
from memory.records import Item, Selection
from memory.sql import open_memory
from tests.memory.enriching import PACE, background_of, turn_of, write_script

PATIENCE_S = 30.0


async def until(background: Background, status: str, number: int) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while dict(await background.jobs.counts()) != {status: number}:  # noqa: ASYNC110  # of another process
            await asyncio.sleep(0.01)


async def learned(memory: Memory) -> Sequence[Item]:
    return await memory.list("ada", Selection(kinds=("insight",)))


def test_what_a_killed_worker_held_is_taken_over_when_its_lease_is_over(tmp_path: Path) -> None:
    target, script = str(tmp_path / "s.sqlite"), tmp_path / "background.jsonl"
    hangs = tmp_path / "hangs.jsonl"
    hangs.write_text('{"content": "{}", "delay_s": 600}\n')
    write_script(script)

    async def enqueue() -> None:
        jobs, turn = open_jobs(target), turn_of(1)
        await jobs.enqueue("enrich", "ada", turn.key, turn.payload())
        await jobs.aclose()

    async def take_over(killed: int) -> None:
        background = await asyncio.to_thread(background_of, target, "sqlite", str(script))
        later = SqlJobs(target, clock=lambda: time.time() + PACE.lease_s)
        background.worker = Worker(later, background.handle, pace=PACE)
        await until(background, "running", 1)
        os.kill(killed, signal.SIGKILL)
        assert (await asyncio.to_thread(os.waitpid, killed, 0))[1] == signal.SIGKILL
        background.notify()
        await until(background, "done", 1)
        assert await background.aclose(1)
        await later.aclose()

    async def check() -> None:
        memory, jobs = open_memory(target), open_jobs(target)
        (job,) = await jobs.list()
        (insight,) = await learned(memory)
        assert (job.attempts, job.error, len(insight.origins)) == (1, "", 1)
        await jobs.aclose()
        await memory.aclose()

    asyncio.run(enqueue())
    holder = os.fork()
    if holder == 0:
        try:
            background = background_of(target, "sqlite", str(hangs))
            background.notify()
            time.sleep(PATIENCE_S)
        finally:
            os._exit(1)
    try:
        asyncio.run(take_over(holder))
    except BaseException:
        os.kill(holder, signal.SIGKILL)
        raise
    asyncio.run(check())


async def test_two_workers_on_one_queue_ask_about_no_turn_twice(tmp_path: Path) -> None:
    target, script = str(tmp_path / "s.sqlite"), tmp_path / "background.jsonl"
    write_script(script)
    both = [await asyncio.to_thread(background_of, target, "sqlite", str(script)) for _ in range(2)]
    turns = [turn_of(number) for number in range(8)]
    for turn in turns:
        await both[0].jobs.enqueue("enrich", "ada", turn.key, turn.payload())
    both[1].notify()
    await until(both[0], "done", len(turns))
    assert [job.attempts for job in await both[0].jobs.list()] == [1] * len(turns)
    for background in both:
        assert await background.aclose(1)
    memory = open_memory(target)
    (insight,) = await learned(memory)
    assert sorted(origin.turn for origin in insight.origins) == sorted(turn.turn for turn in turns)
    assert len(await memory.list("ada", Selection(kinds=("episode",)))) == len(turns)
    await memory.aclose()
