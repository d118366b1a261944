"""Keeping, ending and deleting records, inside a transaction that nobody else writes the namespace in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from memory.records import Item, Origin, Record
from memory.sql.database import raw
from memory.sql.rows import batches, fresh, moment, origin_row, plain, record_row, ticks
from memory.sql.selecting import condition
from memory.sql.tables import origins, records, spaces, vectors
from memory.sql.vectors import keep
from memory.sql.words import file_record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, Row

    from memory.records import Selection
    from memory.sql.words import Words


class _Holder(NamedTuple):
    """The fact that holds on a subject."""

    id: str
    valid_from: datetime


class Writer:
    """Writes one namespace, in one transaction."""

    def __init__(self, connection: Connection, words: Words, namespace: str) -> None:
        """Take the transaction."""
        self._connection = connection
        self._words = words
        self._namespace = namespace
        self._spaces: dict[tuple[str, str], int] = {}

    def store(self, given: Sequence[Record]) -> list[str]:
        """Keep records and give their ids; see `Memory.store`."""
        ids = [record.id for record in given]
        there = self._there(ids)
        bulk: dict[str, Record] = {}
        for one, record in zip(ids, given, strict=True):
            # What can meet nothing that is there is written at once, and the rest one by one.
            if one not in there and one not in bulk and not _has_subject(record):
                bulk[one] = record
        self._insert([fresh(record) for record in bulk.values()])
        for one, record in zip(ids, given, strict=True):
            if bulk.get(one) is not record:
                self._store_one(record, one)
        return ids

    def restore(self, items: Sequence[Item]) -> int:
        """Keep items with their times; see `Memory.restore`."""
        there = self._there([item.id for item in items])
        new: dict[str, Item] = {}
        holding: dict[str, _Holder] = {}
        for item in items:
            if item.id in there or item.id in new:
                continue
            kept = item
            if _has_subject(item.record) and item.valid_to is None:
                subject = item.record.subject_key
                holder = holding.get(subject) or self._holder(subject)
                if holder is None:
                    holding[subject] = _Holder(item.id, item.valid_from)
                else:
                    ended = {
                        "valid_to": max(holder.valid_from, item.valid_from),
                        "superseded_by": holder.id,
                    }
                    kept = item.model_copy(update=ended)
            new[item.id] = kept
        self._insert(list(new.values()))
        return len(new)

    def forget(self, selection: Selection) -> int:
        """Delete what is selected; see `Memory.forget`."""
        query = select(records.c.number).where(condition(self._namespace, selection))
        numbers = list(self._connection.execute(query).scalars())
        for batch in batches(numbers):
            self._words.remove(raw(self._connection), batch)
            for table in (origins, vectors):
                self._connection.execute(delete(table).where(table.c.record.in_(batch)))
            self._connection.execute(delete(records).where(records.c.number.in_(batch)))
        self._drop_empty_spaces()
        return len(numbers)

    def set_vectors(self, model: str, given: Mapping[str, Sequence[float]]) -> None:
        """Keep vectors; see `Memory.set_vectors`."""
        keep(self._connection, self._namespace, model, given)

    def _drop_empty_spaces(self) -> None:
        """Archives come and go; every space that is left costs each search a look."""
        used = select(records.c.number).where(records.c.space == spaces.c.number).exists()
        self._connection.execute(delete(spaces).where(spaces.c.namespace == plain(self._namespace), ~used))
        self._spaces.clear()

    def _there(self, ids: Sequence[str]) -> set[str]:
        found: set[str] = set()
        for batch in batches(ids):
            query = select(records.c.id).where(self._mine, records.c.id.in_(batch))
            found.update(self._connection.execute(query).scalars())
        return found

    @property
    def _mine(self) -> Any:  # noqa: ANN401 - SQLAlchemy's
        return records.c.namespace == plain(self._namespace)

    def _store_one(self, record: Record, record_id: str) -> None:
        query = select(records).where(self._mine, records.c.id == record_id)
        row = self._connection.execute(query).one_or_none()
        if row is not None and not self._add_origin(row, record.origin):
            return
        if _has_subject(record):
            self._end_holder(record, record_id)
        if row is None:
            self._insert([fresh(record)])
        elif row.valid_to is not None:
            self._revive(row, record.origin)

    def _add_origin(self, row: Row[Any], origin: Origin) -> bool:
        """Add an origin, unless it is there; tell whether it was new."""
        told = select(origins).where(origins.c.record == row.number)
        if origin.session or origin.turn:
            same = told.where(
                origins.c.session == plain(origin.session), origins.c.turn == plain(origin.turn)
            )
            is_known = self._connection.execute(same.limit(1)).first() is not None
        else:
            same = told.where(origins.c.session == "", origins.c.turn == "")
            bodies = (one.body for one in self._connection.execute(same))
            is_known = any(Origin.model_validate_json(body) == origin for body in bodies)
        if is_known:
            return False
        last = select(func.max(origins.c.place)).where(origins.c.record == row.number)
        place = (self._connection.execute(last).scalar() or 0) + 1
        self._connection.execute(insert(origins), origin_row(row.number, place, origin))
        return True

    def _end_holder(self, record: Record, record_id: str) -> None:
        """End the fact that holds on the record's subject, if it is another one."""
        holder = self._holder(record.subject_key)
        if holder is None or holder.id == record_id:
            return
        query = (
            update(records)
            .where(self._mine, records.c.id == holder.id)
            .values(valid_to=ticks(max(record.origin.at, holder.valid_from)), superseded_by=record_id)
            .returning(records.c.number)
        )
        self._words.remove(raw(self._connection), [self._connection.execute(query).scalar_one()])

    def _revive(self, row: Row[Any], origin: Origin) -> None:
        values = {"valid_from": ticks(origin.at), "valid_to": None, "superseded_by": None}
        self._connection.execute(update(records).where(records.c.number == row.number).values(values))
        # As it was told first: what stood around it this time is not kept.
        kept = Record.model_validate_json(row.body)
        self._words.add(raw(self._connection), [file_record(row.number, row.space, kept)])

    def _holder(self, subject_key: str) -> _Holder | None:
        query = select(records.c.id, records.c.valid_from).where(
            self._mine,
            records.c.kind == "fact",
            records.c.subject == plain(subject_key),
            records.c.valid_to.is_(None),
        )
        row = self._connection.execute(query).first()
        return None if row is None else _Holder(row.id, moment(row.valid_from))

    def _insert(self, items: Sequence[Item]) -> None:
        """Write items that are not there."""
        for batch in batches(items):
            rows = [record_row(self._namespace, self._space(item.record), item) for item in batch]
            query = insert(records).returning(records.c.number, sort_by_parameter_order=True)
            numbers = list(self._connection.execute(query, rows).scalars())
            told = [
                origin_row(number, place, origin)
                for number, item in zip(numbers, batch, strict=True)
                for place, origin in enumerate(item.origins)
            ]
            self._connection.execute(insert(origins), told)
            filed = [
                file_record(number, row["space"], item.record)
                for number, row, item in zip(numbers, rows, batch, strict=True)
                if item.valid_to is None
            ]
            if filed:
                self._words.add(raw(self._connection), filed)

    def _space(self, record: Record) -> int:
        """The number of a record's space, which is made when it is the first in it."""
        key = (record.kind, plain(record.archive) if record.kind == "chunk" else "")
        if key not in self._spaces:
            values = {"namespace": plain(self._namespace), "kind": key[0], "archive": key[1]}
            same = (spaces.c[name] == value for name, value in values.items())
            found = self._connection.execute(select(spaces.c.number).where(*same)).scalar()
            if found is None:
                query = insert(spaces).values(values).returning(spaces.c.number)
                found = self._connection.execute(query).scalar_one()
            self._spaces[key] = int(found)
        return self._spaces[key]


def _has_subject(record: Record) -> bool:
    return record.kind == "fact" and bool(record.subject_key)
