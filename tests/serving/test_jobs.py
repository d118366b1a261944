"""`duograph jobs` and `duograph worker` as processes of their own."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from memory.queue import FinishedTurn, open_jobs
from memory.records import Item, Selection
from memory.sql import open_memory
from tests.processes import PATIENCE_S
from tests.serving.commandline import finish

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.commandline import CommandLine
    from tests.serving.terminals import Terminals

SAID = {"insights": [{"text": "The user likes tabs.", "confidence": 0.8}], "patterns": []}


def database(cli: CommandLine) -> Path:
    return cli.folder / "home" / "sessions.sqlite"


def enqueue(cli: CommandLine, count: int = 1, first: int = 0) -> None:
    async def add() -> None:
        jobs = open_jobs(database(cli))
        for n in range(first, first + count):
            turn = FinishedTurn(session="s", turn=str(n), request=f"question {n}", answer="answer")
            await jobs.enqueue("enrich", "default", turn.key, turn.payload())
        await jobs.aclose()

    asyncio.run(add())


def insights(cli: CommandLine) -> list[Item]:
    async def read() -> list[Item]:
        memory = open_memory(database(cli))
        found = await memory.list("default", Selection(kinds=("insight",)))
        await memory.aclose()
        return list(found)

    return asyncio.run(read())


def background(cli: CommandLine, *lines: dict[str, Any]) -> dict[str, str]:
    path = cli.folder / "background.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return {"DUOGRAPH_BACKGROUND_MODEL": f"scripted:{path}", "DUOGRAPH_MODEL_TRIES": "1"}


def test_without_jobs_there_is_nothing_to_list_or_do(cli: CommandLine) -> None:
    cli.run("memory", "add", "tea")
    assert cli.run("jobs", "list", "--json").json == []
    assert "no such jobs" in cli.run("jobs", "list").err
    assert cli.run("worker", "--drain", "--json").json == {"done": 0, "dead": 0, "left": 0, "waiting": 0}


def test_a_worker_drains_the_queue(cli: CommandLine) -> None:
    enqueue(cli, 3)
    done = cli.run(
        "worker", "--drain", "--json", env=background(cli, {"content": json.dumps(SAID), "repeat": True})
    )
    assert (done.code, done.json) == (0, {"done": 3, "dead": 0, "left": 0, "waiting": 0})
    (insight,) = insights(cli)
    assert len(insight.origins) == 3
    listed = cli.run("jobs", "list", "--json").json
    assert {job["status"] for job in listed} == {"done"}
    assert "payload" not in listed[0]


@pytest.mark.slow
def test_what_waits_for_a_memory_that_is_away_is_counted_and_done_later(cli: CommandLine) -> None:
    enqueue(cli, 2)
    away = {"DUOGRAPH_NEO4J_URI": "bolt://127.0.0.1:9"}
    first, drained = (cli.run("worker", "--drain", "--json", env=away) for _ in range(2))
    assert (first.code, first.json) == (7, {"done": 0, "dead": 0, "left": 2, "waiting": 2})
    assert (drained.code, drained.json) == (first.code, first.json)
    assert "2 jobs will wait until memory can be used" in drained.err
    assert "bolt://127.0.0.1:9 cannot be reached" in drained.err
    assert {job["attempts"] for job in cli.run("jobs", "list", "--json").json} == {0}
    done = cli.run("worker", "--drain", "--json")
    assert (done.code, done.json) == (0, {"done": 2, "dead": 0, "left": 0, "waiting": 0})


def test_a_dead_job_is_seen_repeated_and_dropped(cli: CommandLine) -> None:
    async def spoil() -> None:
        jobs = open_jobs(database(cli))
        await jobs.enqueue("write", "default", "k", {"records": "none"})
        await jobs.aclose()

    asyncio.run(spoil())
    drained = cli.run("worker", "--drain", "--json")
    assert (drained.code, drained.json["dead"]) == (8, 1)
    (job,) = cli.run("jobs", "list", "--status", "dead", "--json").json
    assert "cannot be read" in job["error"]
    shown = cli.run("jobs", "show", job["id"][:8])
    assert "payload.records: none" in shown.out
    assert cli.run("jobs", "retry", job["id"], "--json").json == {"retried": job["id"]}
    again = cli.run("jobs", "retry", job["id"])
    assert again.code == 2
    assert "is pending" in again.err
    assert cli.run("jobs", "drop", job["id"][:8]).code == 0
    gone = cli.run("jobs", "show", job["id"])
    assert gone.code == 2
    assert "No job" in gone.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_worker_cleanly_and_the_job_goes_back(cli: CommandLine, number: int) -> None:
    enqueue(cli)
    process = cli.start("worker", "--json", env=background(cli, {"content": "{}", "delay_s": 600}))

    def status() -> str:
        return str(cli.run("jobs", "list", "--json").json[0]["status"])

    end = time.monotonic() + PATIENCE_S
    while status() != "running":
        assert time.monotonic() < end, "waited in vain"
    process.send_signal(number)
    done = finish(process)
    assert (done.code, done.json) == (0, {"done": 0, "dead": 0, "left": 1, "waiting": 0})
    (job,) = cli.run("jobs", "list", "--json").json
    assert (job["status"], job["attempts"]) == ("pending", 0)


def test_a_worker_tells_a_terminal_what_it_is_at(cli: CommandLine, terminals: Terminals) -> None:
    enqueue(cli, 2)
    env = background(cli, {"content": json.dumps(SAID), "repeat": True})
    terminal = terminals.start("worker", env=env)
    terminal.read("duograph: 2 jobs to do; Ctrl-C ends this and loses none.")
    terminal.read("2 jobs done, 0 left")
    enqueue(cli, first=2)
    terminal.read("3 jobs done, 0 left")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 0
    assert terminal.seen.endswith("duograph: 3 jobs done, 0 left\r\n")


def test_a_worker_tells_a_log_what_there_is_to_do_and_what_was_done(cli: CommandLine) -> None:
    enqueue(cli, 2)
    env = background(cli, {"content": json.dumps(SAID), "repeat": True})
    done = cli.run("worker", "--drain", env=env)
    assert done.err.splitlines() == ["duograph: 2 jobs to do", "duograph: 2 jobs done, 0 left"]
    assert cli.run("worker", "--drain", "--json", env=env).err == ""


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("ENRICHMENT", "off", "learning is switched off; set DUOGRAPH_ENRICHMENT=worker"),
        ("MEMORY", "false", "there is no memory: it is switched off; set DUOGRAPH_MEMORY=true"),
        ("ENCRYPTION_KEY", "correct horse", "there is no memory: the sessions are encrypted at rest"),
    ],
)
def test_where_nothing_is_learned_a_worker_says_why(
    cli: CommandLine, name: str, value: str, why: str
) -> None:
    refused = cli.run("worker", env={f"DUOGRAPH_{name}": value})
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"duograph: Nothing is learned here: {why}")
    assert ("ENRICHMENT" in refused.err) == (name == "ENRICHMENT")
