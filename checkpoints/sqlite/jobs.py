"""What the writer is asked to do for LangGraph: store a checkpoint, store a task's writes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import ormsgpack

from checkpoints.keeping import is_due
from checkpoints.sqlite.ledger import Ledger, StaleReferenceError, Thread
from checkpoints.sqlite.retention import UnreadableHeadError, keep_turns
from checkpoints.sqlite.values import LIST, Encoded, Plain, Span, unpack, weight

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

Version: TypeAlias = str | float
Entry: TypeAlias = tuple[int, str, str, bytes, str]
"""One write as it is stored: index, channel, form, bytes, task path."""
TaskWrites: TypeAlias = "Sequence[tuple[int, str, Encoded]]"
"""Index, channel and value of each write of a task."""

_WRITE = "INSERT OR IGNORE INTO duograph_writes VALUES (?, ?, ?, ?, ?)"


@dataclass(slots=True)
class Stored:
    """Where a checkpoint's lists lie now.

    Attributes:
        thread: The thread's number in the file.
        spans: Of each channel that holds a list.
    """

    thread: int
    spans: dict[str, tuple[Span, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Put:
    """Store one checkpoint.

    Attributes:
        thread: Name of the thread.
        ns: Its namespace; empty for the root.
        id: The checkpoint's id.
        parent: Its parent's id.
        source: As its metadata say.
        step: The same.
        run: Mark of the run that made it.
        kind: Form of `head`.
        head: All of it but the channels' values.
        values: The channels that are new, by name: version and value.
        emptied: The channels that are new and hold nothing: name and version.
        unchanged: The channels whose value must be stored already, and its version.
        outline: What the list of sessions shows, when it changed.
        reads_head: Reads versions and metadata out of a stored head.
    """

    thread: str
    ns: str
    id: str
    parent: str | None
    source: str | None
    step: int | None
    run: bytes | None
    kind: str
    head: bytes
    values: dict[str, tuple[Version, Encoded]]
    emptied: Sequence[tuple[str, Version]]
    unchanged: Mapping[str, Version]
    outline: tuple[str, bytes] | None
    reads_head: Callable[[str, bytes], Any]

    @property
    def weight(self) -> int:
        """About how many bytes are to be written."""
        return len(self.head) + sum(weight(value) for _, value in self.values.values())

    def may_prune(self, ledger: Ledger) -> bool:
        """Tell whether old turns may have to go with it, which takes longer than storing it."""
        if ledger.keep_turns is None or self.ns or (self.parent is None and self.step == -1):
            return False
        row = ledger.known(self.thread)
        if row is None:
            return True
        goes_on = row.steps is not None and self.step is not None and row.steps[1] == self.step - 1
        if goes_on and self.source == "loop":
            return False
        return is_due(row.turn + 1, row.floor, ledger.keep_turns)

    def apply(self, ledger: Ledger) -> Stored:
        """Write it.

        Raises:
            StaleReferenceError: When what it builds on is gone, and must be given in full.
        """
        row = ledger.thread_or_new(self.thread)
        self._check_base(ledger, row)
        begins = self.ns == "" and self._begins_turn(ledger, row)
        stored = Stored(row.id)
        rows = []
        for channel, (version, value) in self.values.items():
            kind, data = ledger.store(row, self.ns, value)
            if kind == LIST:
                stored.spans[channel] = unpack(data)
            rows.append((row.id, self.ns, channel, version, kind, data))
        if rows:
            ledger.insert("INSERT OR REPLACE INTO duograph_values VALUES (?, ?, ?, ?, ?, ?)", rows)
        if self.emptied:
            ledger.conn.executemany(
                "DELETE FROM duograph_values WHERE thread = ? AND ns = ? AND channel = ? AND version = ?",
                [(row.id, self.ns, *empty) for empty in self.emptied],
            )
        if begins:
            row.turn += 1
            ledger.changed(row)
        self._store_head(ledger, row)
        if begins and ledger.keep_turns is not None and is_due(row.turn, row.floor, ledger.keep_turns):
            try:
                keep_turns(ledger, row, ledger.keep_turns, self.reads_head)
            except UnreadableHeadError:
                row.floor = row.turn  # a damaged old checkpoint is no reason to refuse a new one
        return stored

    def _store_head(self, ledger: Ledger, row: Thread) -> None:
        ledger.insert(
            """INSERT INTO duograph_checkpoints VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (thread, ns, id) DO UPDATE SET parent = excluded.parent, step = excluded.step,
            run = excluded.run, kind = excluded.kind, head = excluded.head""",
            [
                (
                    row.id,
                    self.ns,
                    self.id,
                    self.parent,
                    self.step,
                    row.turn,
                    self.run,
                    self.kind,
                    self.head,
                )
            ],
        )
        if self.ns == "":
            row.steps = (self.id, self.step)
            if row.first is None or self.outline is not None:
                row.first = row.first or self.id
                row.outline = self.outline or row.outline
                ledger.changed(row)

    def _check_base(self, ledger: Ledger, row: Thread) -> None:
        """A parent that was pruned meanwhile may have taken with it the values that did not change."""
        if not self.unchanged or (row.steps and row.steps[0] == self.parent and self.ns == ""):
            return
        if (
            self.parent is not None
            and ledger.conn.execute(
                "SELECT 1 FROM duograph_checkpoints WHERE thread = ? AND ns = ? AND id = ?",
                (row.id, self.ns, self.parent),
            ).fetchone()
        ):
            return
        for channel, version in self.unchanged.items():
            if not ledger.conn.execute(
                "SELECT 1 FROM duograph_values WHERE thread = ? AND ns = ? AND channel = ? AND version = ?",
                (row.id, self.ns, channel, version),
            ).fetchone():
                raise StaleReferenceError

    def _begins_turn(self, ledger: Ledger, row: Thread) -> bool:
        """An input begins a turn; with durability `exit` it is not stored, and the steps jump."""
        if self.source == "input" or row.turn == 0:
            return True
        if self.parent is None or self.step is None or self.source != "loop":
            return False
        if row.steps and row.steps[0] == self.parent:
            before = row.steps[1]
        else:
            found = ledger.conn.execute(
                "SELECT step FROM duograph_checkpoints WHERE thread = ? AND ns = '' AND id = ?",
                (row.id, self.parent),
            ).fetchone()
            before = found[0] if found else None
        return before is not None and self.step > before + 1


@dataclass(slots=True)
class PutWrites:
    """Store what a task wrote.

    Attributes:
        thread: Name of the thread.
        ns: Its namespace; empty for the root.
        checkpoint: Id of the checkpoint that the task ran on.
        task: The task's id.
        path: The task's path.
        writes: Index, channel and value of each write; nothing when they are packed.
        packed: All writes as they are stored, where they need no piece.
    """

    thread: str
    ns: str
    checkpoint: str
    task: str
    path: str
    writes: TaskWrites
    packed: bytes = b""

    @property
    def weight(self) -> int:
        """About how many bytes are to be written."""
        return len(self.packed) or sum(weight(value) for _, _, value in self.writes)

    def apply(self, ledger: Ledger) -> None:
        """Write them; of a task's ordinary writes the first ones count, of its special ones the last."""
        row = ledger.thread_or_new(self.thread)
        key = (row.id, self.ns, self.checkpoint, self.task)
        data = self.packed or packed(
            [
                (index, channel, Plain(*ledger.store(row, self.ns, value)))
                for index, channel, value in self.writes
            ],
            self.path,
        )
        if ledger.gathers:
            ledger.insert(_WRITE, [(*key, data)])
            return
        if ledger.conn.execute(_WRITE, (*key, data)).rowcount:
            return
        (stored,) = ledger.conn.execute(
            "SELECT data FROM duograph_writes WHERE thread = ? AND ns = ? AND checkpoint = ? AND task = ?",
            key,
        ).fetchone()
        known = {entry[0]: entry for entry in ormsgpack.unpackb(stored)}
        for entry in ormsgpack.unpackb(data):
            if entry[0] < 0 or entry[0] not in known:
                known[entry[0]] = entry
        ledger.conn.execute(
            "UPDATE duograph_writes SET data = ? WHERE thread = ? AND ns = ? AND checkpoint = ? AND task = ?",
            (ormsgpack.packb(list(known.values())), *key),
        )


def packed(writes: TaskWrites, path: str) -> bytes:
    """A task's writes as they are stored, if none needs a piece; else nothing."""
    # By index, as a special write that comes twice counts once.
    entries: dict[int, Entry] = {}
    for index, channel, value in writes:
        if not isinstance(value, Plain):
            return b""
        entries[index] = (index, channel, value.kind, value.data, path)
    return ormsgpack.packb(list(entries.values()))
