"""Vectors in nodes of their own: kept, moved when a fact ends, compared inside one space alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from memory.neo4j.rows import batches, space, space_of
from memory.neo4j.schema import VECTOR_INDEX
from memory.neo4j.words import shelves
from memory.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from neo4j import AsyncManagedTransaction

    from memory.neo4j.schema import Features
    from memory.records import Item, Query

EXACT: Final = 2000
"""A space of so many vectors is compared one by one."""

_MOST_FETCHED: Final = 16_000
"""So many neighbours are fetched at most before a space is compared one by one after all."""

_LENGTH: Final = """
MATCH (v:DuographVector {namespace: $namespace, model: $model}) RETURN v.length AS length LIMIT 1
"""
_MODELS: Final = """
MATCH (r:DuographRecord {namespace: $namespace}) WHERE r.id IN $ids
RETURN r.id AS id, r.kind AS kind, r.archive AS archive, r.valid_to IS NULL AS holds
"""
_KEEP: Final = """
UNWIND $rows AS row
MATCH (r:DuographRecord {namespace: $namespace, id: row.id})
MERGE (v:DuographVector {namespace: $namespace, model: $model, record: row.id})
SET v.length = row.length, v.space = row.space, v.embedding = row.embedding
MERGE (r)-[:HAS_VECTOR]->(v)
"""
_HAVE: Final = """
MATCH (r:DuographRecord {namespace: $namespace})-[:HAS_VECTOR]->(v) WHERE r.id IN $ids
RETURN r.id AS id, v.model AS model
"""
_MOVE: Final = """
UNWIND $rows AS row
MATCH (v:DuographVector {namespace: $namespace, model: row.model, record: row.id}) SET v.space = row.space
"""
_COUNT: Final = """
MATCH (v:DuographVector {space: $space}) WITH v LIMIT $most RETURN count(v) AS count
"""
_EXACT: Final = """
MATCH (v:DuographVector {space: $space}) WHERE v.embedding IS NOT NULL
WITH v.record AS id, 2 * vector.similarity.cosine(v.embedding, $vector) - 1 AS similarity
RETURN id, similarity ORDER BY similarity DESC LIMIT $limit
"""
_NEAR: Final = f"""
CALL db.index.vector.queryNodes('{VECTOR_INDEX}', $fetched, $vector) YIELD node AS v
WHERE v.space = $space
WITH v.record AS id, 2 * vector.similarity.cosine(v.embedding, $vector) - 1 AS similarity
RETURN id, similarity ORDER BY similarity DESC LIMIT $limit
"""
_NEAR_IN_SPACE: Final = f"""
CYPHER 25 MATCH (v:DuographVector)
SEARCH v IN (VECTOR INDEX {VECTOR_INDEX} FOR $vector WHERE v.space = $space LIMIT $limit)
RETURN v.record AS id, 2 * vector.similarity.cosine(v.embedding, $vector) - 1 AS similarity
"""
_OF: Final = """
MATCH (v:DuographVector {namespace: $namespace, model: $model})
WHERE v.record IN $ids AND v.embedding IS NOT NULL
RETURN v.record AS id, 2 * vector.similarity.cosine(v.embedding, $vector) - 1 AS similarity
"""


async def keep(
    transaction: AsyncManagedTransaction, namespace: str, model: str, given: Mapping[str, Sequence[float]]
) -> None:
    """Keep vectors of records that are there.

    Raises:
        ValueError: When they are not all of one length.
    """
    known = await _all(transaction, _LENGTH, namespace=namespace, model=model)
    lengths = {len(vector) for vector in given.values()} | {row["length"] for row in known}
    if not all(math.isfinite(number) for vector in given.values() for number in vector):
        raise ValueError(f"A vector of {model} holds what is no number: leave such a vector out.")
    if len(lengths) > 1 or 0 in lengths:
        raise ValueError(f"The vectors of {model} are not all of one length: found {sorted(lengths)}.")
    for batch in batches(list(given)):
        rows = []
        for row in await _all(transaction, _MODELS, namespace=namespace, ids=batch):
            record = Record(kind=row["kind"], text="-", archive=row["archive"])
            vector = given[row["id"]]
            where = space_of(namespace, model, record) if row["holds"] else None
            rows.append({"id": row["id"], "length": len(vector), "space": where, "embedding": unit(vector)})
        await _all(transaction, _KEEP, namespace=namespace, model=model, rows=rows)


async def move(transaction: AsyncManagedTransaction, namespace: str, items: Iterable[Item]) -> None:
    """Put the vectors of items where they are found, or where they are not, as the items hold or not."""
    by_id = {item.id: item for item in items}
    for batch in batches(list(by_id)):
        rows = [
            {
                "id": row["id"],
                "model": row["model"],
                "space": None
                if by_id[row["id"]].valid_to
                else space_of(namespace, row["model"], by_id[row["id"]].record),
            }
            for row in await _all(transaction, _HAVE, namespace=namespace, ids=batch)
        ]
        await _all(transaction, _MOVE, namespace=namespace, rows=rows)


class Near:
    """The records whose vectors are like a query's."""

    def __init__(
        self, transaction: AsyncManagedTransaction, features: Features, namespace: str, query: Query
    ) -> None:
        """Take the transaction and the query."""
        self._transaction = transaction
        self._features = features
        self._namespace = namespace
        self._query = query
        self._vector = unit(query.vector)

    async def is_comparable(self) -> bool:
        """Whether there are vectors that the query's can be compared with."""
        if self._vector is None:
            return False
        known = await self._ask(_LENGTH, model=self._query.vector_model)
        return bool(known) and known[0]["length"] == len(self._query.vector)

    async def nearest(self, limit: int) -> dict[str, float]:
        """The cosines of the most alike records by id, so many on each shelf that the query looks at."""
        found: dict[str, float] = {}
        for where in shelves(self._query):
            named = space(self._namespace, self._query.vector_model, where)
            found |= await self._in_space(named, limit)
        return found

    async def of(self, ids: Sequence[str]) -> dict[str, float]:
        """The cosines of certain records, by id."""
        rows = await self._ask(_OF, model=self._query.vector_model, ids=list(ids), vector=self._vector)
        return _by_id(rows)

    async def _in_space(self, named: str, limit: int) -> dict[str, float]:
        [counted] = await self._ask(_COUNT, space=named, most=EXACT + 1)
        if counted["count"] > EXACT:
            if self._features.has_spaces:
                return _by_id(await self._ask(_NEAR_IN_SPACE, space=named, vector=self._vector, limit=limit))
            # The index knows no spaces: neighbours of others come along until there are enough of ours.
            fetched = 4 * limit
            while fetched <= _MOST_FETCHED:
                rows = await self._ask(_NEAR, space=named, vector=self._vector, limit=limit, fetched=fetched)
                if len(rows) >= limit:
                    return _by_id(rows)
                fetched *= 4
        rows = (
            await self._ask(_EXACT, space=named, vector=self._vector, limit=limit) if counted["count"] else []
        )
        return _by_id(rows)

    async def _ask(self, statement: str, **values: Any) -> list[Any]:  # noqa: ANN401 - whatever Cypher takes
        return await _all(self._transaction, statement, namespace=self._namespace, **values)


def unit(vector: Sequence[float]) -> list[float] | None:
    """A vector of length 1 in the same direction; None for one without a direction, which is like nothing."""
    largest = max(map(abs, vector), default=0.0)
    if not largest or not math.isfinite(largest):
        return None
    # Squares of very large or very small numbers would leave the range.
    scaled = [one / largest for one in vector]
    length = math.sqrt(math.fsum(one * one for one in scaled))
    return [one / length for one in scaled]


def _by_id(rows: Iterable[Any]) -> dict[str, float]:
    return {row["id"]: float(row["similarity"]) for row in rows}


async def _all(transaction: AsyncManagedTransaction, statement: str, **values: Any) -> list[Any]:  # noqa: ANN401
    result = await transaction.run(statement, values)
    return [record async for record in result]
