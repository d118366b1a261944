"""kill -9 at random moments between an answer and what is learned from it: none is lost, none doubled."""

import asyncio
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from memory.queue import open_jobs
from memory.queue.protocol import JobStatus
from memory.records import Item, Kind, Selection
from tests.memory.backends import open_backend
from tests.memory.enriching import background_of, write_script
from tests.neo4j import Neo4jServer

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 120.0


@pytest.fixture(params=["sqlite", pytest.param("neo4j", marks=pytest.mark.slow)])
def backend(request: pytest.FixtureRequest) -> str:
    """Where what is learned goes, as `open_backend` takes it."""
    if request.param == "sqlite":
        return "sqlite"
    server: Neo4jServer = request.getfixturevalue("neo4j")
    server.empty()
    return json.dumps({"uri": server.uri, "user": server.user, "password": server.password})


@contextmanager
def program(*arguments: str | Path) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.memory.enriching", *arguments],
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


def enqueued(log: Path) -> list[int]:
    """The turns that the queue took before a kill; a number that was cut off is none."""
    return [int(one) for one in log.read_text().split()] if log.exists() else []


def run_and_kill(process: "subprocess.Popen[str]", log: Path) -> None:
    """Kill at a random moment: mostly some time after the first turn was taken, now and then before it."""
    before = enqueued(log)
    assert process.stdin is not None
    process.stdin.write(f"{max(before, default=-1) + 1}\n")
    process.stdin.flush()
    pid = int(line(process))
    end = time.monotonic() + PATIENCE_S
    while random.random() < 0.99 and len(enqueued(log)) == len(before):  # noqa: S311  # no secret
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)
    time.sleep(random.uniform(0, 0.3))  # noqa: S311  # the same
    os.kill(pid, signal.SIGKILL)
    assert line(process) == "gone"


async def drain(target: str, backend: str, script: Path) -> None:
    """Do what is left, as the next start would."""
    background = await asyncio.to_thread(background_of, target, backend, str(script))
    background.notify()
    end, before = 0.0, dict[JobStatus, int]()
    while await background.jobs.next_due_s() is not None:
        counts = dict(await background.jobs.counts())
        if counts != before:  # hundreds of kills leave many jobs: what counts is that it goes on
            end, before = time.monotonic() + PATIENCE_S, counts
        assert time.monotonic() < end, counts
        await asyncio.sleep(0.05)
    assert await background.aclose(1)


async def kept(target: str, backend: str, kind: Kind) -> list[Item]:
    memory, found = open_backend(backend, target), list[Item]()
    while page := await memory.list(
        "ada", Selection(kinds=(kind,)), limit=500, after=found[-1].id if found else ""
    ):
        found += page
    await memory.aclose()
    return found


async def check(target: str, backend: str, turns: list[int]) -> None:
    """Make sure that each turn was learned from, once."""
    jobs = open_jobs(target)
    assert set(await jobs.counts()) == {"done"}
    done = [job.key for job in await jobs.list(limit=1_000_000)]
    await jobs.aclose()
    assert (
        len(done) == len(set(done)) >= len(set(turns))
    )  # one may be there whose note in the log was cut off
    wanted = {str(turn) for turn in turns}
    once: tuple[Kind, ...] = ("episode", "fact")
    for kind in once:
        items = await kept(target, backend, kind)
        told = Counter(origin.turn for item in items for origin in item.origins)
        assert wanted <= set(told)
        assert set(told.values()) == {1}
    joined: tuple[Kind, ...] = ("insight", "pattern")
    for kind in joined:
        (item,) = await kept(target, backend, kind)
        told = Counter(origin.turn for origin in item.origins)
        assert wanted <= set(told)
        assert set(told.values()) == {1}


def survive(folder: Path, backend: str, kills: int) -> None:
    target, log, script = str(folder / "s.sqlite"), folder / "log", folder / "background.jsonl"
    write_script(script)
    with program(target, backend, script, log) as process:
        for _ in range(kills):
            run_and_kill(process, log)
    with closing(sqlite3.connect(target)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    turns = enqueued(log)
    assert turns
    asyncio.run(drain(target, backend, script))
    asyncio.run(check(target, backend, turns))


def test_a_few_kills_lose_and_double_nothing(backend: str, tmp_path: Path) -> None:
    survive(tmp_path, backend, 4)


@pytest.mark.slow
def test_many_kills_lose_and_double_nothing(backend: str, tmp_path: Path) -> None:
    survive(tmp_path, backend, int(os.environ.get("KILLS", "10")))
