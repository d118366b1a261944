"""What is in a graph: labels, relationships, properties and indexes, with the counts that the server has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from neo4j import AsyncTransaction

MAX_NAMES: Final = 100
"""Labels, and as many types of relationships, that are looked at."""

_SAMPLE: Final = 50
_NODES: Final = """\
MATCH (n:`{name}`) WITH n LIMIT $sample UNWIND keys(n) AS key
RETURN key, collect(DISTINCT valueType(n[key])) AS types ORDER BY key"""
_RELATIONSHIPS: Final = """\
MATCH (a)-[r:`{name}`]->(b) WITH a, r, b LIMIT $sample
RETURN collect(DISTINCT [labels(a), labels(b)]) AS ends, collect(properties(r)) AS samples"""


async def describe(transaction: AsyncTransaction) -> str:
    """Describe the graph from the server's own counts and some samples of each kind; nothing is scanned."""
    labels = await _names(transaction, "CALL db.labels() YIELD label AS name RETURN name ORDER BY name")
    types = await _names(
        transaction, "CALL db.relationshipTypes() YIELD relationshipType AS name RETURN name ORDER BY name"
    )
    lines = ["Labels:"]
    lines += [await _label(transaction, label) for label in labels[:MAX_NAMES]]
    lines += _more(labels, "labels")
    lines.append("Relationships:")
    lines += [await _relationship(transaction, kind) for kind in types[:MAX_NAMES]]
    lines += _more(types, "types of relationships")
    lines.append("Indexes:")
    lines += await _indexes(transaction)
    return "\n".join(lines)


async def _names(transaction: AsyncTransaction, statement: str) -> list[str]:
    result = await transaction.run(statement)
    return [str(record["name"]) async for record in result]


async def _one(transaction: AsyncTransaction, statement: str, **values: object) -> Any:  # noqa: ANN401  # of any type
    result = await transaction.run(statement, dict(values))
    record = await result.single()
    return record[0] if record is not None else None


async def _label(transaction: AsyncTransaction, label: str) -> str:
    count = await _one(transaction, f"MATCH (n:`{_quoted(label)}`) RETURN count(n)")
    result = await transaction.run(_NODES.format(name=_quoted(label)), sample=_SAMPLE)
    properties = [f"{record['key']} {'|'.join(map(_kind, record['types']))}" async for record in result]
    return f"(:{label}) {count}: {', '.join(properties) or 'no properties'}"


async def _relationship(transaction: AsyncTransaction, kind: str) -> str:
    count = await _one(transaction, f"MATCH ()-[r:`{_quoted(kind)}`]->() RETURN count(r)")
    result = await transaction.run(_RELATIONSHIPS.format(name=_quoted(kind)), sample=_SAMPLE)
    record = await result.single()
    ends = record["ends"] if record is not None else []
    samples = record["samples"] if record is not None else []
    names = sorted({name for sample in samples for name in sample})
    between = ", ".join(sorted({f"(:{':'.join(a)})→(:{':'.join(b)})" for a, b in ends})[:10])
    return f"[:{kind}] {count}: {between or 'none'}" + (f"; {', '.join(names)}" if names else "")


async def _indexes(transaction: AsyncTransaction) -> list[str]:
    result = await transaction.run(
        "SHOW INDEXES YIELD name, type, labelsOrTypes, properties, state WHERE type <> 'LOOKUP' "
        "RETURN name, type, labelsOrTypes, properties, state ORDER BY name"
    )
    rows = [record async for record in result]
    lines = [
        f"{row['name']}: {row['type']} on {':'.join(row['labelsOrTypes'] or ())}"
        f"({', '.join(row['properties'] or ())}) {row['state']}"
        for row in rows[:MAX_NAMES]
    ]
    return lines + _more(rows, "indexes")


def _kind(value_type: str) -> str:
    return value_type.removesuffix(" NOT NULL")


def _quoted(name: str) -> str:
    return name.replace("`", "``")


def _more(found: list[Any], what: str) -> list[str]:
    return [f"… {len(found) - MAX_NAMES} more {what}"] if len(found) > MAX_NAMES else []
