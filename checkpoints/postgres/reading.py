"""Finding checkpoints and threads, in the order in which they were written."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import psycopg
from langgraph.checkpoint.base import BaseCheckpointSaver, get_checkpoint_id
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg.types.json import Jsonb

from checkpoints.ids import key_in, place_in
from checkpoints.outline import Outline
from checkpoints.postgres.faults import damaged
from checkpoints.protocol import StoreSize, ThreadSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import CheckpointTuple, DeltaChannelHistory
    from langgraph.checkpoint.serde.base import SerializerProtocol

    from checkpoints.postgres.database import Connection

_WITH_SENDS = 4  # the first form of checkpoints that holds what was sent to tasks
_SPANS = """
SELECT thread_id, first, last, title, asked, status, title IS NOT NULL AND outlined = last AS is_known
FROM duograph_sessions ORDER BY number DESC NULLS LAST, last DESC LIMIT %s
"""
_SIZE = """
SELECT (SELECT count(*) FROM checkpoints) AS kept, (
    SELECT sum(pg_total_relation_size(name))::bigint FROM unnest(ARRAY[
        'checkpoints', 'checkpoint_blobs', 'checkpoint_writes', 'duograph_sessions', 'duograph_turns'
    ]::regclass[]) AS name
) AS used
"""
NEWEST_FIRST = "ORDER BY duograph_number DESC NULLS LAST, checkpoint_id DESC"
"""What was written before numbers were given has none, and is older than all that have one."""

_KEYS = "SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints c {} "
# Within a namespace the order of writing counts. A graph's and its subgraphs' are written side by side, so
# between two of those only the id, the clock of the machine that runs the turn, says what came first.
_BEFORE = """
coalesce(
    (
        SELECT ROW(coalesce(c.duograph_number, 0), c.checkpoint_id)
            < ROW(coalesce(b.duograph_number, 0), b.checkpoint_id)
        FROM checkpoints b
        WHERE b.thread_id = c.thread_id AND b.checkpoint_ns = c.checkpoint_ns AND b.checkpoint_id = %s
    ),
    c.checkpoint_id < %s
)
"""
_LATEST = f"WHERE thread_id = %s AND checkpoint_ns = %s {NEWEST_FIRST} LIMIT 1"
# LangGraph's own search for a delta channel's history takes a parent's id to be below its child's.
_IS_OUT_OF_ORDER = """
SELECT EXISTS (
    SELECT 1 FROM checkpoints
    WHERE thread_id = %s AND checkpoint_ns = %s AND parent_checkpoint_id >= checkpoint_id
) AS found
"""


class Reader(PostgresSaver):
    """LangGraph's saver, but for what is the latest."""

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give one checkpoint, the one that was written last when none is named."""
        if get_checkpoint_id(config):
            return super().get_tuple(config)
        place = place_in(config)
        with self._cursor() as cursor:
            cursor.execute(self.SELECT_SQL + _LATEST, key_in(config))
            row = cursor.fetchone()
        if row is None:
            return None
        if row["checkpoint"]["v"] < _WITH_SENDS:  # an old form, which LangGraph knows how to read
            return super().get_tuple({"configurable": {**place, "checkpoint_id": row["checkpoint_id"]}})
        return self._load_checkpoint_tuple(row)

    def get_delta_channel_history(
        self, *, config: RunnableConfig, channels: Sequence[str]
    ) -> Mapping[str, DeltaChannelHistory]:
        """Give what delta channels are rebuilt from: their writes since the value stored last."""
        with self._cursor() as cursor:
            cursor.execute(_IS_OUT_OF_ORDER, key_in(config))
            row = cursor.fetchone()
        if row and row["found"]:  # from parent to parent, however their ids stand
            return BaseCheckpointSaver.get_delta_channel_history(self, config=config, channels=channels)
        return super().get_delta_channel_history(config=config, channels=channels)


def spans(limit: int | None, conn: Connection) -> Sequence[ThreadSpan]:
    """List the threads, the most recently written first."""
    return [_span(row) for row in conn.execute(_SPANS, (limit,)).fetchall()]


def size(conn: Connection) -> StoreSize:
    """Count what LangGraph's tables and ours take."""
    row = conn.execute(_SIZE).fetchone() or {}
    return StoreSize(row["kept"], row["used"], None)


def keys(
    config: RunnableConfig | None,
    wanted: Mapping[str, Any] | None,
    before: RunnableConfig | None,
    limit: int | None,
) -> Callable[[Connection], list[RunnableConfig]]:
    """Names the checkpoints that fit, newest first."""
    wheres: dict[str, tuple[Any, ...]] = {}
    if config is not None:
        place = place_in(config)
        wheres["thread_id = %s"] = (str(place["thread_id"]),)
        if place.get("checkpoint_ns") is not None:
            wheres["checkpoint_ns = %s"] = (str(place["checkpoint_ns"]),)
        if named := get_checkpoint_id(config):
            wheres["checkpoint_id = %s"] = (str(named),)
    if wanted:
        wheres["metadata @> %s"] = (Jsonb(wanted),)
    if before is not None and (bound := get_checkpoint_id(before)):
        wheres[_BEFORE] = (str(bound), str(bound))
    where = f"WHERE {' AND '.join(wheres)}" if wheres else ""
    query = f"{_KEYS.format(where)} {NEWEST_FIRST} LIMIT %s"
    values = (*chain.from_iterable(wheres.values()), None if limit is None else max(0, limit))

    def find(conn: Connection) -> list[RunnableConfig]:
        return [{"configurable": dict(row)} for row in conn.execute(query, values).fetchall()]

    return find


def checkpoint(
    config: RunnableConfig, serde: SerializerProtocol, target: str, conn: Connection
) -> CheckpointTuple | None:
    """Give one checkpoint, the one that was written last when none is named.

    Raises:
        DamagedCheckpointError: When what is stored cannot be decoded.
        ThreadIdError: When `config` names no thread.
    """
    place = place_in(config)
    try:
        return Reader(conn, serde=serde).get_tuple(config)
    except psycopg.Error:
        raise
    except Exception as error:
        raise damaged(str(place["thread_id"]), target) from error


def _span(row: Mapping[str, Any]) -> ThreadSpan:
    outline = Outline(row["title"], row["asked"], row["status"]) if row["is_known"] else None
    return ThreadSpan(row["thread_id"], row["first"], row["last"], outline)
