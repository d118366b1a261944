"""A memory in a dict, as far as archives need one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from memory.records import Counts, Hit, Item, MemoryStatus, Query, Record, Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class DictMemory:
    def __init__(self) -> None:
        self.items: dict[str, dict[str, Item]] = defaultdict(dict)
        self.vectors: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(dict)

    async def store(self, namespace: str, records: Sequence[Record]) -> Sequence[str]:
        for record in records:
            item = Item(id=record.id, record=record, origins=(record.origin,), valid_from=record.origin.at)
            self.items[namespace].setdefault(record.id, item)
        return [record.id for record in records]

    async def replace(self, namespace: str, selection: Selection, records: Sequence[Record]) -> Sequence[str]:
        await self.forget(namespace, selection)
        return await self.store(namespace, records)

    async def search(self, namespace: str, query: Query) -> Sequence[Hit]:
        words = query.text.casefold().split()
        found = [
            Hit(item=item, score=sum(word in item.record.text.casefold() for word in words) / len(words))
            for item in self.items[namespace].values()
        ]
        return sorted(found, key=lambda hit: -hit.score)[: query.max_results]

    async def list(
        self, namespace: str, selection: Selection, *, limit: int = 100, after: str = ""
    ) -> Sequence[Item]:
        assert not after
        return [item for item in self.items[namespace].values() if _fits(item, selection)][:limit]

    async def forget(self, namespace: str, selection: Selection) -> int:
        gone = [item.id for item in self.items[namespace].values() if _fits(item, selection)]
        for each in gone:
            del self.items[namespace][each]
        return len(gone)

    async def restore(self, namespace: str, items: Sequence[Item]) -> int:
        raise NotImplementedError

    async def without_vector(self, namespace: str, model: str, *, limit: int = 100) -> Sequence[Item]:
        there = self.vectors[namespace, model]
        return [item for item in self.items[namespace].values() if item.id not in there][:limit]

    async def set_vectors(self, namespace: str, model: str, vectors: Mapping[str, Sequence[float]]) -> None:
        known = self.items[namespace]
        self.vectors[namespace, model].update(
            {each: list(vector) for each, vector in vectors.items() if each in known}
        )

    async def revisions(self, namespace: str, archive: str) -> Mapping[str, str]:
        return {
            item.record.path: item.record.revision
            for item in self.items[namespace].values()
            if item.record.archive == archive
        }

    async def archives(self, namespace: str) -> Mapping[str, int]:
        counts: dict[str, int] = defaultdict(int)
        for item in self.items[namespace].values():
            counts[item.record.archive] += 1
        return counts

    async def status(self, namespace: str) -> MemoryStatus:
        counts = Counts(by_kind={"chunk": len(self.items[namespace])})
        return MemoryStatus(backend="sqlite", place="here", is_available=True, counts=counts)

    async def aclose(self) -> None:
        pass


def _fits(item: Item, selection: Selection) -> bool:
    record = item.record
    return (selection.archive is None or record.archive == selection.archive) and (
        selection.path is None
        or record.path == selection.path
        or record.path.startswith(f"{selection.path}/")
    )
