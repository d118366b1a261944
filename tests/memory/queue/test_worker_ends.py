"""A program that ends while its worker is at work: nothing keeps it alive, and no job is lost."""

import asyncio
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import pytest

from memory.queue.sql import SqlJobs
from tests.memory.queue.handling import PATIENCE_S, Handle, statuses, wait_for, working

ROOT = Path(__file__).resolve().parents[3]

PROGRAM = """
import asyncio, sys, threading, time
from memory.queue.sql import SqlJobs
from memory.queue.worker import Worker

class Handle:
    async def __call__(self, lease):
        print("begun", flush=True)
        {work}
    async def aclose(self):
        pass

jobs = SqlJobs(sys.argv[1])
worker = Worker(jobs, Handle())

async def main():
    await jobs.enqueue("enrich", "ada", "a", {{}})
    worker.notify()
    await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main())
{end}
"""

HANGS = {
    "awaits": "await asyncio.Event().wait()",
    "blocks a thread": "await asyncio.to_thread(time.sleep, 600)",
    "blocks the loop": "time.sleep(600)",
}


ENDS = ("", "raise SystemExit(0)", "import gc; del worker; gc.collect()")
PLAIN = [("awaits", "raise SystemExit(0)"), ("blocks a thread", "")]
RARE = [pair for pair in product(HANGS, ENDS) if pair not in PLAIN]


@pytest.mark.parametrize(
    ("work", "end"), [*PLAIN, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in RARE)]
)
def test_a_program_that_ends_is_not_kept_alive_and_loses_nothing(work: str, end: str, path: Path) -> None:
    program = PROGRAM.format(work=HANGS[work], end=end)
    with started(program, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        _, errors = process.communicate("\n", PATIENCE_S)
        assert (process.returncode, errors) == (0, "")
    jobs = SqlJobs(path, clock=lambda: time.time() + 31)
    assert asyncio.run(jobs.next_due_s()) == 0
    asyncio.run(jobs.aclose())


@pytest.mark.parametrize(
    "signal", ["SIGTERM", *(pytest.param(name, marks=pytest.mark.slow) for name in ("SIGINT", "SIGKILL"))]
)
def test_a_signal_ends_a_program_and_the_job_stays(signal: str, path: Path) -> None:
    program = PROGRAM.format(work=HANGS["awaits"], end="")
    with started(program, path) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        subprocess.run(["kill", f"-{signal[3:]}", str(process.pid)], check=True)
        if signal == "SIGINT":  # asyncio.run waits for the thread that reads
            process.communicate("\n", PATIENCE_S)
        process.wait(PATIENCE_S)
    jobs = SqlJobs(path, clock=lambda: time.time() + 31)
    assert asyncio.run(jobs.next_due_s()) == 0
    with working(jobs, Handle()):
        wait_for(lambda: statuses(jobs) == {"a": "done"})
    asyncio.run(jobs.aclose())


@contextmanager
def started(program: str, path: Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", program, path],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()
