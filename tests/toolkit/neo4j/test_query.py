"""Questions to a real server: rows, caps, and statements that try to do more than read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from toolkit.neo4j import plan
from toolkit.neo4j.place import Server
from toolkit.neo4j.server import look
from toolkit.neo4j.tools import make_query, make_schema
from toolkit.protocol import ToolError
from toolkit.running import Outcome, run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.neo4j import Neo4jServer

pytestmark = pytest.mark.slow

_SERVICES = """\
CREATE (shop:Service {name: 'shop', tier: 1, since: date('2024-05-01')})
CREATE (pay:Service {name: 'pay', tier: 1, vector: range(1, 1000)})
CREATE (team:Team {name: 'Ödön & Co'})
CREATE (shop)-[:CALLS {p99_ms: 120}]->(pay), (team)-[:OWNS]->(pay)"""

_WRITES = (
    "CREATE (n:Evil)",
    "MATCH (n) SET n.name = 'evil' RETURN n",
    "MATCH (n) REMOVE n.name",
    "MATCH (n) DETACH DELETE n",
    "MERGE (n:Evil) RETURN n",
    "INSERT (n:Evil)",
    "UNWIND [1] AS x CREATE (:Evil)",
    "WITH 1 AS x FOREACH (y IN [1] | CREATE (:Evil))",
    "CALL { CREATE (n:Evil) } RETURN 1",
    "CALL () { CREATE (n:Evil) RETURN n } RETURN 1",
    "MATCH (n) CALL { WITH n SET n.name = 'evil' } IN TRANSACTIONS OF 1 ROWS",
    "UNWIND [1] AS x CALL { WITH x RETURN 1 AS y } IN TRANSACTIONS RETURN y",
    "MATCH (n) WITH n MERGE (m:Evil) ON CREATE SET m.name = 'x' RETURN m",
    "/* MATCH */ CREATE (n:Evil)",
    "// MATCH\nCREATE (n:Evil)",
    "MATCH (n) RETURN n; CREATE (m:Evil)",
    "RETURN 'a' + '\\u0027 CREATE (m:Evil) //'",
    "EXPLAIN CREATE (n:Evil)",
    "PROFILE CREATE (n:Evil)",
    "CYPHER 5 CREATE (n:Evil)",
    "CREATE INDEX evil FOR (n:Evil) ON (n.name)",
    "CREATE CONSTRAINT evil FOR (n:Evil) REQUIRE n.name IS UNIQUE",
    "DROP INDEX evil IF EXISTS",
    "CREATE USER evil SET PASSWORD 'evilevil1'",
    "ALTER CURRENT USER SET PASSWORD FROM 'a' TO 'evilevil1'",
    "CREATE DATABASE evil",
    "CALL db.createLabel('Evil')",
    "CALL `db`.`createLabel`('Evil')",
    "CALL db . /* */ createLabel('Evil')",
    "CALL db.createProperty('evil')",
    "CALL db.index.vector.createNodeIndex('evil', 'Evil', 'v', 3, 'cosine')",
    "MATCH (n) CALL db.create.setNodeVectorProperty(n, 'name', [1.0]) RETURN n",
    "CALL db.clearQueryCaches()",
    "CALL db.prepareForReplanning()",
    "CALL db.stats.clear('QUERIES')",
    "CALL tx.setMetaData({evil: 1})",
    "CALL apoc.create.node(['Evil'], {})",
    "CALL apoc.cypher.runWrite('CREATE (n:Evil)', {})",
    "CALL apoc.cypher.run('CREATE (n:Evil)', {}) YIELD value RETURN value",
    "RETURN apoc.cypher.runFirstColumnSingle('LOAD CSV FROM \"file:///etc/passwd\" AS l RETURN l', {})",
    "CALL apoc.load.json('http://169.254.169.254/') YIELD value RETURN value",
)
_PEEKS = (
    "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
    "MATCH (n) LOAD /* */ CSV FROM 'http://127.0.0.1:1/' AS line RETURN line",
    "CALL { LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line } RETURN line",
    "RETURN EXISTS { LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line }",
    "RETURN COLLECT { LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line }",
    "SHOW SETTINGS",
    "SHOW USERS",
    "SHOW TRANSACTIONS",
    "SHOW PROCEDURES",
    "TERMINATE TRANSACTIONS 'neo4j-transaction-1'",
    "CALL dbms.listConfig()",
    "CALL dbms.listConfig() YIELD name, value RETURN name, value",
    "CALL dbms.killConnection('bolt-1')",
    "CALL dbms.queryJmx('*:*')",
    "USE system SHOW USERS",
    "CALL () { USE system MATCH (n) RETURN n } RETURN n",
)


@pytest.fixture
def graph(neo4j: Neo4jServer) -> Iterator[Neo4jServer]:
    """A server with a small graph."""
    neo4j.bare()
    neo4j.run(_SERVICES)
    yield neo4j
    neo4j.bare()


def _there(server: Neo4jServer) -> Server:
    return Server(server.uri, server.user, server.password)


async def _ask(server: Neo4jServer, query: str, **more: object) -> Outcome:
    return await run(make_query(_there(server)), {"query": query, **more})


def _everything(server: Neo4jServer) -> list[object]:
    nodes = server.run("MATCH (n) RETURN labels(n) AS l, properties(n) AS p ORDER BY elementId(n)")
    names = server.run("CALL db.labels() YIELD label RETURN collect(label) AS names")
    keys = server.run("CALL db.propertyKeys() YIELD propertyKey AS key RETURN collect(key) AS names")
    indexes = server.run("SHOW INDEXES YIELD name RETURN collect(name) AS names")
    users = server.run("SHOW USERS YIELD user RETURN collect(user) AS names")
    return [[record.data() for record in found] for found in (nodes, names, keys, indexes, users)]


@pytest.mark.parametrize("group", [_WRITES, _PEEKS], ids=["writes", "peeks"])
async def test_a_statement_that_does_more_than_read_changes_nothing_and_is_told(
    graph: Neo4jServer, group: tuple[str, ...]
) -> None:
    before = _everything(graph)
    said = {query: await _ask(graph, query) for query in group}
    assert {query: one.text for query, one in said.items() if not one.is_error} == {}
    assert {query: one.text for query, one in said.items() if not one.text.endswith((".", "]."))} == {}
    assert not [one for one in said.values() if "root:" in one.text or graph.password in one.text]
    assert _everything(graph) == before


async def test_the_server_refuses_even_what_our_own_checks_let_through(graph: Neo4jServer) -> None:
    before = _everything(graph)
    with pytest.raises(ToolError, match="would change the database"):
        async with look(_there(graph), 10) as transaction:
            await transaction.run("CREATE (n:Evil)")
    assert _everything(graph) == before


@pytest.mark.parametrize(
    "query",
    [
        "LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line",
        "CALL { LOAD CSV FROM 'file:///etc/passwd' AS line RETURN line } RETURN line",
        "SHOW SETTINGS",
        "SHOW USERS",
        "TERMINATE TRANSACTIONS 'neo4j-transaction-1'",
        "CALL dbms.killConnection('bolt-1')",
        "CALL db.prepareForReplanning()",
        "UNWIND [1] AS x CALL { WITH x RETURN 1 AS y } IN TRANSACTIONS RETURN y",
        "MATCH (n) SET n.name = 'evil'",
    ],
)
async def test_the_plan_alone_tells_what_does_more_than_read(graph: Neo4jServer, query: str) -> None:
    with pytest.raises(ToolError, match="is not run"):
        async with look(_there(graph), 10) as transaction:
            await plan.check(transaction, query, {})


async def test_rows_are_json_with_nodes_relationships_times_and_long_lists_shortened(
    graph: Neo4jServer,
) -> None:
    found = await _ask(
        graph,
        "MATCH p = (a:Service {name: $name})-[r:CALLS]->(b) "
        "RETURN a, r.p99_ms AS ms, b, p, point({x: 1, y: 2}) AS at, duration('P1D') AS day",
        parameters={"name": "shop"},
    )
    assert not found.is_error, found.text
    row = json.loads(found.text)
    assert row["a"]["_labels"] == ["Service"]
    assert row["a"]["since"] == "2024-05-01"
    assert row["ms"] == 120
    assert row["b"]["vector"][-1] == "[… 971 more]"
    assert [step.get("_type") for step in row["p"]] == [None, "CALLS", None]
    assert row["day"] == "P1D"


async def test_words_that_only_look_like_writing_are_read(graph: Neo4jServer) -> None:
    for query in (
        "MATCH (n:Service) WHERE n.name <> 'CREATE; LOAD CSV // SET' RETURN n.name ORDER BY n.name",
        "MATCH (`set`:Service) RETURN `set`.name ORDER BY `set`.name",
        "CALL db.labels() YIELD label RETURN label ORDER BY label",
        "CALL db.labels",
        "MATCH (n:Team) WHERE n.name STARTS WITH 'Ö' RETURN date.truncate('day', date('2024-01-02')) AS d",
        "MATCH (n) RETURN count(*) AS n, point.distance(point({x: 1, y: 1}), point({x: 1, y: 1})) AS d",
    ):
        found = await _ask(graph, query)
        assert not found.is_error, (query, found.text)
        assert found.text != "No rows."


async def test_ten_million_rows_are_clipped(graph: Neo4jServer) -> None:
    found = await _ask(graph, "UNWIND range(1, 10000000) AS n RETURN n", limit=100)
    assert not found.is_error, found.text
    lines = found.text.splitlines()
    assert lines[99] == '{"n":100}'
    assert lines[100:] == ["[the first 100 rows; there are more: aggregate, or use SKIP and LIMIT]"]


async def test_one_value_larger_than_what_is_received_is_told(graph: Neo4jServer) -> None:
    found = await _ask(graph, "RETURN range(1, 8000000) AS numbers")
    assert found.is_error
    assert found.text.startswith("The result is larger than 16 MiB")


async def test_a_query_that_runs_for_ever_ends_there_and_here(graph: Neo4jServer) -> None:
    tool = make_query(_there(graph), timeout_s=2)
    found = await run(tool, {"query": "UNWIND range(1, 1000000000000) AS a RETURN sum(sin(a)) AS s"})
    assert found.is_error
    assert found.text.startswith("Neo4j was stopped after 1 s")
    left = graph.run("SHOW TRANSACTIONS YIELD currentQuery RETURN collect(currentQuery) AS queries")
    assert not [query for query in left[0]["queries"] if "sum(sin(a))" in query]


async def test_what_is_wrong_with_a_query_is_told(graph: Neo4jServer) -> None:
    for query, part in (
        ("MATCH (n RETURN n", "Neo4j refused the query: Invalid input 'RETURN'"),
        ("MATCH (n) RETURN $missing", "Expected parameter(s): missing"),
        ("MATCH (n) RETURN m", "Variable `m` not defined"),
        ("RETURN 1 / 0", "/ by zero"),
        ("   ", "query is empty"),
    ):
        found = await _ask(graph, query)
        assert found.is_error
        assert part in found.text
        assert "\n" not in found.text


async def test_the_schema_tells_labels_properties_relationships_and_indexes(graph: Neo4jServer) -> None:
    graph.run("CREATE INDEX service_name FOR (n:Service) ON (n.name)")
    graph.run("CREATE (:`Odd``Label` {a: 1})-[:`ODD TYPE`]->(:Team)")
    found = await run(make_schema(_there(graph)), {})
    assert not found.is_error, found.text
    for line in (
        "(:Service) 2: name STRING, since DATE, tier INTEGER, vector LIST<INTEGER NOT NULL>",
        "[:CALLS] 1: (:Service)→(:Service); p99_ms",
        "[:OWNS] 1: (:Team)→(:Service)",
        "(:Odd`Label) 1: a INTEGER",
        "service_name: RANGE on Service(name)",
    ):
        assert line in found.text


async def test_a_wrong_password_or_database_is_told_without_the_password(graph: Neo4jServer) -> None:
    wrong = Server(graph.uri, graph.user, "s3cret-guess")
    found = await run(make_query(wrong), {"query": "RETURN 1"})
    assert found.is_error
    assert found.text == "Neo4j refused the login: mend NEO4J_USERNAME and NEO4J_PASSWORD."
    elsewhere = Server(graph.uri, graph.user, graph.password, "nowhere")
    found = await run(make_query(elsewhere), {"query": "RETURN 1"})
    assert found.text == "Neo4j has no such database: mend NEO4J_DATABASE."
