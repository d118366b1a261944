"""The writer's view of the file: which threads there are, what number comes next, which pieces are known."""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from checkpoints.sqlite.values import (
    ITEM,
    LIST,
    Encoded,
    Piece,
    Pieces,
    Plain,
    Span,
    cut,
    joined,
    pack,
    place,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_DIGESTS = 20_000
_FIRST_ITEM = 2**31
_VALUES = "VALUES "
_ROWS_AT_ONCE = (100, 25, 5)
"""Of at most nine values, as SQLite before 3.32 takes 999 in a statement."""


class StaleReferenceError(Exception):
    """A list was to repeat one that is no longer stored: it must be encoded in full."""


class ConflictError(Exception):
    """Two jobs of a group, or one and the file, have a row for the same key: they must go one by one."""


@dataclass(slots=True)
class Thread:
    """One thread's row.

    Attributes:
        id: Its number in the file.
        name: Its id as LangGraph knows it.
        next: The number that its next piece gets.
        next_item: The number that its next item of a list gets: apart, so that a list is few spans.
        turn: How many turns it has had.
        floor: The oldest turn that is still open to time travel.
        first: Id of the first checkpoint that it ever had in the root namespace.
        outline: What the list of sessions shows of it, serialised: the form's name and the bytes.
        steps: Step of the root checkpoint written last, by its id.
    """

    id: int
    name: str
    next: int
    next_item: int
    turn: int
    floor: int
    first: str | None
    outline: tuple[str, bytes] | None = None
    steps: tuple[str, int | None] | None = None


class Ledger:
    """What a transaction reads and writes through. Used by one thread alone."""

    def __init__(self, conn: sqlite3.Connection, *, keep_turns: int | None) -> None:
        """Work on `conn`, whose transactions the caller begins and ends.

        Args:
            conn: A connection in autocommit mode.
            keep_turns: How many turns stay open to time travel; None for all.
        """
        self._conn = conn
        self.keep_turns = keep_turns
        self.gathers = False
        self._gathered: dict[str, list[tuple[Any, ...]]] = {}
        self.has_deleted = False
        self.written = 0
        self._threads: dict[str, Thread] = {}
        self._changed: dict[str, Thread] = {}
        self._digests: OrderedDict[tuple[int, bytes], int] = OrderedDict()
        self._data_version = -1

    @property
    def conn(self) -> sqlite3.Connection:
        """The connection, once all that was gathered is in the file."""
        self._settle()
        return self._conn

    def insert(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Insert rows: now, or together with those of other jobs of the group."""
        if self.gathers:
            self._gathered.setdefault(statement, []).extend(rows)
        else:
            self._conn.executemany(statement, rows)

    def _settle(self) -> None:
        while self._gathered:
            statement, rows = self._gathered.popitem()
            if self._insert_many(statement, rows) != len(rows):
                raise ConflictError

    def _insert_many(self, statement: str, rows: Sequence[tuple[Any, ...]]) -> int:
        """Insert rows, many with one statement: between two of them a busy event loop takes Python's lock."""
        made = at = 0
        for size in _ROWS_AT_ONCE:
            while len(rows) - at >= size:
                values = [*chain.from_iterable(rows[at : at + size])]
                made += self._conn.execute(_repeated(statement, size), values).rowcount
                at += size
        return made + self._conn.executemany(statement, rows[at:]).rowcount if at < len(rows) else made

    def begin(self, *, gathers: bool = False) -> None:
        """Note whether somebody else has written; to be called at the start of each transaction.

        Args:
            gathers: Whether what jobs insert may wait for each other; then a row that is there already
                raises `ConflictError`.
        """
        self.gathers = gathers
        version = self._conn.execute("PRAGMA data_version").fetchone()[0]
        if version != self._data_version:
            self.forget()
            self._data_version = version

    def flush(self) -> None:
        """Write what was gathered and the threads that changed; to be called before each commit."""
        self._settle()
        if self._changed:
            self.conn.executemany(
                "UPDATE duograph_threads SET next = ?, next_item = ?, turn = ?, floor = ?, first = ?, "
                "outline_kind = coalesce(?, outline_kind), outline = coalesce(?, outline) WHERE id = ?",
                [
                    (
                        row.next,
                        row.next_item,
                        row.turn,
                        row.floor,
                        row.first,
                        *(row.outline or (None, None)),
                        row.id,
                    )
                    for row in self._changed.values()
                ],
            )
            self._changed.clear()

    def forget(self) -> None:
        """Trust nothing that was known; to be called after a rollback."""
        self._gathered.clear()
        self._threads.clear()
        self._changed.clear()
        self._digests.clear()

    def known(self, name: str) -> Thread | None:
        """A thread's row as it was when this process wrote it last, if it did."""
        return self._threads.get(name)

    def thread(self, name: str) -> Thread | None:
        """Find a thread's row."""
        row = self._threads.get(name)
        if row is None:
            found = self._conn.execute(
                "SELECT id, name, next, next_item, turn, floor, first FROM duograph_threads WHERE name = ?",
                (name,),
            ).fetchone()
            row = None if found is None else self._known(Thread(*found))
        return row

    def thread_or_new(self, name: str) -> Thread:
        """Find a thread's row or make it."""
        row = self._threads.get(name)
        if row is None:
            # Most threads that are not known here are new, so it is made before it is looked for.
            made = self._conn.execute(
                "INSERT INTO duograph_threads (name) VALUES (?) ON CONFLICT (name) DO NOTHING", (name,)
            )
            if not made.rowcount:
                row = self.thread(name)
            else:
                row = self._known(Thread(int(made.lastrowid or 0), name, 1, _FIRST_ITEM, 0, 1, None))
                self._changed[name] = row
        if row is None:
            raise ConflictError
        return row

    def open_thread(self, name: str) -> Thread:
        """Find a thread's row or make it; it is written again at the end of the transaction."""
        row = self._changed[name] = self.thread_or_new(name)
        return row

    def _known(self, row: Thread) -> Thread:
        if len(self._threads) >= _MOST_DIGESTS:
            self.flush()
            self._threads.clear()
        self._threads[row.name] = row
        return row

    def changed(self, row: Thread) -> None:
        """Write the row at the end of the transaction."""
        self._changed[row.name] = row

    def drop_thread(self, row: Thread) -> None:
        """Delete a thread with all that it holds."""
        span = (place(row.id, 0), place(row.id + 1, 0) - 1)
        self.conn.execute("DELETE FROM duograph_pieces WHERE place BETWEEN ? AND ?", span)
        for table in ("checkpoints", "values", "writes"):
            self.conn.execute(f"DELETE FROM duograph_{table} WHERE thread = ?", (row.id,))  # noqa: S608
        self.conn.execute("DELETE FROM duograph_threads WHERE id = ?", (row.id,))
        self._threads.pop(row.name, None)
        self._changed.pop(row.name, None)
        self.forget_pieces(row)

    def forget_pieces(self, row: Thread) -> None:
        """Trust no known piece of this thread any more: some were deleted."""
        self.has_deleted = True
        for key in [key for key in self._digests if key[0] == row.id]:
            del self._digests[key]

    def store(self, row: Thread, ns: str, value: Encoded) -> tuple[str, bytes]:
        """Store what a value needs beside its row, and give the row's form and bytes.

        Raises:
            StaleReferenceError: When it repeats a list that is not stored.
        """
        if isinstance(value, Plain):
            return value.kind, value.data
        if isinstance(value, Piece):
            return ITEM, pack([(self._piece(row, value, is_item=False), 1)])
        return LIST, pack(self._spans(row, ns, value))

    def _spans(self, row: Thread, ns: str, value: Pieces) -> Sequence[Span]:
        base: Sequence[Span] = ()
        if value.base is not None:
            base = value.base.spans
            stored = self.conn.execute(
                "SELECT data FROM duograph_values "
                "WHERE thread = ? AND ns = ? AND channel = ? AND version = ?",
                (row.id, ns, value.base.channel, value.base.version),
            ).fetchone()
            if stored is None or stored[0] != pack(base):
                raise StaleReferenceError
        spans: list[Span] = []
        for part in value.parts:
            if isinstance(part, Piece):
                spans.append((self._piece(row, part, is_item=True), 1))
            else:
                spans += cut(base, *part)
        return joined(spans)

    def _piece(self, row: Thread, piece: Piece, *, is_item: bool) -> int:
        key = (row.id, piece.digest)
        known = self._digests.get(key)
        if known is not None:
            return known
        if is_item:
            number, row.next_item = row.next_item, row.next_item + 1
        else:
            number, row.next = row.next, row.next + 1
        self.changed(row)
        self.written += len(piece.data)
        self.insert(
            "INSERT INTO duograph_pieces VALUES (?, ?, ?)",
            [(place(row.id, number), piece.kind, piece.data)],
        )
        self._digests[key] = number
        if len(self._digests) > _MOST_DIGESTS:
            self._digests.popitem(last=False)
        return number


@cache
def _repeated(statement: str, times: int) -> str:
    """An `INSERT` of one row, of so many."""
    start = statement.index(_VALUES) + len(_VALUES)
    end = statement.index(")", start) + 1
    return statement[:start] + ", ".join([statement[start:end]] * times) + statement[end:]
