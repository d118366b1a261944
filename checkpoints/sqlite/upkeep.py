"""Deleting, copying and pruning threads, inside the writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from checkpoints.protocol import DatabaseError
from checkpoints.sqlite.retention import drop, keep_latest, keep_turns
from checkpoints.sqlite.values import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoints.sqlite.build import Builder
    from checkpoints.sqlite.ledger import Ledger, Thread


def delete_thread(thread_id: str, ledger: Ledger) -> None:
    """Delete a thread, if it is there."""
    row = ledger.thread(thread_id)
    if row is not None:
        ledger.drop_thread(row)


def prune(
    thread_ids: Sequence[str], strategy: str, turns: int | None, builder: Builder, ledger: Ledger
) -> None:
    """Prune some threads."""
    for thread_id in thread_ids:
        row = ledger.thread(thread_id)
        if row is None:
            continue
        row = ledger.open_thread(thread_id)
        if strategy == "delete":
            ledger.drop_thread(row)
        elif strategy == "keep_latest":
            keep_latest(ledger, row, builder.reads_head)
        elif turns is not None:
            keep_turns(ledger, row, turns, builder.reads_head)


def delete_for_runs(run_ids: Sequence[str], builder: Builder, ledger: Ledger) -> None:
    """Delete the checkpoints that some runs made, with their writes."""
    wanted = set(run_ids)
    doomed: dict[str, set[tuple[str, str]]] = {}
    for run_id in wanted:
        rows = ledger.conn.execute(
            "SELECT t.name, c.ns, c.id, c.kind, c.head FROM duograph_checkpoints c "
            "JOIN duograph_threads t ON t.id = c.thread WHERE c.run = ?",
            (builder.run_mark(run_id),),
        )
        for name, ns, checkpoint_id, kind, head in rows.fetchall():
            if str(builder.reads_head(kind, head)[1].get("run_id")) == run_id:
                doomed.setdefault(name, set()).add((ns, checkpoint_id))
    for name, gone in doomed.items():
        drop(ledger, ledger.open_thread(name), gone, builder.reads_head)


def copy_thread(source: str, target: str, builder: Builder, ledger: Ledger) -> None:
    """Copy a thread, if it is there, with all its checkpoints and writes.

    Raises:
        DatabaseError: When the target exists already.
    """
    found = ledger.thread(source)
    if found is None or source == target:
        return
    if ledger.thread(target) is not None:
        raise DatabaseError(f"The session {target} exists already: copy to another id, or delete it first.")
    ledger.flush()
    row = ledger.open_thread(target)
    row.next, row.next_item = found.next, found.next_item
    row.turn, row.floor, row.first = found.turn, found.floor, found.first
    conn, shift = ledger.conn, place(row.id - found.id, 0)
    span = (place(found.id, 0), place(found.id + 1, 0) - 1)
    conn.execute(
        "UPDATE duograph_threads SET (outline_kind, outline) = "
        "(SELECT outline_kind, outline FROM duograph_threads WHERE id = ?) WHERE id = ?",
        (found.id, row.id),
    )
    conn.execute(
        "INSERT INTO duograph_pieces SELECT place + ?, kind, data FROM duograph_pieces "
        "WHERE place BETWEEN ? AND ?",
        (shift, *span),
    )
    conn.execute(
        "INSERT INTO duograph_checkpoints SELECT NULL, ?, ns, id, parent, step, turn, run, kind, head "
        "FROM duograph_checkpoints WHERE thread = ? ORDER BY number",
        (row.id, found.id),
    )
    conn.execute(
        "INSERT INTO duograph_values SELECT ?, ns, channel, version, kind, data "
        "FROM duograph_values WHERE thread = ?",
        (row.id, found.id),
    )
    conn.execute(
        "INSERT INTO duograph_writes SELECT ?, ns, checkpoint, task, data "
        "FROM duograph_writes WHERE thread = ?",
        (row.id, found.id),
    )
    _rename_in_metadata(row, source, builder, ledger)


def _rename_in_metadata(row: Thread, source: str, builder: Builder, ledger: Ledger) -> None:
    """LangGraph's server notes the thread's id in the metadata too."""
    rows = ledger.conn.execute(
        "SELECT number, kind, head FROM duograph_checkpoints WHERE thread = ?", (row.id,)
    ).fetchall()
    for at, kind, head in rows:
        body, metadata, loose = builder.reads_head(kind, head)
        if metadata.get("thread_id") == source:
            renamed = builder.writes_head((body, {**metadata, "thread_id": row.name}, loose))
            ledger.conn.execute(
                "UPDATE duograph_checkpoints SET kind = ?, head = ? WHERE number = ?", (*renamed, at)
            )
