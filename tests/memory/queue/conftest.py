"""Queues to test: in a file, in memory, and on a real server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from memory.queue.sql import SqlJobs


class Clock:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["file", "memory", pytest.param("postgres", marks=pytest.mark.slow)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_database"))
    return str(tmp_path / "sessions.sqlite") if request.param == "file" else ":memory:"


@pytest.fixture
async def jobs(target: str, clock: Clock) -> AsyncIterator[SqlJobs]:
    queue = SqlJobs(target, clock=clock)
    yield queue
    await queue.aclose()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a queue that several share can be."""
    return tmp_path / "sessions.sqlite"
