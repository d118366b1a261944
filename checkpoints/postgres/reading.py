"""Finding checkpoints and threads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langgraph.checkpoint.base import get_checkpoint_id
from psycopg.types.json import Jsonb

from checkpoints.outline import Outline
from checkpoints.protocol import StoreSize, ThreadSpan

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_core.runnables import RunnableConfig

    from checkpoints.postgres.database import Connection

_SPANS = """
SELECT thread_id, first, last, title, asked, status, title IS NOT NULL AND outlined = last AS is_known
FROM duograph_sessions ORDER BY last DESC LIMIT %s
"""
_SIZE = """
SELECT (SELECT count(*) FROM checkpoints) AS kept, (
    SELECT sum(pg_total_relation_size(name))::bigint FROM unnest(ARRAY[
        'checkpoints', 'checkpoint_blobs', 'checkpoint_writes', 'duograph_sessions', 'duograph_turns'
    ]::regclass[]) AS name
) AS used
"""
_KEYS = (
    "SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints {} ORDER BY checkpoint_id DESC LIMIT %s"
)


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
    wheres: dict[str, Any] = {}
    if config is not None:
        place = config["configurable"]
        wheres["thread_id = %s"] = str(place["thread_id"])
        if place.get("checkpoint_ns") is not None:
            wheres["checkpoint_ns = %s"] = str(place["checkpoint_ns"])
        if named := get_checkpoint_id(config):
            wheres["checkpoint_id = %s"] = str(named)
    if wanted:
        wheres["metadata @> %s"] = Jsonb(wanted)
    if before is not None and (bound := get_checkpoint_id(before)):
        wheres["checkpoint_id < %s"] = str(bound)
    query = _KEYS.format(f"WHERE {' AND '.join(wheres)}" if wheres else "")
    values = (*wheres.values(), None if limit is None else max(0, limit))

    def find(conn: Connection) -> list[RunnableConfig]:
        return [{"configurable": dict(row)} for row in conn.execute(query, values).fetchall()]

    return find


def _span(row: Mapping[str, Any]) -> ThreadSpan:
    outline = Outline(row["title"], row["asked"], row["status"]) if row["is_known"] else None
    return ThreadSpan(row["thread_id"], row["first"], row["last"], outline)
