"""What a saver reads: one checkpoint, a list of them, a delta channel's history, the list of threads."""

from __future__ import annotations

import sqlite3
from itertools import chain
from typing import TYPE_CHECKING, Any, TypeVar

from langgraph.checkpoint.base import DeltaChannelHistory, get_checkpoint_id

from checkpoints.faults import damaged
from checkpoints.ids import place_in
from checkpoints.outline import Outline
from checkpoints.protocol import StoreSize, ThreadSpan
from checkpoints.sqlite.pace import LongReadError
from checkpoints.sqlite.read import Head, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import CheckpointTuple, PendingWrite
    from langgraph.checkpoint.serde.base import SerializerProtocol

    from checkpoints.sqlite.seen import Memory

T = TypeVar("T")

_HEADS = """
SELECT t.id, t.name, c.ns, c.id, c.parent, c.kind, c.head FROM duograph_checkpoints c
JOIN duograph_threads t ON t.id = c.thread {where} ORDER BY c.number DESC LIMIT ?
"""
# Within a namespace the order of writing counts, as clocks are set back. A graph's and its subgraphs' are
# written side by side, so between two of those only the id says what came first.
_BEFORE = """
coalesce(
    (SELECT c.number < b.number FROM duograph_checkpoints b
    WHERE b.thread = c.thread AND b.ns = c.ns AND b.id = ?),
    c.id < ?
)
"""
_SPANS = """
SELECT s.name, s.first, c.id, s.outline_kind, s.outline, c.kind, c.head FROM (
    SELECT t.id, t.name, t.first, t.outline_kind, t.outline,
        (SELECT max(c.number) FROM duograph_checkpoints c WHERE c.thread = t.id AND c.ns = '') AS last
    FROM duograph_threads t WHERE last IS NOT NULL ORDER BY last DESC LIMIT ?
) s JOIN duograph_checkpoints c ON c.number = s.last ORDER BY s.last DESC
"""


class Shelf:
    """Reads with one serialiser; each method works inside one snapshot of the file."""

    def __init__(self, serde: SerializerProtocol, memory: Memory, place: str) -> None:
        """Decode with `serde`.

        Args:
            serde: The saver's.
            memory: What was seen last.
            place: The database as messages name it.
        """
        self.serde = serde
        self._memory = memory
        self._place = place

    def get(
        self, config: RunnableConfig, conn: sqlite3.Connection, *, is_short: bool = False
    ) -> CheckpointTuple | None:
        """Give one checkpoint, the newest when none is named.

        Args:
            config: Names it.
            conn: Inside a snapshot.
            is_short: Whether it shall take but a moment.

        Raises:
            LongReadError: When it shall, and would not.
        """
        reading = Reading(conn, self.serde, self._memory, is_short=is_short)
        head = reading.head(config)
        latest = not get_checkpoint_id(config)
        return (
            None if head is None else self._decoded(head, lambda: reading.checkpoint(head, remembers=latest))
        )

    def again(self, key: Head, conn: sqlite3.Connection) -> CheckpointTuple | None:
        """Give a checkpoint that was listed, unless it is gone by now."""
        place = {"thread_id": key.name, "checkpoint_ns": key.ns, "checkpoint_id": key.id}
        return self.get({"configurable": place}, conn)

    def heads(
        self,
        config: RunnableConfig | None,
        wanted: Mapping[str, Any] | None,
        before: RunnableConfig | None,
        limit: int | None,
        conn: sqlite3.Connection,
    ) -> Sequence[Head]:
        """Find the checkpoints that fit, newest first."""
        where, values = _where(config, before)
        reading = self._reading(conn)
        rows = conn.execute(
            _HEADS.format(where=where), (*values, -1 if limit is None or wanted else max(0, limit))
        )
        found: list[Head] = []
        for head in map(Head._make, rows):
            if limit is not None and len(found) >= limit:
                break
            if wanted:
                metadata = self._decoded(head, lambda head=head: reading.metadata(head))  # type: ignore[misc]
                if any(metadata.get(key) != value for key, value in wanted.items()):
                    continue
            found.append(head._replace(data=b""))
        return found

    def history(
        self, config: RunnableConfig, channels: Sequence[str], conn: sqlite3.Connection
    ) -> Mapping[str, DeltaChannelHistory]:
        """Walk from a checkpoint's parent up to where each channel is stored."""
        reading = self._reading(conn)
        found: dict[str, DeltaChannelHistory] = {channel: {"writes": []} for channel in channels}
        target = reading.head(config) if channels else None
        for head in self._ancestors(target, reading):
            remaining = {channel for channel in found if "seed" not in found[channel]}
            if not remaining:
                break
            self._decoded(head, lambda head=head, open_=remaining: _step(reading, head, open_, found))  # type: ignore[misc]
        for entry in found.values():
            entry["writes"].reverse()
        return found

    def spans(self, limit: int | None, conn: sqlite3.Connection) -> Sequence[ThreadSpan]:
        """List the threads, the most recently written first."""
        rows = conn.execute(_SPANS, (-1 if limit is None else limit,))
        return [
            ThreadSpan(name, first or last, last, self._outline(tuple(stored)))
            for name, first, last, *stored in rows
        ]

    def size(self, conn: sqlite3.Connection) -> StoreSize:
        """Count what the file holds."""
        kept = conn.execute("SELECT count(*) FROM duograph_checkpoints").fetchone()[0]
        page, pages, free = (
            int(conn.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_size", "page_count", "freelist_count")
        )
        return StoreSize(kept, page * pages, page * free)

    def _outline(self, stored: tuple[Any, ...]) -> Outline | None:
        """What the list shows; None when that, or the latest checkpoint, cannot be read."""
        kind, outline, head_kind, head = stored
        if kind is None:
            return None
        try:
            self.serde.loads_typed((head_kind, head))[1].get("step")
            return Outline(*self.serde.loads_typed((kind, outline)))
        except Exception:  # noqa: BLE001  # whatever a serialiser raises on damaged bytes
            return None

    def _ancestors(self, head: Head | None, reading: Reading) -> Iterator[Head]:
        while head is not None and head.parent:
            place = {"thread_id": head.name, "checkpoint_ns": head.ns, "checkpoint_id": head.parent}
            head = reading.head({"configurable": place})
            if head is not None:
                yield head

    def _reading(self, conn: sqlite3.Connection) -> Reading:
        return Reading(conn, self.serde, self._memory)

    def _decoded(self, head: Head, decode: Callable[[], T]) -> T:
        try:
            return decode()
        except (sqlite3.Error, LongReadError):
            raise
        except Exception as error:
            raise damaged(head.name, self._place) from error


def _step(
    reading: Reading, head: Head, remaining: set[str], found: Mapping[str, DeltaChannelHistory]
) -> None:
    """Take one ancestor's writes, newest first, and its values where it has them."""
    writes: list[PendingWrite] = reading.writes(head, remaining)
    for write in reversed(writes):
        found[write[1]]["writes"].append(write)
    for channel, value in reading.stored(head, remaining).items():
        found[channel]["seed"] = value


def _where(config: RunnableConfig | None, before: RunnableConfig | None) -> tuple[str, Sequence[Any]]:
    wheres: dict[str, tuple[str, ...]] = {}
    if config is not None:
        place = place_in(config)
        wheres["t.name = ?"] = (str(place["thread_id"]),)
        if place.get("checkpoint_ns") is not None:
            wheres["c.ns = ?"] = (str(place["checkpoint_ns"]),)
        if wanted := get_checkpoint_id(config):
            wheres["c.id = ?"] = (str(wanted),)
    if before is not None and (bound := get_checkpoint_id(before)):
        wheres[_BEFORE] = (str(bound), str(bound))
    return ("WHERE " + " AND ".join(wheres) if wheres else ""), [*chain.from_iterable(wheres.values())]
