"""What lies in the database: a graph that people can read, with nothing left over in it."""

import asyncio
import math
import os
import random
import subprocess
import sys

import pytest

from memory.neo4j import Neo4jMemory, open_memory
from memory.neo4j.vectors import EXACT
from memory.records import Origin, Query, Record, Selection
from tests.memory.making import at, chunk, fact, found, told
from tests.neo4j import Neo4jServer

pytestmark = pytest.mark.slow


def _episode(number: int, session: str = "s") -> Record:
    return Record(kind="episode", text=f"turn {number}", origin=told(number, str(number), session))


def _chain(server: Neo4jServer) -> list[tuple[str, str]]:
    rows = server.run(
        "MATCH (one)-[:NEXT]->(next) RETURN one.text AS text, next.text AS after ORDER BY one.position"
    )
    return [(row["text"], row["after"]) for row in rows]


async def test_episodes_of_a_session_follow_each_other(memory: Neo4jMemory, neo4j: Neo4jServer) -> None:
    for number in (1, 4, 2):
        await memory.store("anna", [_episode(number)])
    await memory.store("anna", [_episode(3), _episode(9, "other"), fact("x", minute=2, turn="2")])
    await memory.store("ben", [_episode(1), _episode(8)])
    chain = [("turn 1", "turn 2"), ("turn 2", "turn 3"), ("turn 3", "turn 4")]
    assert sorted(_chain(neo4j)) == sorted([*chain, ("turn 1", "turn 8")])
    await memory.forget("ben", Selection(session="s"))
    ids = [_episode(number).id for number in (2, 3)]
    assert await memory.forget("anna", Selection(ids=tuple(ids))) == 2
    assert _chain(neo4j) == [("turn 1", "turn 4")]


async def test_entities_are_shared_inside_a_namespace_alone(memory: Neo4jMemory, neo4j: Neo4jServer) -> None:
    await memory.store("anna", [fact("a dog", entities=("Rex", "rex")), fact("barks", entities=("REX",))])
    await memory.store("ben", [fact("a cat", entities=("Rex",))])
    rows = neo4j.run(
        "MATCH (e:Entity)<-[m:MENTIONS]-(r) "
        "RETURN e.namespace AS namespace, e.name AS name, count(m) AS count ORDER BY namespace"
    )
    assert [row.values() for row in rows] == [["anna", "Rex", 2], ["ben", "Rex", 1]]
    assert neo4j.run("MATCH (e)<-[:MENTIONS]-(r) WHERE e.namespace <> r.namespace RETURN r") == []


async def test_what_took_a_facts_place_leads_to_it(memory: Neo4jMemory, neo4j: Neo4jServer) -> None:
    edges = "MATCH (new)-[:SUPERSEDES]->(old) RETURN new.text AS new, old.text AS old"
    await memory.store("anna", [fact("tea", "drink", minute=1, turn="1")])
    await memory.store("anna", [fact("coffee", "drink", minute=2, turn="2")])
    assert [row.values() for row in neo4j.run(edges)] == [["coffee", "tea"]]
    await memory.store("anna", [fact("tea", "drink", minute=3, turn="3")])
    assert [row.values() for row in neo4j.run(edges)] == [["tea", "coffee"]]
    items = await memory.list("anna", Selection())
    for batch in (items[:1], items[1:]):  # whichever of the two comes first
        await memory.restore("ben", batch)
    assert [row.values() for row in neo4j.run(edges)] == [["tea", "coffee"]] * 2


async def test_nothing_is_left_of_what_is_forgotten(memory: Neo4jMemory, neo4j: Neo4jServer) -> None:
    records = [
        fact("tea", "drink", turn="1", entities=("Tea",)),
        fact("coffee", "drink", minute=1, turn="2", entities=("Coffee",)),
        Record(kind="pattern", text="asks", origin=Origin(session="t", source="m", at=at(1))),
        chunk("part", "a.md"),
        _episode(1),
        _episode(2),
    ]
    ids = await memory.store("anna", records)
    await memory.set_vectors("anna", "m", {one: [1.0, 0.0] for one in ids})
    labels = {label for row in neo4j.run("MATCH (n) RETURN labels(n) AS labels") for label in row["labels"]}
    assert labels == {
        *("DuographSchema", "DuographNamespace", "DuographRecord", "DuographVector"),
        *("DuographEntity", "Entity", "DuographSession", "Session"),
        *("Fact", "Pattern", "Chunk", "Episode"),
    } - ({"DuographSchema"} if "DuographSchema" not in labels else set())
    assert await memory.forget("anna", Selection(before=at(100))) == 6
    left = neo4j.run("MATCH (n) WHERE NOT n:DuographSchema AND NOT n:DuographNamespace RETURN n")
    assert left == []


async def test_a_small_space_is_searched_beside_a_large_one(memory: Neo4jMemory) -> None:
    dice, count = random.Random(3), EXACT + 400  # noqa: S311 - no secret
    crowd = [fact(f"number {number}") for number in range(count)]
    vectors = {one.id: [dice.gauss(0, 1) for _ in range(8)] for one in crowd}
    await memory.store("crowd", crowd)
    await memory.set_vectors("crowd", "m", vectors)
    await memory.store("anna", crowd[:3])
    await memory.set_vectors("anna", "m", {one.id: [-x for x in vectors[crowd[0].id]] for one in crowd[:3]})
    asked = vectors[crowd[0].id]

    def cosine(one: list[float]) -> float:
        return sum(a * b for a, b in zip(one, asked, strict=True)) / math.hypot(*one) / math.hypot(*asked)

    exact = sorted((one for one in crowd), key=lambda one: -cosine(vectors[one.id]))[:8]
    query = Query(text="-", vector=tuple(asked), vector_model="m", max_results=8)
    hits = await memory.search("crowd", query)
    # The index is approximate: most of the nearest ones, and first the one that is the same.
    assert hits[0].item.record == crowd[0]
    assert len({hit.item.id for hit in hits} & {one.id for one in exact}) >= 6
    assert await memory.search("anna", query) == []  # as unlike as can be
    mirrored = query.model_copy(update={"vector": tuple(-x for x in asked)})
    assert len(await memory.search("anna", mirrored)) == 3


_FORKING = """
import asyncio, os, sys
from memory.neo4j import open_memory
from tests.memory.making import fact, found

memory = open_memory(sys.argv[1], "neo4j", os.environ["NEO4J_PASSWORD"])
asyncio.run(memory.store("anna", [fact("tea")]))
assert asyncio.run(found(memory, "tea")) == ["tea"]  # another loop than before
child = os.fork()
asyncio.run(memory.store("anna", [fact("tea in the child" if child == 0 else "tea in the parent")]))
asyncio.run(memory.aclose())
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


async def test_it_serves_any_loop_and_both_sides_of_a_fork(memory: Neo4jMemory, neo4j: Neo4jServer) -> None:
    environment = os.environ | {"NEO4J_PASSWORD": neo4j.password}
    # Newer Pythons warn of any fork of a program with threads, which is the point here.
    command = [
        sys.executable,
        "-W",
        "error",
        "-W",
        "ignore:.*fork:DeprecationWarning",
        "-c",
        _FORKING,
        neo4j.uri,
    ]
    await asyncio.to_thread(subprocess.run, command, env=environment, check=True, timeout=120)
    assert len(await found(memory, "tea")) == 3
    other = await asyncio.to_thread(asyncio.run, found(memory, "tea"))
    assert len(other) == 3


async def test_text_never_becomes_cypher(memory: Neo4jMemory, neo4j: Neo4jServer) -> None:
    evil = "x'}) DETACH DELETE r //"
    await memory.store("anna", [fact("tea")])
    namespace = 'a"}) MATCH (n) DETACH DELETE n //'
    await memory.store(namespace, [fact(evil, evil, entities=(evil, "`"), archive=evil, path=evil)])
    assert await found(memory, evil, namespace) == [evil]
    assert await memory.forget(namespace, Selection(subject=evil, path=evil, archive=evil)) == 1
    assert await found(memory, "tea") == ["tea"]
    assert len(neo4j.run("MATCH (r:DuographRecord) RETURN r")) == 1


async def test_strangers_nodes_are_left_alone(memory: Neo4jMemory, neo4j: Neo4jServer) -> None:
    neo4j.run(
        "CREATE (:Entity {namespace: 'anna', key: 'rex'})<-[:MENTIONS]-(:Fact {namespace: 'anna', id: 'x'})"
    )
    await memory.store("anna", [fact("a dog", entities=("Rex",))])
    await memory.forget("anna", Selection(kinds=("fact",)))
    assert neo4j.run("MATCH (:Entity)<-[m:MENTIONS]-(:Fact) RETURN count(m) AS count")[0]["count"] == 1
    reopened = open_memory(neo4j.uri, neo4j.user, neo4j.password)
    assert (await reopened.status("anna")).is_available
    await reopened.aclose()
