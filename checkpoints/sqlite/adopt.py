"""Taking over the sessions of LangGraph's `SqliteSaver`."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import astuple
from itertools import groupby
from typing import TYPE_CHECKING, Any

import ormsgpack
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from checkpoints.outline import outline_of
from checkpoints.sqlite.jobs import PutWrites
from checkpoints.sqlite.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from langgraph.checkpoint.base import Checkpoint

    from checkpoints.sqlite.build import Builder
    from checkpoints.sqlite.encode import Encoder

_CHECKPOINTS = """
SELECT thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata
FROM checkpoints ORDER BY thread_id, checkpoint_id
"""
_WRITES = """
SELECT thread_id, checkpoint_ns, checkpoint_id, task_id, {path} AS task_path, idx, channel, type, value
FROM writes ORDER BY thread_id, checkpoint_ns, checkpoint_id, task_id, idx
"""
# What JsonPlusSerializer itself writes with.
_OPTIONS = (
    ormsgpack.OPT_NON_STR_KEYS
    | ormsgpack.OPT_PASSTHROUGH_DATACLASS
    | ormsgpack.OPT_PASSTHROUGH_DATETIME
    | ormsgpack.OPT_PASSTHROUGH_ENUM
    | ormsgpack.OPT_PASSTHROUGH_UUID
)


class RawSerializer:
    """Reads msgpack without rebuilding any object, and writes it back to the same bytes.

    So nothing of a stored type is lost or executed, whether or not it is allowed here.
    """

    def __init__(self) -> None:
        """Old forms that are not msgpack are read by LangGraph's own serialiser."""
        self._old = JsonPlusSerializer(allowed_msgpack_modules=())

    def loads_typed(self, data: tuple[str, bytes]) -> Any:  # noqa: ANN401  # whatever was stored
        """Read."""
        kind, stored = data
        if kind == "msgpack":
            return ormsgpack.unpackb(stored, ext_hook=ormsgpack.Ext, option=ormsgpack.OPT_NON_STR_KEYS)
        return self._old.loads_typed(data)

    def dumps_typed(self, obj: object) -> tuple[str, bytes]:
        """Write."""
        if obj is None or isinstance(obj, (bytes, bytearray)):
            return self._old.dumps_typed(obj)
        return "msgpack", ormsgpack.packb(obj, option=_OPTIONS)


class Adoption:
    """Moves everything out of the stock tables into ours, inside the caller's transaction.

    Nothing is pruned; each value is stored once, so the file shrinks.
    """

    def __init__(self, conn: sqlite3.Connection, builder: Builder, encoder: Encoder) -> None:
        """Work on `conn`, whose tables are there already.

        Args:
            conn: In a transaction.
            builder: Encodes with `encoder`.
            encoder: On a `RawSerializer`, encrypting or not.
        """
        self._conn = conn
        self._builder = builder
        self._encoder = encoder
        self._raw = RawSerializer()
        self._ledger = Ledger(conn, keep_turns=None)

    def run(self, *, has_task_path: bool) -> None:
        """Move all and drop the stock tables.

        Args:
            has_task_path: Whether the writes have that column.
        """
        self._ledger.begin()
        for _, rows in groupby(self._conn.execute(_CHECKPOINTS), key=lambda row: row[0]):
            self._take_thread(rows)
        path = "task_path" if has_task_path else "''"
        for key, rows in groupby(self._conn.execute(_WRITES.format(path=path)), key=lambda row: row[:4]):
            self._take_writes(key, rows)
        self._ledger.flush()
        self._conn.execute("DROP TABLE checkpoints")
        self._conn.execute("DROP TABLE writes")

    def _take_thread(self, rows: Iterable[tuple[Any, ...]]) -> None:
        stored: set[tuple[str, str, Any]] = set()
        latest: tuple[str, str, bytes] | None = None
        for name, ns, checkpoint_id, parent, kind, data, metadata in rows:
            try:
                checkpoint: Checkpoint = self._raw.loads_typed((kind, data))
                checkpoint["id"] = checkpoint_id
                new = {
                    channel: version
                    for channel, version in checkpoint["channel_versions"].items()
                    if channel in checkpoint["channel_values"] and (ns, channel, version) not in stored
                }
                place = {"thread_id": name, "checkpoint_ns": ns, "checkpoint_id": parent}
                drafted = self._builder.put(
                    {"configurable": place}, checkpoint, json.loads(metadata or b"{}"), new, seen={}
                )
            except Exception:  # noqa: BLE001  # whatever a serialiser raises on damaged bytes
                # Kept as it is: its session is damaged as it was before, and no other one suffers.
                place = {"thread_id": name, "checkpoint_ns": ns, "checkpoint_id": parent}
                self._builder.damaged({"configurable": place}, checkpoint_id, kind, data).apply(self._ledger)
                continue
            stored |= {(ns, channel, version) for channel, version in new.items()}
            drafted.put.apply(self._ledger)
            latest = (name, kind, data) if ns == "" else latest
        if latest is not None:
            self._outline(*latest)

    def _outline(self, name: str, kind: str, data: bytes) -> None:
        try:
            values = JsonPlusSerializer(allowed_msgpack_modules=()).loads_typed((kind, data))[
                "channel_values"
            ]
        except Exception:  # noqa: BLE001  # the list reads it again, and says what is damaged
            return
        row = self._ledger.open_thread(name)
        row.outline = self._encoder.whole(astuple(outline_of(values)))

    def _take_writes(self, key: tuple[str, str, str, str], rows: Iterable[tuple[Any, ...]]) -> None:
        by_path: dict[str, list[Any]] = {}
        for *_, path, index, channel, kind, data in rows:
            try:
                value = self._raw.loads_typed((kind, data))
            except Exception:  # noqa: BLE001, S112  # whatever a serialiser raises on damaged bytes
                continue  # nobody could have read it before either; its step is done again
            by_path.setdefault(path, []).append((index, channel, self._encoder.value(value)[0]))
        name, ns, checkpoint_id, task = key
        for path, writes in by_path.items():
            PutWrites(name, ns, checkpoint_id, task, path, writes).apply(self._ledger)
