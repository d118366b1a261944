"""Facts that waited in the queue are written in the order in which they were told, on every backend."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from graph.enrichment import Enrichment
from memory.queue import SqlJobs
from memory.records import Origin, Record, Selection
from tests.memory.making import written_later

if TYPE_CHECKING:
    from pathlib import Path

    from memory import Memory


def dog(name: str, minute: int) -> Record:
    at = datetime(2026, 7, 25, 12, minute, tzinfo=UTC)
    origin = Origin(session="s", turn=f"t{minute}", at=at)
    return Record(kind="fact", text=f"my dog is called {name}", subject="my dog's name", origin=origin)


def no_models() -> Any:  # noqa: ANN401  # it is never called
    raise AssertionError("A write asks no model.")


@pytest.mark.parametrize(
    ("at_once", "queued", "holds"),
    [
        ((dog("Bo", 2),), (dog("Max", 1),), "Bo"),
        ((), (dog("Bo", 2), dog("Max", 1)), "Bo"),
        ((), (dog("Rex", 3), dog("Max", 1), dog("Bo", 2)), "Rex"),
        ((dog("Bo", 1), dog("Bo", 3)), (dog("Max", 2),), "Bo"),  # told again meanwhile
        ((dog("Bo", 1),), (dog("Max", 2),), "Max"),
    ],
)
async def test_what_was_told_last_holds_whatever_is_written_last(
    memory_backend: Memory,
    tmp_path: Path,
    at_once: tuple[Record, ...],
    queued: tuple[Record, ...],
    holds: str,
) -> None:
    jobs = SqlJobs(tmp_path / "jobs.sqlite")
    handle = Enrichment(jobs, memory_backend, models=no_models)
    for record in at_once:
        await memory_backend.store("ada", [record])
    for number, record in enumerate(queued):
        await jobs.enqueue("write", "ada", str(number), written_later(record))
        lease = await jobs.claim(30)
        assert lease is not None
        for _ in range(2):  # a job may be done twice
            await handle(lease)
        await jobs.finish(lease)
    [held] = await memory_backend.list("ada", Selection(is_current=True))
    assert held.record.text == f"my dog is called {holds}"
    for old in await memory_backend.list("ada", Selection(is_current=False)):
        assert old.superseded_by is not None
        assert old.valid_to is not None
        assert old.valid_to >= old.valid_from
    await jobs.aclose()
