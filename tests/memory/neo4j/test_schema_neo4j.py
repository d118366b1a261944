"""Constraints and indexes: made from nothing and from each version, by many at once, and never taken back."""

import asyncio
from collections.abc import AsyncIterator

import neo4j as driver_package
import pytest

from memory import MemoryStoreError
from memory.neo4j import Neo4jMemory, open_memory
from memory.neo4j.schema import MIGRATIONS, VECTOR_INDEX, VERSION, migrate, prepare, version_of
from memory.records import Query
from tests.memory.making import fact, found
from tests.neo4j import Neo4jServer

pytestmark = pytest.mark.slow

_RULES = (
    "SHOW INDEXES YIELD name, type, labelsOrTypes, properties WHERE type <> 'LOOKUP' RETURN * ORDER BY name"
)
_VERSION = "MATCH (s:DuographSchema) RETURN collect(s.version) AS versions"


@pytest.fixture
async def session(neo4j: Neo4jServer) -> AsyncIterator[driver_package.AsyncSession]:
    await asyncio.to_thread(neo4j.bare)
    login = (neo4j.user, neo4j.password)
    async with (
        driver_package.AsyncGraphDatabase.driver(
            neo4j.uri, auth=login, notifications_min_severity="OFF"
        ) as driver,
        driver.session() as session,
    ):
        yield session


def _rules(server: Neo4jServer) -> list[dict[str, object]]:
    return [row.data() for row in server.run(_RULES)]


def _open(server: Neo4jServer) -> Neo4jMemory:
    return open_memory(server.uri, server.user, server.password)


@pytest.mark.parametrize("version", range(VERSION + 1))
async def test_it_comes_up_from_each_version(
    neo4j: Neo4jServer, session: driver_package.AsyncSession, version: int
) -> None:
    await migrate(session, 0, version)
    assert await version_of(session) == version
    memory = _open(neo4j)
    await memory.store("anna", [fact("tea")])
    await memory.set_vectors("anna", "m", {fact("tea").id: [1.0]})
    assert await found(memory, "tea") == ["tea"]
    await memory.aclose()
    assert neo4j.run(_VERSION)[0]["versions"] == [VERSION]
    rules = _rules(neo4j)
    assert {rule["type"] for rule in rules} == {"RANGE", "FULLTEXT", "VECTOR"}
    assert len(rules) == sum(map(len, MIGRATIONS)) + 1
    # All of it again changes nothing.
    await migrate(session, 0, VERSION)
    assert _rules(neo4j) == rules


async def test_many_first_starts_at_once_do_no_harm(
    neo4j: Neo4jServer, session: driver_package.AsyncSession
) -> None:
    assert await version_of(session) == 0
    memories = [_open(neo4j) for _ in range(6)]
    await asyncio.gather(*(memory.store("anna", [fact("tea")]) for memory in memories))
    for memory in memories:
        assert await found(memory, "tea") == ["tea"]
        await memory.aclose()
    assert neo4j.run(_VERSION)[0]["versions"] == [VERSION]


async def test_a_newer_version_is_left_alone(
    neo4j: Neo4jServer, session: driver_package.AsyncSession
) -> None:
    neo4j.run("CREATE (:DuographSchema {name: 'memory', version: $version})", version=VERSION + 1)
    memory = _open(neo4j)
    with pytest.raises(MemoryStoreError, match=rf"schema {VERSION + 1}, known up to {VERSION}\): upgrade"):
        await memory.store("anna", [fact("tea")])
    await memory.aclose()
    assert _rules(neo4j) == []
    assert await version_of(session) == VERSION + 1


async def test_a_database_that_is_emptied_meanwhile_is_made_ready_again(
    neo4j: Neo4jServer, session: driver_package.AsyncSession
) -> None:
    memory = _open(neo4j)
    await memory.store("anna", [fact("tea")])
    await asyncio.to_thread(neo4j.bare)
    with pytest.raises(MemoryStoreError, match=r"lacks an index .*: try again"):
        await memory.search("anna", Query(text="tea"))
    await memory.store("anna", [fact("tea")])
    assert await found(memory, "tea") == ["tea"]
    assert await version_of(session) == VERSION
    await memory.aclose()


async def test_an_index_of_an_older_server_is_made_anew_where_it_can_do_more(
    neo4j: Neo4jServer, session: driver_package.AsyncSession
) -> None:
    neo4j.run(
        f"CREATE VECTOR INDEX {VECTOR_INDEX} FOR (v:DuographVector) ON (v.embedding) "
        "OPTIONS {indexConfig: {`vector.similarity_function`: 'cosine'}}"
    )
    features = await prepare(session, "here")
    assert features.has_spaces is not neo4j.version.startswith("5.")
    [index] = [rule for rule in _rules(neo4j) if rule["name"] == VECTOR_INDEX]
    assert ("space" in index["properties"]) is features.has_spaces  # type: ignore[operator]
