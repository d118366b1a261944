"""A program that is killed while it stores: each call is there whole or not at all, and can be done again."""

import asyncio
import os
import random
import subprocess
import sys
import time

import pytest

from memory.neo4j import Neo4jMemory
from memory.records import Item
from tests.memory.making import everything
from tests.memory.neo4j.storing import SIZE, batch
from tests.neo4j import Neo4jServer

pytestmark = pytest.mark.slow

_KILLS = 4
_DAMAGE = """
MATCH (r:DuographRecord) WHERE NOT (r)-[:FROM]->(:DuographSession) OR (r:Fact AND NOT (r)-[:MENTIONS]->())
RETURN count(r) AS damaged
"""
_CHAIN = "MATCH (:Episode)-[n:NEXT]->(:Episode) RETURN count(n) AS edges"


def _killed(server: Neo4jServer, first: int, after_s: float) -> int:
    """Store from a batch on, be killed some time after that, and tell which batch was begun last."""
    command = [sys.executable, "-m", "tests.memory.neo4j.storing", server.uri, str(first)]
    environment = os.environ | {"NEO4J_PASSWORD": server.password}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stdout is not None
        begun = [process.stdout.readline()]
        time.sleep(after_s)
        process.kill()
        begun += process.stdout.readlines()
    return int(begun[-1])


def _by_turn(items: list[Item]) -> dict[int, int]:
    turns = [int(item.origins[0].turn) for item in items]
    return {turn: turns.count(turn) for turn in turns}


async def test_nothing_is_ever_half_stored(memory: Neo4jMemory, neo4j: Neo4jServer) -> None:
    dice, next_batch = random.Random(7), 0  # noqa: S311 - no secret
    for _ in range(_KILLS):
        last = await asyncio.to_thread(_killed, neo4j, next_batch, dice.uniform(0.05, 1.0))
        kept = _by_turn(await everything(memory))
        assert set(kept.values()) <= {SIZE}
        assert set(kept) in (set(range(last)), set(range(last + 1)))
        # Whoever was killed does it again.
        await memory.store("anna", batch(last))
        next_batch = last + 1
    whole = await everything(memory)
    assert _by_turn(whole) == dict.fromkeys(range(next_batch), SIZE)
    assert sum(item.valid_to is None and item.record.kind == "fact" for item in whole) == SIZE - 1
    assert neo4j.run(_DAMAGE)[0]["damaged"] == 0
    assert neo4j.run(_CHAIN)[0]["edges"] == next_batch - 1
