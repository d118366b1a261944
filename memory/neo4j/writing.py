"""Keeping, ending and deleting records, inside one transaction that nobody else writes the namespace in."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from memory.neo4j import vectors
from memory.neo4j.draft import Draft
from memory.neo4j.refiling import refuse_newer
from memory.neo4j.rows import ITEM, LABELS, batches, item_of, origin_row, record_row, state
from memory.neo4j.selecting import condition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from neo4j import AsyncManagedTransaction

    from memory.records import Item, Record, Selection

# Writing a property takes the node's lock to the end of the transaction.
_LOCK: Final = """
MERGE (n:DuographNamespace {name: $namespace}) SET n.writer = $writer
WITH n OPTIONAL MATCH (s:DuographSchema {name: 'memory'}) RETURN coalesce(s.rules, 1) AS rules
"""

_THERE: Final = f"""
MATCH (r:DuographRecord {{namespace: $namespace}}) WHERE r.id IN $ids RETURN {ITEM}
UNION
MATCH (r:DuographRecord {{namespace: $namespace}})
WHERE r.subject_key IN $subjects AND r.kind = 'fact' AND r.valid_to IS NULL RETURN {ITEM}
"""

_MAKE: Final = """
UNWIND $rows AS row
CREATE (r:DuographRecord:%s) SET r = row.properties
FOREACH (entity IN row.entities |
  MERGE (e:DuographEntity {namespace: $namespace, key: entity.key})
    ON CREATE SET e:Entity, e.name = entity.name
  CREATE (r)-[:MENTIONS]->(e))
FOREACH (origin IN row.origins |
  MERGE (s:DuographSession {namespace: $namespace, id: origin.session}) ON CREATE SET s:Session
  CREATE (r)-[o:FROM]->(s) SET o = origin.properties)
"""

_TELL: Final = """
UNWIND $rows AS row
MATCH (r:DuographRecord {namespace: $namespace, id: row.id})
MERGE (s:DuographSession {namespace: $namespace, id: row.origin.session}) ON CREATE SET s:Session
CREATE (r)-[o:FROM]->(s) SET o = row.origin.properties
"""

_CHANGE: Final = """
UNWIND $rows AS row
MATCH (r:DuographRecord {namespace: $namespace, id: row.id})
SET r += row.state
WITH r
OPTIONAL MATCH (r)<-[old:SUPERSEDES]-() DELETE old
"""

# The edge is for those who look at the graph: what took a fact's place may be forgotten, or come later.
_SUPERSEDE: Final = """
MATCH (new:DuographRecord {namespace: $namespace}) WHERE new.id IN $ids
MATCH (old:DuographRecord {namespace: $namespace, superseded_by: new.id})
MERGE (new)-[:SUPERSEDES]->(old)
"""
_SUPERSEDED: Final = """
MATCH (old:DuographRecord {namespace: $namespace}) WHERE old.id IN $ids AND old.superseded_by IS NOT NULL
MATCH (new:DuographRecord {namespace: $namespace, id: old.superseded_by})
MERGE (new)-[:SUPERSEDES]->(old)
"""

# Each episode of a session leads to the one after it; only what differs is written.
_CHAIN: Final = """
UNWIND $sessions AS session
MATCH (s:DuographSession {namespace: $namespace, id: session})<-[:FROM]-(e:Episode)
WITH session, e ORDER BY e.position
WITH session, collect(e) AS episodes
UNWIND range(0, size(episodes) - 1) AS place
WITH episodes[place] AS e, episodes[place + 1] AS following
OPTIONAL MATCH (e)-[old:NEXT]->(other) WHERE following IS NULL OR other <> following
DELETE old
WITH DISTINCT e, following WHERE following IS NOT NULL
MERGE (e)-[:NEXT]->(following)
"""

_FORGET: Final = """
MATCH (r:DuographRecord) WHERE %s
OPTIONAL MATCH (r)-[:MENTIONS]->(e)
OPTIONAL MATCH (r)-[:FROM]->(s)
WITH r, collect(DISTINCT e.key) AS entities, collect(DISTINCT s.id) AS sessions, r:Episode AS is_episode
OPTIONAL MATCH (r)-[:HAS_VECTOR]->(v)
DETACH DELETE v
WITH DISTINCT r, entities, sessions, is_episode
DETACH DELETE r
RETURN entities, sessions, is_episode
"""

_TIDY: Final = (
    """
MATCH (e:DuographEntity {namespace: $namespace}) WHERE e.key IN $some AND NOT (e)<-[:MENTIONS]-() DELETE e
""",
    """
MATCH (s:DuographSession {namespace: $namespace}) WHERE s.id IN $some AND NOT (s)<-[:FROM]-() DELETE s
""",
)


class Writer:
    """Writes one namespace, in one transaction."""

    def __init__(self, transaction: AsyncManagedTransaction, namespace: str, place: str) -> None:
        """Take the transaction; `lock` comes before all else."""
        self._transaction = transaction
        self._namespace = namespace
        self._place = place

    async def lock(self, writer: str) -> None:
        """Keep everybody else from writing the namespace until the end of the transaction.

        Raises:
            MemoryStoreError: When words are filed by rules that this program does not know.
        """
        [found] = await self._run(_LOCK, writer=writer)
        refuse_newer(found["rules"], self._place)

    async def store(self, records: Sequence[Record]) -> list[str]:
        """Keep records and give their ids; see `Memory.store`."""
        draft = await self._draft([record.id for record in records], records)
        ids = draft.store(records)
        await self._write(draft)
        return ids

    async def restore(self, items: Sequence[Item]) -> int:
        """Keep items with their times; see `Memory.restore`."""
        draft = await self._draft([item.id for item in items], [item.record for item in items])
        count = draft.restore(items)
        await self._write(draft)
        return count

    async def forget(self, selection: Selection) -> int:
        """Delete what is selected; see `Memory.forget`."""
        where, values = condition(selection)
        gone = await self._run(_FORGET % where, **values)
        for statement, name in zip(_TIDY, ("entities", "sessions"), strict=True):
            some = sorted({one for row in gone for one in row[name]})
            for batch in batches(some):
                await self._run(statement, some=batch)
        await self._chain({one for row in gone if row["is_episode"] for one in row["sessions"]})
        return len(gone)

    async def set_vectors(self, model: str, given: Mapping[str, Sequence[float]]) -> None:
        """Keep vectors; see `Memory.set_vectors`."""
        await vectors.keep(self._transaction, self._namespace, model, given)

    async def _draft(self, ids: Sequence[str], records: Sequence[Record]) -> Draft:
        there: dict[str, Item] = {}
        subjects = sorted({record.subject_key for record in records if record.kind == "fact"} - {""})
        # Both lists are cut, the shorter one being done first.
        for start in range(0, max(len(ids), len(subjects)), 500):
            part = slice(start, start + 500)
            rows = await self._run(_THERE, ids=list(ids[part]), subjects=subjects[part])
            there |= {row["item"]["id"]: item_of(row["item"], self._place) for row in rows}
        return Draft(there.values())

    async def _write(self, draft: Draft) -> None:
        by_kind = sorted(draft.new.values(), key=lambda item: item.record.kind)
        for kind, items in groupby(by_kind, key=lambda item: item.record.kind):
            for batch in batches(list(items)):
                rows = [record_row(self._namespace, item) for item in batch]
                await self._run(_MAKE % LABELS[kind], rows=rows)
        told = [{"id": one, "origin": origin_row(place, origin)} for one, place, origin in draft.told]
        for batch in batches(told):
            await self._run(_TELL, rows=batch)
        changed = [{"id": one, "state": state(self._namespace, item)} for one, item in draft.changed.items()]
        for batch in batches(changed):
            await self._run(_CHANGE, rows=batch)
        await vectors.move(self._transaction, self._namespace, draft.changed.values())
        await self._supersede(draft)
        await self._chain(_sessions(draft.new.values()))

    async def _supersede(self, draft: Draft) -> None:
        facts = [one for one, item in draft.new.items() if item.record.kind == "fact"]
        for batch in batches(facts):
            await self._run(_SUPERSEDE, ids=batch)
        for batch in batches([*facts, *draft.changed]):
            await self._run(_SUPERSEDED, ids=batch)

    async def _chain(self, sessions: Iterable[str]) -> None:
        for batch in batches(sorted(set(sessions) - {""})):
            await self._run(_CHAIN, sessions=batch)

    async def _run(self, statement: str, **values: Any) -> list[Any]:  # noqa: ANN401 - whatever Cypher takes
        result = await self._transaction.run(statement, {"namespace": self._namespace, **values})
        return [record async for record in result]


def _sessions(items: Iterable[Item]) -> set[str]:
    return {item.origins[0].session for item in items if item.record.kind == "episode"}
