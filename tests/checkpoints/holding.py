"""Other processes that hold threads of a database, in a file or on a server."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checkpoints import ThreadLocks


def start(database: Path | str, *words: str) -> subprocess.Popen[str]:
    """Start a `holder.py`."""
    command = [sys.executable, "-m", "tests.checkpoints.holder", str(database), *words]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


@contextmanager
def holding(database: Path | str, thread_id: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds a thread until the end of the block, where it is killed."""
    with start(database, "hold", thread_id) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        try:
            yield other
        finally:
            other.kill()


async def entered(locks: ThreadLocks) -> None:
    """Hold the thread `t` for a moment, as soon as it is free."""
    async with locks.ahold("t"):
        pass
