"""A program that answers and learns until it is killed: for each line that it reads, a fresh fork of it.

Each fork enqueues turns, as the last node of a graph does, notes each one that the queue has taken in a log,
and has a worker do the jobs with a background model that takes a moment.
"""

import asyncio
import json
import os
import random
import sys
from pathlib import Path

from graph.background import Background
from graph.services import role_models
from graph.settings import Settings
from memory.queue import FinishedTurn, Pace, Worker
from tests.memory.backends import open_backend

PACE = Pace(timeout_s=20, lease_s=0.5, poll_s=0.05, backoff_s=0.02, longest_backoff_s=0.2, grace_s=0.1)


def turn_of(number: int) -> FinishedTurn:
    """A finished turn."""
    return FinishedTurn(
        session=f"session {number % 3}",
        turn=str(number),
        request=f"question {number}",
        answer=f"answer {number}",
        proof="verified",
        files=("a.py",),
    )


def background_of(target: str, backend: str, script: str) -> Background:
    """What does the jobs, with a worker in a hurry."""
    settings = Settings(database=target, background_model=f"scripted:{script}", user_settings=False)
    from memory.queue import open_jobs  # noqa: PLC0415  # in the fork alone

    memory, jobs = open_backend(backend, target), open_jobs(target)
    background = Background(settings, memory, jobs, models=lambda: role_models(settings))
    background.worker = Worker(jobs, background.handle, pace=PACE)
    return background


def write_script(path: Path) -> None:
    """What the background model says: whatever it is asked, after a moment."""
    said = {
        "insights": [{"text": "Every turn teaches this.", "confidence": 0.9}],
        "patterns": [{"text": "Do it so again."}],
    }
    last = {"content": json.dumps(said), "delay_s": 0.01, "repeat": True}
    lines = [{"content": json.dumps(said)}, {"content": json.dumps(said), "delay_s": 0.05}, last]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


async def answer(target: str, backend: str, script: str, log: int, first: int) -> None:
    """Enqueue turn after turn, and let a worker learn from them."""
    background = background_of(target, backend, script)
    background.notify()
    number = first
    while True:
        turn = turn_of(number)
        await background.jobs.enqueue("enrich", "ada", turn.key, turn.payload())
        os.write(log, f"{number}\n".encode())
        number += 1
        await asyncio.sleep(random.uniform(0, 0.1))  # noqa: S311  # no secret


def main(target: str, backend: str, script: str, log_path: str) -> None:
    """Fork, say who, and wait until somebody killed it."""
    log = os.open(log_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    print("ready", flush=True)  # noqa: T201  # the test waits for it
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            asyncio.run(answer(target, backend, script, log, int(line)))
            os._exit(1)
        print(pid, flush=True)  # noqa: T201  # the test kills it
        os.waitpid(pid, 0)
        print("gone", flush=True)  # noqa: T201  # the test waits for it


if __name__ == "__main__":
    main(*sys.argv[1:])
