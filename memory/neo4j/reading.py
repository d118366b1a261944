"""Listing, finding and counting, inside one transaction that reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from memory.neo4j.rows import ITEM, item_of
from memory.neo4j.schema import WORD_INDEX
from memory.neo4j.selecting import condition
from memory.neo4j.vectors import Near
from memory.neo4j.words import lucene, shelves
from memory.protocol import MemoryStoreError
from memory.records import Counts, Hit
from memory.scoring import Candidate, Scorer, rank

if TYPE_CHECKING:
    from collections.abc import Mapping

    from neo4j import AsyncManagedTransaction

    from memory.neo4j.schema import Features
    from memory.records import Item, Query, Selection

_CANDIDATES: Final = 50

_LAST: Final = "MATCH (r:DuographRecord {namespace: $namespace, id: $after}) RETURN r.position AS position"
_PAGE: Final = f"""
MATCH (r:DuographRecord) WHERE %s
WITH r ORDER BY r.position LIMIT $limit RETURN {ITEM}
"""
_BY_WORDS: Final = f"""
CALL db.index.fulltext.queryNodes('{WORD_INDEX}', $lucene, {{limit: $limit}}) YIELD node, score
WHERE node.namespace = $namespace
RETURN node.id AS id, node.main AS main, node.around AS around ORDER BY score DESC
"""
_WORDS_OF: Final = """
MATCH (r:DuographRecord {namespace: $namespace}) WHERE r.id IN $ids
RETURN r.id AS id, r.main AS main, r.around AS around
"""
_ITEMS: Final = f"MATCH (r:DuographRecord {{namespace: $namespace}}) WHERE r.id IN $ids RETURN {ITEM}"
_WITHOUT: Final = f"""
MATCH (r:DuographRecord {{namespace: $namespace}})
WHERE r.position IS NOT NULL AND r.valid_to IS NULL
  AND NOT EXISTS {{(:DuographVector {{namespace: $namespace, model: $model, record: r.id}})}}
WITH r ORDER BY r.position DESC LIMIT $limit RETURN {ITEM}
"""
_REVISIONS: Final = """
MATCH (r:DuographRecord {namespace: $namespace, archive: $archive}) WHERE r.kind = 'chunk'
RETURN DISTINCT r.path AS path, r.revision AS revision
"""
_ARCHIVES: Final = """
MATCH (r:DuographRecord {namespace: $namespace}) WHERE r.kind = 'chunk'
RETURN r.archive AS archive, count(*) AS count ORDER BY archive
"""
_COUNTS: Final = """
MATCH (r:DuographRecord {namespace: $namespace})
RETURN r.kind AS kind, r.valid_to IS NULL AS holds, count(*) AS count
"""
_VECTORS: Final = """
MATCH (v:DuographVector {namespace: $namespace}) RETURN count(DISTINCT v.record) AS count
"""


class Reader:
    """Reads one namespace, in one transaction."""

    def __init__(
        self, transaction: AsyncManagedTransaction, features: Features, namespace: str, place: str
    ) -> None:
        """Take the transaction."""
        self._transaction = transaction
        self._features = features
        self._namespace = namespace
        self._place = place

    async def page(self, selection: Selection, limit: int, after: str) -> list[Item]:
        """Give a page; see `Memory.list`."""
        where, values = condition(selection)
        if after:
            last = await self._ask(_LAST, after=after)
            if not last:
                raise MemoryStoreError(f"The record {after} is gone from {self._place}: begin the list anew.")
            where += " AND r.position > $last"
            values["last"] = last[0]["position"]
        return self._items(await self._ask(_PAGE % where, limit=limit, **values))

    async def search(self, query: Query) -> list[Hit]:
        """Find what fits best; see `Memory.search`."""
        limit = max(_CANDIDATES, 2 * query.max_results)
        scorer = Scorer(query.text)
        likely = await self._by_words(query, scorer, limit)
        alike = await self._alike(query, list(likely), limit)
        missing = [one for one in alike if one not in likely]
        words = likely | await self._words_of(missing)
        ids = list(words)
        ranked = rank(scorer, [Candidate(*words[one], alike.get(one)) for one in ids])
        best = [
            (ids[one.place], one.score) for one in ranked if one.score > 0 and one.score >= query.min_score
        ]
        return await self._hits(best[: query.max_results])

    async def without_vector(self, model: str, limit: int) -> list[Item]:
        """Give records without a vector; see `Memory.without_vector`."""
        return self._items(await self._ask(_WITHOUT, model=model, limit=limit))

    async def revisions(self, archive: str) -> dict[str, str]:
        """The files of an archive; see `Memory.revisions`."""
        return {row["path"]: row["revision"] for row in await self._ask(_REVISIONS, archive=archive)}

    async def archives(self) -> dict[str, int]:
        """The archives; see `Memory.archives`."""
        return {row["archive"]: row["count"] for row in await self._ask(_ARCHIVES)}

    async def counts(self) -> Counts:
        """How much there is."""
        rows = await self._ask(_COUNTS)
        vectors = await self._ask(_VECTORS)
        return Counts(
            by_kind={row["kind"]: row["count"] for row in rows if row["holds"]},
            superseded=sum(row["count"] for row in rows if not row["holds"]),
            vectors=vectors[0]["count"],
        )

    async def _by_words(
        self, query: Query, scorer: Scorer, limit: int
    ) -> dict[str, tuple[set[str], set[str]]]:
        if not scorer.words or not shelves(query):
            return {}
        asked = lucene(self._namespace, query, scorer.words)
        return _words(await self._ask(_BY_WORDS, lucene=asked, limit=limit))

    async def _alike(self, query: Query, likely: list[str], limit: int) -> dict[str, float]:
        near = Near(self._transaction, self._features, self._namespace, query)
        if not await near.is_comparable():
            return {}
        found = await near.nearest(limit)
        return found | await near.of([one for one in likely if one not in found])

    async def _words_of(self, ids: list[str]) -> dict[str, tuple[set[str], set[str]]]:
        return _words(await self._ask(_WORDS_OF, ids=ids)) if ids else {}

    async def _hits(self, best: list[tuple[str, float]]) -> list[Hit]:
        rows = await self._ask(_ITEMS, ids=[one for one, _ in best]) if best else []
        items = {item.id: item for item in self._items(rows)}
        return [Hit(item=items[one], score=score) for one, score in best]

    def _items(self, rows: list[Mapping[str, Any]]) -> list[Item]:
        return [item_of(row["item"], self._place) for row in rows]

    async def _ask(self, statement: str, **values: Any) -> list[Any]:  # noqa: ANN401 - whatever Cypher takes
        result = await self._transaction.run(statement, {"namespace": self._namespace, **values})
        return [record async for record in result]


def _words(rows: list[Any]) -> dict[str, tuple[set[str], set[str]]]:
    return {row["id"]: (set(row["main"].split()), set(row["around"].split())) for row in rows}
