import pytest

from tests.neo4j import Neo4jServer

pytestmark = pytest.mark.slow


def test_it_runs(neo4j: Neo4jServer) -> None:
    neo4j.bare()
    assert neo4j.run("RETURN 1 AS one")[0]["one"] == 1
    assert neo4j.run("SHOW INDEXES YIELD type WHERE type<>'LOOKUP'") == []
