"""Comparing vectors: those of a namespace as a matrix in memory, brought up to date at each search."""

from __future__ import annotations

import math
from array import array
from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, func, insert, select

from memory.protocol import MemoryStoreError
from memory.sql.rows import batches, plain
from memory.sql.tables import records, vectors

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from types import ModuleType

    from sqlalchemy import Connection

_KEPT_BYTES: Final = 512 * 2**20
_BLOCKS: Final = 16
_ROWS_AT_ONCE: Final = 20_000


def keep(connection: Connection, namespace: str, model: str, given: Mapping[str, Sequence[float]]) -> None:
    """Keep vectors by record id; see `Memory.set_vectors`.

    Raises:
        ValueError: When they are not all of one length, or hold what is no number.
    """
    packed = {one: _packed(one, vector) for one, vector in given.items()}
    name = {"namespace": plain(namespace), "model": plain(model)}
    same = (vectors.c[key] == value for key, value in name.items())
    known = select(vectors.c.length).where(*same).limit(1)
    lengths = {len(numbers) for numbers in packed.values()} | set(connection.execute(known).scalars())
    if len(lengths) > 1:
        said = ", ".join(map(str, sorted(lengths)))
        raise ValueError(
            f"The vectors of {model!r} are of different lengths ({said}): one model gives one length."
        )
    for batch in batches(packed):
        mine = (records.c.namespace == name["namespace"], records.c.id.in_(batch))
        numbers = {
            row.id: row.number
            for row in connection.execute(select(records.c.id, records.c.number).where(*mine))
        }
        old = delete(vectors).where(vectors.c.record.in_(numbers.values()), vectors.c.model == name["model"])
        connection.execute(old)
        rows = [
            {**name, "record": number, "length": len(packed[one]), "data": packed[one].tobytes()}
            for one, number in numbers.items()
        ]
        if rows:
            connection.execute(insert(vectors), rows)


def _packed(record_id: str, vector: Sequence[float]) -> array[float]:
    packed = array("f", vector)
    if not packed or not all(map(math.isfinite, packed)):
        raise ValueError(
            f"The vector of the record {record_id} is empty or holds what is no number: embed the text again."
        )
    return packed


@dataclass
class _Block:
    """Vectors of one length, each of length 1, with what they belong to."""

    stamps: Any
    numbers: Any
    spaces: Any
    matrix: Any


@dataclass
class _Shelf:
    """What is in memory of one namespace and model.

    Attributes:
        last: The newest stamp in it.
        blocks: The vectors; one that was replaced stays until it would be found.
    """

    last: int = 0
    blocks: list[_Block] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    @property
    def size(self) -> int:
        return sum(block.matrix.nbytes for block in self.blocks)


class VectorSearch:
    """Finds the nearest vectors, by comparing all of them: exact, and quick enough for some 100,000."""

    def __init__(self) -> None:
        """Hold nothing yet."""
        self._shelves: OrderedDict[tuple[str, str], _Shelf] = OrderedDict()
        self._lock = Lock()

    def nearest(
        self,
        connection: Connection,
        key: tuple[str, str],
        vector: Sequence[float],
        spaces: Collection[int],
        limit: int,
    ) -> list[tuple[int, float]]:
        """Find records that hold, nearest first, with their cosine.

        Args:
            connection: In a transaction that reads.
            key: The namespace and the model.
            vector: To compare with; those of another length are left out.
            spaces: Where the records may be.
            limit: How many at most.

        Raises:
            MemoryStoreError: When numpy is missing.
        """
        numpy = _numpy()
        shelf = self._shelf(key)
        with shelf.lock:
            _refresh(connection, shelf, key, numpy)
            blocks = [block for block in shelf.blocks if block.matrix.shape[1] == len(vector)]
        self._evict()
        if not blocks:
            return []
        asked = numpy.asarray(vector, dtype=numpy.float32)
        asked /= numpy.linalg.norm(asked) or 1.0
        numbers = numpy.concatenate([block.numbers for block in blocks])
        stamps = numpy.concatenate([block.stamps for block in blocks])
        cosines = numpy.concatenate([block.matrix @ asked for block in blocks])
        wanted = numpy.isin(numpy.concatenate([block.spaces for block in blocks]), list(spaces))
        cosines[~wanted] = -2.0
        return _current(connection, numpy, (numbers, stamps, cosines), limit)

    def _shelf(self, key: tuple[str, str]) -> _Shelf:
        with self._lock:
            shelf = self._shelves.setdefault(key, _Shelf())
            self._shelves.move_to_end(key)
            return shelf

    def _evict(self) -> None:
        """Let go of what was asked for longest ago; the last one stays, however large."""
        with self._lock:
            while len(self._shelves) > 1 and sum(one.size for one in self._shelves.values()) > _KEPT_BYTES:
                self._shelves.popitem(last=False)


def _current(
    connection: Connection, numpy: ModuleType, rows: tuple[Any, Any, Any], limit: int
) -> list[tuple[int, float]]:
    """The nearest ones that hold still, looking as far down as it takes to have enough."""
    numbers, stamps, cosines = rows
    found: list[tuple[int, float]] = []
    order = numpy.argsort(-cosines) if limit * 4 >= len(cosines) else None
    begin, width = 0, limit * 2
    while len(found) < limit and begin < len(cosines):
        if order is None and begin == 0:
            part = numpy.argpartition(-cosines, width)[:width]
            places = part[numpy.argsort(-cosines[part])]
        else:
            order = numpy.argsort(-cosines) if order is None else order
            places = order[begin : begin + width]
        places = [place for place in places.tolist() if cosines[place] > -2.0]  # noqa: PLR2004 - marks what is not asked for
        if not places:
            break
        holds = _holding(connection, stamps[places].tolist())
        found += [
            (int(numbers[place]), float(cosines[place])) for place in places if int(stamps[place]) in holds
        ]
        begin, width = begin + width, width * 4
    return found[:limit]


def _holding(connection: Connection, stamps: Sequence[int]) -> set[int]:
    found: set[int] = set()
    for batch in batches(stamps):
        query = (
            select(vectors.c.stamp)
            .join(records, records.c.number == vectors.c.record)
            .where(vectors.c.stamp.in_(batch), records.c.valid_to.is_(None))
        )
        found.update(connection.execute(query).scalars())
    return found


def _refresh(connection: Connection, shelf: _Shelf, key: tuple[str, str], numpy: ModuleType) -> None:
    mine = (vectors.c.namespace == plain(key[0]), vectors.c.model == plain(key[1]))
    last = connection.execute(select(func.max(vectors.c.stamp)).where(*mine)).scalar() or 0
    if last < shelf.last:  # an older copy of the database, or its newest ones were forgotten
        shelf.last, shelf.blocks = 0, []
    while shelf.last < last:
        query = (
            select(vectors.c.stamp, vectors.c.record, records.c.space, vectors.c.data)
            .join(records, records.c.number == vectors.c.record)
            .where(*mine, vectors.c.stamp > shelf.last, vectors.c.stamp <= last)
            .order_by(vectors.c.stamp)
            .limit(_ROWS_AT_ONCE)
        )
        rows = connection.execute(query).all()
        if not rows:
            shelf.last = last
            break
        by_length: dict[int, list[Any]] = {}
        for row in rows:
            by_length.setdefault(len(row.data), []).append(row)
        shelf.blocks += [_block(group, numpy) for group in by_length.values()]
        shelf.last = rows[-1].stamp
    if len(shelf.blocks) > _BLOCKS:
        shelf.blocks = _merged(shelf.blocks, numpy)


def _block(rows: Sequence[Any], numpy: ModuleType) -> _Block:
    matrix = numpy.frombuffer(b"".join(row.data for row in rows), dtype="<f4").reshape(len(rows), -1).copy()
    lengths = numpy.linalg.norm(matrix, axis=1, keepdims=True)
    matrix /= numpy.where(lengths == 0, 1, lengths)
    stamps, numbers, spaces = (
        numpy.array([getattr(row, name) for row in rows], dtype=numpy.int64)
        for name in ("stamp", "record", "space")
    )
    return _Block(stamps, numbers, spaces, matrix)


def _merged(blocks: Sequence[_Block], numpy: ModuleType) -> list[_Block]:
    by_length: dict[int, list[_Block]] = {}
    for block in blocks:
        by_length.setdefault(block.matrix.shape[1], []).append(block)
    return [
        _Block(
            *(
                numpy.concatenate([getattr(one, name) for one in group])
                for name in ("stamps", "numbers", "spaces", "matrix")
            )
        )
        for group in by_length.values()
    ]


def _numpy() -> ModuleType:
    try:
        import numpy  # noqa: ICN001, PLC0415 - an extra
    except ImportError as error:
        raise MemoryStoreError(
            f"Comparing vectors needs a package that is missing ({error.name}): run `pip install "
            "'duograph[vectors]'`, or ask without a vector."
        ) from None
    return numpy
