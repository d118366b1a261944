"""Deleting, copying and pruning threads, each inside the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from checkpoints.keeping import Known, delta_needs, has_deltas, kept_of_turns, latest, unneeded
from checkpoints.postgres.reading import NEWEST_FIRST
from checkpoints.protocol import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from checkpoints.postgres.database import Connection

    Key = tuple[str, str]

_TABLES = ("checkpoints", "checkpoint_blobs", "checkpoint_writes")

_HEADS = """
SELECT checkpoint_ns AS ns, checkpoint_id AS id, parent_checkpoint_id AS parent, metadata,
    checkpoint -> 'channel_versions' AS versions
FROM checkpoints WHERE thread_id = %s
"""
_WAITING = (
    "SELECT DISTINCT checkpoint_ns, checkpoint_id FROM checkpoint_writes WHERE thread_id = %s AND idx < 0"
)
_STORED = """
SELECT checkpoint_ns, channel, version FROM checkpoint_blobs WHERE thread_id = %(thread)s
UNION SELECT checkpoint_ns, v.key, checkpoint -> 'channel_versions' ->> v.key
FROM checkpoints CROSS JOIN LATERAL jsonb_object_keys(checkpoint -> 'channel_values') AS v (key)
WHERE thread_id = %(thread)s
"""
_DROP = """
DELETE FROM {} t USING unnest(%s::text[], %s::text[]) AS gone (ns, id)
WHERE t.thread_id = %s AND t.checkpoint_ns = gone.ns AND t.checkpoint_id = gone.id
"""
_DROP_VALUES = """
DELETE FROM checkpoint_blobs b USING unnest(%s::text[], %s::text[], %s::text[]) AS gone (ns, channel, version)
WHERE b.thread_id = %s AND b.checkpoint_ns = gone.ns AND b.channel = gone.channel AND b.version = gone.version
"""
_OF_RUNS = """
SELECT thread_id, checkpoint_ns, checkpoint_id FROM checkpoints WHERE metadata ->> 'run_id' = ANY(%s)
"""
_COPIES = (
    """
    INSERT INTO checkpoints
        (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
    SELECT %(target)s, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint,
        CASE WHEN metadata ->> 'thread_id' = thread_id
            THEN jsonb_set(metadata, '{thread_id}', to_jsonb(%(target)s::text)) ELSE metadata END
    FROM checkpoints WHERE thread_id = %(source)s ORDER BY duograph_number NULLS FIRST, checkpoint_id
    """,
    """
    INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
    SELECT %(target)s, checkpoint_ns, channel, version, type, blob
    FROM checkpoint_blobs WHERE thread_id = %(source)s
    """,
    """
    INSERT INTO checkpoint_writes
        (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
    SELECT %(target)s, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob
    FROM checkpoint_writes WHERE thread_id = %(source)s
    """,
    """
    UPDATE duograph_sessions mine SET first = its.first, turn = its.turn, floor = its.floor,
        outlined = its.outlined, title = its.title, asked = its.asked, status = its.status
    FROM duograph_sessions its WHERE its.thread_id = %(source)s AND mine.thread_id = %(target)s
    """,
)


def delete_threads(conn: Connection, thread_ids: Sequence[str]) -> None:
    """Delete threads with all that they hold."""
    for table in _TABLES:
        conn.execute(f"DELETE FROM {table} WHERE thread_id = ANY(%s)", (list(thread_ids),))  # noqa: S608


def delete_for_runs(conn: Connection, run_ids: Sequence[str]) -> None:
    """Delete the checkpoints that some runs made, with their writes and what only they needed."""
    doomed: dict[str, set[Key]] = {}
    for row in conn.execute(_OF_RUNS, (list(run_ids),)).fetchall():
        doomed.setdefault(row["thread_id"], set()).add((row["checkpoint_ns"], row["checkpoint_id"]))
    for thread_id, gone in doomed.items():
        known = _read(conn, thread_id)
        _drop_all_but(conn, thread_id, known, {(item.ns, item.id) for item in known} - gone)


def copy_thread(conn: Connection, source: str, target: str) -> None:
    """Copy a thread, if it is there, with all its checkpoints and writes.

    Raises:
        DatabaseError: When the target exists already.
    """
    if source == target:
        return
    if conn.execute("SELECT 1 FROM checkpoints WHERE thread_id = %s LIMIT 1", (target,)).fetchone():
        raise DatabaseError(f"The session {target} exists already: copy to another id, or delete it first.")
    for statement in _COPIES:
        conn.execute(statement, {"source": source, "target": target})


def prune(conn: Connection, thread_ids: Sequence[str], strategy: str, turns: int | None) -> None:
    """Prune some threads.

    Args:
        conn: In a transaction.
        thread_ids: The threads.
        strategy: See `SessionSaver.prune`.
        turns: How many `keep_turns` keeps; None for all.
    """
    if strategy == "delete":
        delete_threads(conn, thread_ids)
        return
    for thread_id in thread_ids:
        if strategy == "keep_latest":
            keep_latest(conn, thread_id)
        elif turns is not None:
            keep_turns(conn, thread_id, turns)


def keep_latest(conn: Connection, thread_id: str) -> None:
    """Prune a thread to the latest checkpoint of each namespace, and what its delta channels need."""
    known = _read(conn, thread_id)
    _keep(conn, thread_id, known, set(latest(known).items()))
    conn.execute("UPDATE duograph_sessions SET floor = turn WHERE thread_id = %s", (thread_id,))


def keep_turns(conn: Connection, thread_id: str, turns: int) -> None:
    """Prune a thread to its last turns, and to what they and its open ends need."""
    known = _read(conn, thread_id)
    if not known:
        return
    waiting = {
        (row["checkpoint_ns"], row["checkpoint_id"])
        for row in conn.execute(_WAITING, (thread_id,)).fetchall()
    }
    floor = max(item.turn for item in known) - turns + 1
    _keep(conn, thread_id, known, kept_of_turns(known, waiting, floor))
    conn.execute(
        "UPDATE duograph_sessions SET floor = turn - %s WHERE thread_id = %s", (turns - 1, thread_id)
    )


def _keep(conn: Connection, thread_id: str, known: list[Known], kept: set[Key]) -> None:
    needed: set[Key] = set()
    if has_deltas(known, kept):
        rows = conn.execute(_STORED, {"thread": thread_id}).fetchall()
        needed = set(delta_needs(known, kept, {tuple(row.values()) for row in rows}))
    _drop_all_but(conn, thread_id, known, kept | needed)


def _drop_all_but(conn: Connection, thread_id: str, known: list[Known], kept: Collection[Key]) -> None:
    doomed = [(item.ns, item.id) for item in known if (item.ns, item.id) not in kept]
    if not doomed:
        return
    spaces, ids = map(list, zip(*doomed, strict=True))
    for table in ("checkpoints", "checkpoint_writes"):
        conn.execute(_DROP.format(table), (spaces, ids, thread_id))
    if freed := list(unneeded(known, kept)):
        conn.execute(_DROP_VALUES, (*map(list, zip(*freed, strict=True)), thread_id))


def _read(conn: Connection, thread_id: str) -> list[Known]:
    """Everything that a thread holds, newest first."""
    rows = conn.execute(f"{_HEADS} {NEWEST_FIRST}", (thread_id,)).fetchall()
    turns = _turns(rows)
    return [
        Known(
            0,
            row["ns"],
            row["id"],
            row["parent"],
            turns[row["ns"], row["id"]],
            row["versions"],
            row["metadata"],
        )
        for row in rows
    ]


def _turns(rows: Sequence[dict[str, Any]]) -> dict[Key, int]:
    """The turn of each checkpoint, from 1, as far as the thread is kept; `rows` come newest first."""
    turns: dict[Key, int] = {}
    steps: dict[str, Any] = {}
    turn = 0
    for row in reversed(rows):
        metadata = row["metadata"]
        if row["ns"] == "":
            step, before = metadata.get("step"), steps.get(row["parent"])
            follows = step is None or before is None or step <= before + 1
            jumps = metadata.get("source") == "loop" and not follows
            turn += turn == 0 or metadata.get("source") == "input" or jumps
            steps[row["id"]] = step
        turns[row["ns"], row["id"]] = turn
    for row in rows:
        # A subgraph belongs to the step of the root that it ran in, which may have been written after it.
        if row["ns"] and (root := (row["metadata"].get("parents") or {}).get("")):
            turns[row["ns"], row["id"]] = turns.get(("", root), turns[row["ns"], row["id"]])
    return turns
