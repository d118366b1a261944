"""Which checkpoints go when a thread is pruned, and giving up what only they needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ormsgpack

from checkpoints.keeping import Known, delta_needs, has_deltas, kept_of_turns, latest, unneeded
from checkpoints.sqlite.values import ITEM, LIST, place, unpack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from checkpoints.sqlite.ledger import Ledger, Thread
    from checkpoints.sqlite.values import Span

    ReadHead = Callable[[str, bytes], Any]


class UnreadableHeadError(Exception):
    """A checkpoint of a thread is damaged, so nobody can say what may go; it carries the thread's name."""


def keep_turns(ledger: Ledger, row: Thread, turns: int, read_head: ReadHead) -> None:
    """Prune a thread to its last turns, and to what they and its open ends need.

    Whole turns are kept or go, so a subgraph's checkpoints stay with those of the graph around it. Older
    turns stay when an interrupt waits in one of them, or when a kept checkpoint was forked from one.
    """
    known = _read(ledger, row, read_head)
    floor = row.turn - turns + 1
    kept = kept_of_turns(known, _waiting(ledger, row), floor)
    _drop_all_but(ledger, row, known, kept | _needed(ledger, row, known, kept))
    row.floor = floor


def keep_latest(ledger: Ledger, row: Thread, read_head: ReadHead) -> None:
    """Prune a thread to the latest checkpoint of each namespace, and what its delta channels need."""
    known = _read(ledger, row, read_head)
    kept = set(latest(known).items())
    _drop_all_but(ledger, row, known, kept | _needed(ledger, row, known, kept))
    row.floor = row.turn


def drop(ledger: Ledger, row: Thread, doomed: Iterable[tuple[str, str]], read_head: ReadHead) -> None:
    """Delete these checkpoints (namespace, id), and the thread with its last one."""
    known = _read(ledger, row, read_head)
    gone = set(doomed)
    kept = {(item.ns, item.id) for item in known} - gone
    if kept:
        _drop_all_but(ledger, row, known, kept)
        # The list reads it anew: what it showed may be of what has gone.
        row.outline = None
        ledger.conn.execute(
            "UPDATE duograph_threads SET outline_kind = NULL, outline = NULL WHERE id = ?", (row.id,)
        )
    else:
        ledger.drop_thread(row)


def _read(ledger: Ledger, row: Thread, read_head: ReadHead) -> list[Known]:
    """Everything that a thread holds, newest first."""
    rows = ledger.conn.execute(
        "SELECT number, ns, id, parent, turn, kind, head FROM duograph_checkpoints "
        "WHERE thread = ? ORDER BY number DESC",
        (row.id,),
    ).fetchall()
    try:
        return [_known(item[:5], *read_head(*item[5:])[:2]) for item in rows]
    except Exception as error:  # whatever a serialiser raises on damaged bytes
        raise UnreadableHeadError(row.name) from error


def _known(row: tuple[Any, ...], body: dict[str, Any], metadata: dict[str, Any]) -> Known:
    """Put a row and its decoded head together."""
    number, ns, checkpoint_id, parent, turn = row
    return Known(number, ns, checkpoint_id, parent, turn, body["channel_versions"], metadata)


def _waiting(ledger: Ledger, row: Thread) -> set[tuple[str, str]]:
    """The checkpoints with an interrupt or an error among their writes."""
    rows = ledger.conn.execute(
        "SELECT ns, checkpoint, data FROM duograph_writes WHERE thread = ?", (row.id,)
    ).fetchall()
    return {
        (ns, checkpoint)
        for ns, checkpoint, data in rows
        if any(entry[0] < 0 for entry in ormsgpack.unpackb(data))
    }


def _needed(
    ledger: Ledger, row: Thread, known: list[Known], kept: set[tuple[str, str]]
) -> set[tuple[str, str]]:
    """The ancestors whose writes a kept checkpoint's delta channels are replayed from."""
    if not has_deltas(known, kept):
        return set()
    rows = ledger.conn.execute("SELECT ns, channel, version FROM duograph_values WHERE thread = ?", (row.id,))
    return set(delta_needs(known, kept, {tuple(found) for found in rows}))


def _drop_all_but(ledger: Ledger, row: Thread, known: list[Known], kept: set[tuple[str, str]]) -> None:
    doomed = [item for item in known if (item.ns, item.id) not in kept]
    if not doomed:
        return
    conn = ledger.conn
    conn.executemany("DELETE FROM duograph_checkpoints WHERE number = ?", [(item.number,) for item in doomed])
    conn.executemany(
        "DELETE FROM duograph_writes WHERE thread = ? AND ns = ? AND checkpoint = ?",
        [(row.id, item.ns, item.id) for item in doomed],
    )
    conn.executemany(
        "DELETE FROM duograph_values WHERE thread = ? AND ns = ? AND channel = ? AND version = ?",
        [(row.id, *value) for value in unneeded(known, kept)],
    )
    row.steps = None
    sweep(ledger, row)


def sweep(ledger: Ledger, row: Thread) -> None:
    """Delete the pieces of a thread that no value and no write refers to."""
    spans: list[Span] = []
    conn = ledger.conn
    for (data,) in conn.execute(
        "SELECT data FROM duograph_values WHERE thread = ? AND kind IN (?, ?)", (row.id, ITEM, LIST)
    ):
        spans += unpack(data)
    for (data,) in conn.execute("SELECT data FROM duograph_writes WHERE thread = ?", (row.id,)):
        for _, _, kind, stored, _ in ormsgpack.unpackb(data):
            if kind in (ITEM, LIST):
                spans += unpack(stored)
    gaps, after = [], 0
    for first, count in sorted(set(spans)):
        if first > after:
            gaps.append((place(row.id, after), place(row.id, first) - 1))
        after = max(after, first + count)
    gaps.append((place(row.id, after), place(row.id + 1, 0) - 1))
    conn.executemany("DELETE FROM duograph_pieces WHERE place BETWEEN ? AND ?", gaps)
    ledger.forget_pieces(row)
