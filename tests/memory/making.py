"""Records for tests, in few words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from memory import Memory
from memory.records import Item, Origin, Query, Record, Selection

START = datetime(2026, 1, 1, tzinfo=UTC)


def at(minute: float) -> datetime:
    """So many minutes after the start."""
    return START + timedelta(minutes=minute)


def told(minute: float, turn: str = "", session: str = "s") -> Origin:
    """An origin at so many minutes; without a turn one of no session."""
    return Origin(session=session if turn else "", turn=turn, at=at(minute))


def fact(text: str, subject: str = "", *, minute: float = 0, turn: str = "", **more: Any) -> Record:  # noqa: ANN401  # as Record takes them
    return Record(kind="fact", text=text, subject=subject, origin=told(minute, turn), **more)


def written_later(record: Record) -> dict[str, Any]:
    """The payload of a job that a fact waits in while memory is away, as the node `knowledge` makes it."""
    return {"records": [record.model_dump(mode="json")]}


def chunk(text: str, path: str, *, archive: str = "docs", line: int = 1, revision: str = "r1") -> Record:
    return Record(
        kind="chunk",
        text=text,
        archive=archive,
        path=path,
        first_line=line,
        last_line=line,
        revision=revision,
        origin=Origin(source="file", at=START),
    )


async def everything(memory: Memory, namespace: str = "anna", **selection: Any) -> list[Item]:  # noqa: ANN401  # as Selection takes them
    return list(await memory.list(namespace, Selection(**selection), limit=10_000))


async def texts(memory: Memory, namespace: str = "anna", **selection: Any) -> list[str]:  # noqa: ANN401  # the same
    return [item.record.text for item in await everything(memory, namespace, **selection)]


async def found(memory: Memory, text: str, namespace: str = "anna", **query: Any) -> list[str]:  # noqa: ANN401  # as Query takes them
    return [hit.item.record.text for hit in await memory.search(namespace, Query(text=text, **query))]
