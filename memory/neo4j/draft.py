"""What a call changes, worked out on items that were read, before anything is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from memory.records import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from memory.records import Origin, Record


class Draft:
    """Items of one namespace as they are and as they shall be.

    Attributes:
        new: Items that are to be made, by id.
        changed: Items that were there and hold, or hold no more, since, by id.
        told: Origins that items got that were there: id, place and origin.
    """

    def __init__(self, there: Iterable[Item]) -> None:
        """Take what was read: the items with the ids in question, and the facts that hold on the subjects."""
        self._there = {item.id: item for item in there}
        self._holders = {
            item.record.subject_key: item.id for item in self._there.values() if _is_holder(item)
        }
        self.new: dict[str, Item] = {}
        self.changed: dict[str, Item] = {}
        self.told: list[tuple[str, int, Origin]] = []

    def store(self, records: Sequence[Record]) -> list[str]:
        """Add records and give their ids; see `Memory.store`."""
        return [self._store(record) for record in records]

    def restore(self, items: Sequence[Item]) -> int:
        """Add items that are not there, and say how many; see `Memory.restore`."""
        for item in items:
            if self._item(item.id) is None:
                self._restore(item)
        return len(self.new)

    def _store(self, record: Record) -> str:
        record_id, origin = record.id, record.origin
        there = self._item(record_id)
        if there is None:
            kept = Item(id=record_id, record=record, origins=(origin,), valid_from=origin.at)
        elif any(_is_same(origin, one) for one in there.origins):
            return record_id
        else:
            kept = there.model_copy(update={"origins": (*there.origins, origin)})
            if there.valid_to is not None:
                again = {"valid_from": origin.at, "valid_to": None, "superseded_by": None}
                kept = kept.model_copy(update=again)
            if record_id not in self.new:
                self.told.append((record_id, len(there.origins), origin))
        self._end_holder(record, record_id)
        self._keep(kept)
        return record_id

    def _end_holder(self, record: Record, record_id: str) -> None:
        holder_id = self._holders.get(record.subject_key) if _has_subject(record) else None
        holder = self._item(holder_id) if holder_id else None
        if holder is not None and holder.id != record_id:
            ended = {"valid_to": max(record.origin.at, holder.valid_from), "superseded_by": record_id}
            self._keep(holder.model_copy(update=ended))

    def _restore(self, item: Item) -> None:
        holder_id = self._holders.get(item.record.subject_key) if _is_holder(item) else None
        holder = self._item(holder_id) if holder_id else None
        if holder is not None:
            ended = {"valid_to": max(holder.valid_from, item.valid_from), "superseded_by": holder.id}
            item = item.model_copy(update=ended)
        self.new[item.id] = item
        if _is_holder(item):
            self._holders[item.record.subject_key] = item.id

    def _item(self, item_id: str) -> Item | None:
        return self.new.get(item_id) or self.changed.get(item_id) or self._there.get(item_id)

    def _keep(self, item: Item) -> None:
        if item.id in self._there:
            self.changed[item.id] = item
        else:
            self.new[item.id] = item
        if _is_holder(item):
            self._holders[item.record.subject_key] = item.id


def _has_subject(record: Record) -> bool:
    return record.kind == "fact" and bool(record.subject_key)


def _is_holder(item: Item) -> bool:
    return _has_subject(item.record) and item.valid_to is None


def _is_same(new: Origin, old: Origin) -> bool:
    if new.session or new.turn:
        return (new.session, new.turn) == (old.session, old.turn)
    return new == old
