"""The tools on a Neo4j server; nothing here imports its driver."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from pydantic import Field

from toolkit.neo4j import cypher
from toolkit.neo4j.place import URI, Server, from_environment
from toolkit.neo4j.server import look
from toolkit.protocol import Arguments, Tool, ToolInfo, ToolText

_SCHEMA_S: Final = 30.0
_QUERY_S: Final = 20.0
_MAX_CHARS: Final = 20_000
_MAX_QUERY_CHARS: Final = 20_000

SCHEMA: Final = ToolInfo(
    name="neo4j_schema",
    description=(
        "Describe the Neo4j graph: labels, types of relationships and what they connect, properties with "
        "their types, indexes, counts. Call this before neo4j_query."
    ),
    category="neo4j",
    effect="read",
    extras=("neo4j",),
    environment=(URI,),
    cost="cheap",
    timeout_s=_SCHEMA_S,
    max_chars=_MAX_CHARS,
)
QUERY: Final = ToolInfo(
    name="neo4j_query",
    description=(
        "Run one Cypher statement that reads the Neo4j graph, and get its rows as JSON, one a line. Write "
        "values as $name and give them in parameters. LOAD CSV, SHOW, USE and all that writes are refused."
    ),
    category="neo4j",
    effect="read",
    extras=("neo4j",),
    environment=(URI,),
    cost="cheap",
    timeout_s=_QUERY_S,
    max_chars=_MAX_CHARS,
)


class SchemaArguments(Arguments):
    """None: the whole graph is described."""


class QueryArguments(Arguments):
    """A statement and its values."""

    query: str = Field(
        min_length=1, max_length=_MAX_QUERY_CHARS, description="A Cypher statement that reads."
    )
    parameters: dict[str, Any] = Field(default_factory=dict, description="Values of $name in the statement.")
    limit: int = Field(default=100, ge=1, le=1000, description="The most rows to take.")


def make_schema(server: Server | None = None) -> Tool[SchemaArguments]:
    """Make `neo4j_schema`.

    Args:
        server: Where the graph is, or None for what the environment says.
    """
    return Tool(SCHEMA, SchemaArguments, partial(_schema, server or from_environment()))


def make_query(server: Server | None = None, *, timeout_s: float = _QUERY_S) -> Tool[QueryArguments]:
    """Make `neo4j_query`.

    Args:
        server: Where the graph is, or None for what the environment says.
        timeout_s: Seconds after which the server ends the statement.
    """
    return Tool(QUERY, QueryArguments, partial(_query, server or from_environment(), timeout_s))


async def _schema(server: Server, _: SchemaArguments) -> str:
    from toolkit.neo4j.schema import describe  # noqa: PLC0415 - the driver

    async with look(server, _SCHEMA_S - 1) as transaction:
        return await describe(transaction)


async def _query(server: Server, timeout_s: float, arguments: QueryArguments) -> ToolText:
    from toolkit.neo4j import plan, rows  # noqa: PLC0415 - the driver

    statement = arguments.query
    cypher.check(statement)
    # The caller's own limit should not be reached before there is a sentence about this one.
    async with look(server, max(timeout_s - 1, 0.5)) as transaction:
        await plan.check(transaction, statement, arguments.parameters)
        result = await transaction.run(statement, arguments.parameters)
        lines, has_more = await rows.read(result, arguments.limit, _MAX_CHARS)
    if not lines:
        return ToolText("No rows.")
    note = (
        f"the first {len(lines)} rows; there are more: aggregate, or use SKIP and LIMIT" if has_more else ""
    )
    return ToolText("\n".join(lines), note)
