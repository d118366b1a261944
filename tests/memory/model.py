"""The protocol in a few lines of Python: what every real backend is held against."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import isfinite

from memory.protocol import MemoryStoreError
from memory.records import Counts, Hit, Item, MemoryStatus, Origin, Query, Record, Selection
from memory.scoring import Candidate, Scorer, rank

_PREFIX_CHARS = 8


class ModelMemory:
    """Memory in dictionaries: nothing is durable, and searching looks at everything."""

    def __init__(self) -> None:
        self._spaces: dict[str, dict[str, Item]] = defaultdict(dict)
        self._vectors: dict[tuple[str, str], dict[str, tuple[float, ...]]] = defaultdict(dict)
        self._closed = False

    async def store(self, namespace: str, records: Sequence[Record]) -> Sequence[str]:
        self._check()
        space = dict(self._spaces[namespace])
        for record in records:
            self._store(space, record)
        self._spaces[namespace] = space
        return [record.id for record in records]

    def _store(self, space: dict[str, Item], record: Record) -> None:
        origin, there = record.origin, space.get(record.id)
        if there is None:
            new = Item(id=record.id, record=record, origins=(origin,), valid_from=origin.at)
        elif any(_is_same(origin, one) for one in there.origins):
            return
        else:
            again = {} if there.valid_to is None else {"valid_from": origin.at}
            new = there.model_copy(
                update={"origins": (*there.origins, origin), "valid_to": None, "superseded_by": None, **again}
            )
        for old in list(space.values()):
            if _holds_instead(old, record):
                ended = {"valid_to": max(origin.at, old.valid_from), "superseded_by": record.id}
                space[old.id] = old.model_copy(update=ended)
        space[record.id] = new

    async def replace(self, namespace: str, selection: Selection, records: Sequence[Record]) -> Sequence[str]:
        await self.forget(namespace, selection)
        return await self.store(namespace, records)

    async def search(self, namespace: str, query: Query) -> Sequence[Hit]:
        self._check()
        vectors = self._vectors[namespace, query.vector_model]
        items, candidates, scorer = list[Item](), list[Candidate](), Scorer(query.text)
        for item in self._spaces[namespace].values():
            record = item.record
            wanted = not query.kinds or record.kind in query.kinds
            if (
                not wanted
                or item.valid_to
                or (record.kind == "chunk" and record.archive not in query.archives)
            ):
                continue
            similarity = _cosine(query.vector, vectors.get(item.id, ())) if query.vector else None
            items.append(item)
            candidates.append(scorer.candidate(record, similarity))
        ranked = [one for one in rank(scorer, candidates) if one.score > 0 and one.score >= query.min_score]
        return [Hit(item=items[one.place], score=one.score) for one in ranked[: query.max_results]]

    async def list(
        self, namespace: str, selection: Selection, *, limit: int = 100, after: str = ""
    ) -> Sequence[Item]:
        self._check()
        items = sorted(self._selected(namespace, selection), key=_place)
        if after:
            last = self._spaces[namespace].get(after)
            if last is None:
                raise MemoryStoreError(f"The record {after} is gone: begin the list anew.")
            items = [item for item in items if _place(item) > _place(last)]
        return items[:limit]

    async def forget(self, namespace: str, selection: Selection) -> int:
        self._check()
        if selection.is_everything:
            raise ValueError("The selection is everything.")
        gone = [item.id for item in self._selected(namespace, selection)]
        for one in gone:
            del self._spaces[namespace][one]
            for (name, _), vectors in self._vectors.items():
                if name == namespace:
                    vectors.pop(one, None)
        return len(gone)

    async def restore(self, namespace: str, items: Sequence[Item]) -> int:
        self._check()
        space, count = self._spaces[namespace], 0
        for item in items:
            if item.id in space:
                continue
            count += 1
            holder = next((old for old in space.values() if _holds_instead(old, item.record)), None)
            if holder and item.valid_to is None:
                ended = {"valid_to": max(holder.valid_from, item.valid_from), "superseded_by": holder.id}
                space[item.id] = item.model_copy(update=ended)
            else:
                space[item.id] = item
        return count

    async def without_vector(self, namespace: str, model: str, *, limit: int = 100) -> Sequence[Item]:
        self._check()
        known = self._vectors[namespace, model]
        found = [
            one for one in self._spaces[namespace].values() if one.valid_to is None and one.id not in known
        ]
        return sorted(found, key=_place, reverse=True)[:limit]

    async def set_vectors(self, namespace: str, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
        self._check()
        if not all(vector and all(map(isfinite, vector)) for vector in vectors.values()):
            raise ValueError("A vector is empty or holds what is no number.")
        known = self._vectors[namespace, model]
        lengths = {len(vector) for vector in (*known.values(), *vectors.values())}
        if len(lengths) > 1:
            raise ValueError("The vectors are not all of one length.")
        known |= {one: tuple(vector) for one, vector in vectors.items() if one in self._spaces[namespace]}

    async def revisions(self, namespace: str, archive: str) -> Mapping[str, str]:
        self._check()
        chunks = (item.record for item in self._spaces[namespace].values() if item.record.kind == "chunk")
        return {chunk.path: chunk.revision for chunk in chunks if chunk.archive == archive}

    async def archives(self, namespace: str) -> Mapping[str, int]:
        self._check()
        return Counter(
            item.record.archive for item in self._spaces[namespace].values() if item.record.kind == "chunk"
        )

    async def status(self, namespace: str) -> MemoryStatus:
        if self._closed:
            return MemoryStatus(backend="off", place="a test", is_available=False, problem="It is closed.")
        items = self._spaces[namespace].values()
        known = {one for (name, _), held in self._vectors.items() if name == namespace for one in held}
        counts = Counts(
            by_kind=Counter(item.record.kind for item in items if item.valid_to is None),
            superseded=sum(item.valid_to is not None for item in items),
            vectors=len(known),
        )
        return MemoryStatus(backend="off", place="a test", is_available=True, counts=counts)

    async def aclose(self) -> None:
        self._closed = True

    def _check(self) -> None:
        if self._closed:
            raise MemoryStoreError("The memory is closed: open it anew.")

    def _selected(self, namespace: str, selection: Selection) -> Iterable[Item]:
        return [item for item in self._spaces[namespace].values() if _fits(item, selection)]


def _is_same(new: Origin, old: Origin) -> bool:
    if new.session or new.turn:
        return (new.session, new.turn) == (old.session, old.turn)
    return new == old


def _holds_instead(item: Item, record: Record) -> bool:
    """Whether an item is another fact on the record's subject that holds."""
    old = item.record
    return (
        record.kind == old.kind == "fact"
        and record.subject_key == old.subject_key != ""
        and item.id != record.id
        and item.valid_to is None
    )


def _place(item: Item) -> tuple[datetime, str]:
    return item.origins[0].at, item.id


def _fits(item: Item, selection: Selection) -> bool:
    record, path = item.record, selection.path
    return all(
        (
            not selection.ids
            or any(item.id.startswith(one.lower()) for one in selection.ids if len(one) >= _PREFIX_CHARS),
            selection.subject is None or record.subject_key == " ".join(selection.subject.split()).casefold(),
            selection.before is None or item.origins[0].at < selection.before,
            selection.session is None or any(one.session == selection.session for one in item.origins),
            not selection.kinds or record.kind in selection.kinds,
            selection.archive is None or record.archive == selection.archive,
            path is None or record.path == path or record.path.startswith(f"{path.rstrip('/')}/"),
            selection.is_current is None or (item.valid_to is None) == selection.is_current,
        )
    )


def _cosine(one: Sequence[float], other: Sequence[float]) -> float | None:
    if len(one) != len(other):
        return None
    lengths = (sum(n * n for n in one) * sum(n * n for n in other)) ** 0.5
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths if lengths else 0.0
