"""Writing to a saver as LangGraph does, and looking at what is on disk."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint

from checkpoints import SessionSaver

PATIENCE_S = 30


def at(thread: str, checkpoint: str = "c") -> RunnableConfig:
    return {"configurable": {"thread_id": thread, "checkpoint_ns": "", "checkpoint_id": checkpoint}}


async def put(
    saver: SessionSaver, thread: str, value: object = 1, *, ns: str = "", after: RunnableConfig | None = None
) -> RunnableConfig:
    version = saver.get_next_version(None)
    return await saver.aput(
        after or {"configurable": {"thread_id": thread, "checkpoint_ns": ns}},
        {**empty_checkpoint(), "channel_values": {"value": value}, "channel_versions": {"value": version}},
        {"source": "loop", "step": 0, "parents": {}},
        {"value": version},
    )


def stored(path: Path) -> list[str]:
    """The tasks whose writes are on disk, as another program finds them."""
    with closing(sqlite3.connect(path)) as other:
        return [task for (task,) in other.execute("SELECT task FROM duograph_writes ORDER BY task")]


def soon_stored(path: Path, *tasks: str) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while stored(path) != [*tasks]:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.005)
    return True


def writes_of(found: Any) -> list[tuple[str, Any]]:  # noqa: ANN401  # a tuple, or nothing
    return [(task, value) for task, _, value in found.pending_writes]


@contextmanager
def refusing(path: Path) -> Iterator[sqlite3.Connection]:
    """A file in which no task's writes can be stored for the thread `bad`."""
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute(
            "CREATE TRIGGER no BEFORE INSERT ON duograph_writes WHEN NEW.thread = "
            "(SELECT id FROM duograph_threads WHERE name = 'bad') BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
        yield other
        other.execute("DROP TRIGGER no")
