"""Filing all records anew after the rules of words have changed: in batches, each one transaction.

How far it has come lies on the node of the schema, so that the next process goes on where one was killed, and
several share the work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from memory import words as rulebook
from memory.neo4j.words import context_words, main_words
from memory.protocol import MemoryStoreError
from memory.records import Record

if TYPE_CHECKING:
    from neo4j import AsyncManagedTransaction

BATCH: Final = 500
"""How many records one transaction files anew; others write between two of them."""

_STATE: Final = """
MATCH (s:DuographSchema {name: 'memory'}) RETURN coalesce(s.rules, 1) AS rules, s.filed_namespace AS namespace
"""
# Writing a property takes the node's lock, so that one batch is done after the other.
_LOCK: Final = """
MERGE (s:DuographSchema {name: 'memory'})
SET s.rules = coalesce(s.rules, 1)
RETURN s.rules AS rules, s.filed_namespace AS namespace, s.filed_position AS position
"""
_BEGIN: Final = """
MATCH (s:DuographSchema {name: 'memory'})
SET s.rules = $rules, s.filed_namespace = '', s.filed_position = ''
"""
_NEXT: Final = """
MATCH (n:DuographNamespace) WHERE n.name > $namespace RETURN min(n.name) AS namespace
"""
_BATCH: Final = """
MERGE (n:DuographNamespace {name: $namespace}) SET n.writer = coalesce(n.writer, '')
WITH n
MATCH (r:DuographRecord {namespace: $namespace}) WHERE r.position > $position
WITH r ORDER BY r.position LIMIT $limit
RETURN r {.id, .position, .kind, .text, .subject, .context, .entities, .path} AS record
"""
_FILE: Final = """
UNWIND $rows AS row
MATCH (r:DuographRecord {namespace: $namespace, id: row.id}) SET r.main = row.main, r.around = row.around
"""
_GO_ON: Final = """
MATCH (s:DuographSchema {name: 'memory'})
SET s.filed_namespace = $namespace, s.filed_position = $position
"""


async def is_done(transaction: AsyncManagedTransaction, place: str) -> bool:
    """Whether all words are filed by the rules of this program.

    Raises:
        MemoryStoreError: When they are filed by newer ones.
    """
    state = await _run(transaction, _STATE)
    rules = state[0]["rules"] if state else 1
    refuse_newer(rules, place)
    return bool(rules == rulebook.RULES and not (state and state[0]["namespace"] is not None))


async def refile(transaction: AsyncManagedTransaction, place: str) -> bool:
    """File the next batch anew; tell whether there may be more.

    Raises:
        MemoryStoreError: When what is there is filed by newer rules.
    """
    [state] = await _run(transaction, _LOCK)
    refuse_newer(state["rules"], place)
    namespace, position = state["namespace"], state["position"]
    if state["rules"] < rulebook.RULES:
        namespace, position = "", ""
        await _run(transaction, _BEGIN, rules=rulebook.RULES)
    elif namespace is None:
        return False
    batch = await _run(transaction, _BATCH, namespace=namespace, position=position, limit=BATCH)
    rows = [row for row in map(_row, (one["record"] for one in batch)) if row is not None]
    await _run(transaction, _FILE, namespace=namespace, rows=rows)
    if len(batch) == BATCH:
        position = batch[-1]["record"]["position"]
    else:
        [following] = await _run(transaction, _NEXT, namespace=namespace)
        namespace, position = following["namespace"], ""
    await _run(transaction, _GO_ON, namespace=namespace, position=position)
    return namespace is not None


def refuse_newer(rules: int, place: str) -> None:
    """Make sure that words are not filed by rules that this program does not know.

    Raises:
        MemoryStoreError: When they are.
    """
    if rules > rulebook.RULES:
        raise MemoryStoreError(
            f"The memory in {place} is of a newer version (its words are filed by the rules {rules}, and "
            f"{rulebook.RULES} are known): upgrade Duograph, or choose another database in neo4j_database."
        )


def _row(found: dict[str, Any]) -> dict[str, str] | None:
    try:
        record = Record(
            kind=found["kind"],
            text=found["text"],
            subject=found["subject"],
            context=found["context"],
            entities=tuple(found["entities"]),
            path=found["path"],
        )
    except (ValidationError, TypeError):  # damaged, as every list of it says
        return None
    return {"id": found["id"], "main": main_words(record), "around": context_words(record)}


async def _run(transaction: AsyncManagedTransaction, statement: str, **values: Any) -> list[Any]:  # noqa: ANN401 - whatever Cypher takes
    result = await transaction.run(statement, values)
    return [record async for record in result]
