"""Reading checkpoints out of the file, each in one snapshot of it."""

from __future__ import annotations

import json
import sqlite3
import struct
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import ormsgpack
from langgraph.checkpoint.base import CheckpointTuple, get_checkpoint_id, writes_sort_key

from checkpoints.ids import key_in
from checkpoints.sqlite.block import Block, can_be_seen
from checkpoints.sqlite.pace import SHORT_BYTES, SHORT_ITEMS, SHORT_LOOK, LongReadError
from checkpoints.sqlite.seen import Memory, Seen
from checkpoints.sqlite.values import ITEM, LIST, Base, length, place, unpack

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import Checkpoint, PendingWrite
    from langgraph.checkpoint.serde.base import SerializerProtocol

    from checkpoints.sqlite.values import Span

_HEAD = """
SELECT t.id, t.name, c.ns, c.id, c.parent, c.kind, c.head FROM duograph_threads t
JOIN duograph_checkpoints c ON c.thread = t.id AND c.ns = ? {which} WHERE t.name = ?
"""
_BY_ID = _HEAD.format(which="AND c.id = ?")
# By the order of writing: ids are clocks, and a clock may be set back.
_LATEST = _HEAD.format(which="") + "ORDER BY c.number DESC LIMIT 1"

# `CROSS` keeps the order: a thread has hundreds of values, and SQLite would look at all of them.
VALUES = """
SELECT v.channel, v.version, v.kind, v.data FROM json_each(?) w
CROSS JOIN duograph_values v ON v.thread = ? AND v.ns = ? AND v.channel = w.key AND v.version = w.value
"""


_MSGPACK = "msgpack"
_ARRAY = struct.Struct(">BI")
_ARRAY_CODE = 0xDD  # "array 32" of the msgpack specification


class MissingPieceError(Exception):
    """A value refers to a piece that is not there: the file was damaged."""


class Head(NamedTuple):
    """One checkpoint without its channels' values."""

    thread: int
    name: str
    ns: str
    id: str
    parent: str | None
    kind: str
    data: bytes


class Reading:
    """Reads with one connection and one serialiser, inside one transaction."""

    def __init__(
        self,
        conn: sqlite3.Connection,
        serde: SerializerProtocol,
        memory: Memory,
        *,
        is_short: bool = False,
    ) -> None:
        """Read through `conn`.

        Args:
            conn: In a transaction, or alone on its database.
            serde: Decodes what is stored.
            memory: What was seen last; lists in it are not decoded again.
            is_short: Whether what takes longer than a moment raises `LongReadError`.
        """
        self._conn = conn
        self._serde = serde
        self._memory = memory
        self._is_short = is_short
        self._items_left = SHORT_ITEMS
        self._bytes_left = SHORT_BYTES

    def head(self, config: RunnableConfig) -> Head | None:
        """Find the checkpoint that `config` names, or its thread's latest."""
        name, ns = key_in(config)
        wanted = get_checkpoint_id(config)
        row = (
            self._conn.execute(_BY_ID, (ns, str(wanted), name))
            if wanted
            else self._conn.execute(_LATEST, (ns, name))
        ).fetchone()
        return None if row is None else Head(*row)

    def checkpoint(self, head: Head, *, remembers: bool = False) -> CheckpointTuple:
        """Decode a checkpoint with its values and writes.

        Args:
            head: What `head` found.
            remembers: Whether its lists are those that the next step builds on.
        """
        body, metadata, loose = self._serde.loads_typed((head.kind, head.data))
        versions = {name: version for name, version in body["channel_versions"].items() if name not in loose}
        values = self._values(head, versions, remembers=remembers)
        checkpoint = cast("Checkpoint", {**body, "channel_values": {**values, **loose}})
        own = {"thread_id": head.name, "checkpoint_ns": head.ns}
        return CheckpointTuple(
            config={"configurable": {**own, "checkpoint_id": head.id}},
            checkpoint=checkpoint,
            metadata=metadata,
            parent_config={"configurable": {**own, "checkpoint_id": head.parent}} if head.parent else None,
            pending_writes=self.writes(head),
        )

    def metadata(self, head: Head) -> dict[str, Any]:
        """Decode a checkpoint's metadata alone."""
        found: dict[str, Any] = self._serde.loads_typed((head.kind, head.data))[1]
        return found

    def writes(self, head: Head, channels: Collection[str] | None = None) -> list[PendingWrite]:
        """Decode what tasks wrote on a checkpoint, to all channels or some, in the order that counts."""
        rows = self._conn.execute(
            "SELECT task, data FROM duograph_writes WHERE thread = ? AND ns = ? AND checkpoint = ?",
            (head.thread, head.ns, head.id),
        ).fetchall()
        found = [
            (task, entry)
            for task, data in rows
            for entry in ormsgpack.unpackb(data)
            if channels is None or entry[1] in channels
        ]
        if len(found) > 1:
            found.sort(key=lambda write: writes_sort_key(write[1][4], write[0], write[1][0]))
        return [
            (task, channel, self._value(head.thread, kind, stored))
            for task, (_, channel, kind, stored, _) in found
        ]

    def stored(self, head: Head, channels: set[str]) -> dict[str, Any]:
        """Decode some channels of a checkpoint: those that hold something."""
        body, _, loose = self._serde.loads_typed((head.kind, head.data))
        versions = {name: version for name, version in body["channel_versions"].items() if name in channels}
        values = self._values(head, versions, remembers=False)
        return {**values, **{name: value for name, value in loose.items() if name in channels}}

    def _values(self, head: Head, versions: dict[str, Any], *, remembers: bool) -> dict[str, Any]:
        if not versions:
            return {}
        rows = self._conn.execute(VALUES, (json.dumps(versions), head.thread, head.ns)).fetchall()
        values: dict[str, Any] = {}
        for channel, version, kind, data in rows:
            if kind != LIST:
                values[channel] = self._value(head.thread, kind, data)
            elif remembers:
                values[channel] = self._list(head, Base(channel, version, unpack(data)))
            else:
                values[channel] = self._items(head.thread, unpack(data))
        return values

    def _spend(self, items: int, size: int) -> None:
        self._items_left -= items
        self._bytes_left -= size
        if self._is_short and (self._items_left < 0 or self._bytes_left < 0):
            raise LongReadError

    def _weight(self, thread: int, span: Span) -> int:
        """The bytes of some pieces; SQLite knows them without reading the pieces."""
        first, count = span
        return (
            self._conn.execute(
                "SELECT sum(length(data)) FROM duograph_pieces WHERE place BETWEEN ? AND ?",
                (place(thread, first), place(thread, first + count - 1)),
            ).fetchone()[0]
            or 0
        )

    def _value(self, thread: int, kind: str, data: bytes) -> Any:  # noqa: ANN401  # whatever was stored
        self._spend(1, len(data))
        if kind == LIST:
            return self._items(thread, unpack(data))
        if kind == ITEM:
            return self._items(thread, unpack(data))[0]
        return self._serde.loads_typed((kind, data))

    def _list(self, head: Head, base: Base) -> list[Any]:
        """A list that the next step builds on; what was seen last is handed out again."""
        key = (head.name, head.ns)
        known = self._memory.hand_out(
            key, base.channel, head.thread, base.spans, most=SHORT_LOOK if self._is_short else None
        )
        if known is not None:
            return known
        rows = self._rows(head.thread, base.spans)
        items = self._decode(rows)
        if all(map(can_be_seen, items)):
            # Decoded a second time only if there is a next step: most who read one state read no other.
            block = Block.fresh(list(items), lambda: self._decode(rows))
            seen = Seen(head.thread, base, [block], is_lent=True)
            self._memory.remember(key, {base.channel: seen})
        return items

    def _items(self, thread: int, spans: tuple[Span, ...]) -> list[Any]:
        return self._decode(self._rows(thread, spans))

    def _rows(self, thread: int, spans: tuple[Span, ...]) -> list[tuple[str, bytes]]:
        if self._is_short:
            self._spend(length(spans), sum(self._weight(thread, span) for span in spans))
        found: list[tuple[str, bytes]] = []
        for first, count in spans:
            found += self._conn.execute(
                "SELECT kind, data FROM duograph_pieces WHERE place BETWEEN ? AND ? ORDER BY place",
                (place(thread, first), place(thread, first + count - 1)),
            ).fetchall()
        if len(found) != length(spans):
            raise MissingPieceError
        return found

    def _decode(self, rows: Sequence[tuple[str, bytes]]) -> list[Any]:
        loads = self._serde.loads_typed
        if len(rows) > 1 and all(kind == _MSGPACK for kind, _ in rows):
            # As one array, which takes half the time of a call for each item.
            array = _ARRAY.pack(_ARRAY_CODE, len(rows)) + b"".join([data for _, data in rows])
            found: list[Any] = loads((_MSGPACK, array))
            if len(found) != len(rows):
                raise MissingPieceError
            return found
        return [loads(row) for row in rows]
