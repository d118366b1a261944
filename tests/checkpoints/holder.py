"""A process that holds threads of a session database, for tests: `holder.py DATABASE WHAT [ARGUMENTS]`."""

import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

from checkpoints import open_saver
from checkpoints.locks import ThreadLocks, locks_for
from checkpoints.postgres.address import is_postgres


def say(word: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def hold(locks: ThreadLocks, thread_id: str) -> None:
    """Hold the thread and say so, until killed or told to end."""
    with locks.hold(thread_id):
        say("held")
        sys.stdin.readline()


def count(locks: ThreadLocks, counter: str, times: str) -> None:
    """Add 1 to a number in a file as often as told, reading and writing it in two steps."""
    path = Path(counter)
    for _ in range(int(times)):
        with locks.hold("t"):
            value = int(path.read_text())
            time.sleep(0.0005)
            path.write_text(str(value + 1))


def count_in_tasks(locks: ThreadLocks, counter: str, times: str) -> None:
    """The same in tasks of one event loop."""
    path = Path(counter)

    async def turn() -> None:
        async with locks.ahold("t"):
            value = int(path.read_text())  # noqa: ASYNC240
            await asyncio.sleep(0.0005)
            path.write_text(str(value + 1))  # noqa: ASYNC240

    async def turns() -> None:
        await asyncio.gather(*(turn() for _ in range(int(times))))

    asyncio.run(turns())


def repeat(locks: ThreadLocks, log: str, times: str) -> None:
    """Take the thread again and again without a pause, and note each time."""
    say("begun")
    with Path(log).open("a") as file:
        for _ in range(int(times)):
            with locks.hold("t"):
                time.sleep(0.001)
                file.write("greedy\n")
                file.flush()


if __name__ == "__main__":
    place, what, *arguments = sys.argv[1:]
    does: dict[str, Callable[..., None]] = {
        "hold": hold,
        "count": count,
        "count_in_tasks": count_in_tasks,
        "repeat": repeat,
    }
    with open_saver(place) if is_postgres(place) else nullcontext() as saver:
        does[what](saver.locks if saver else locks_for(place), *arguments)
