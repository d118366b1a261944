"""Words that are cut by new rules: every node is filed anew, wherever that was broken off."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap

import pytest

from memory import MemoryStoreError, words
from memory.neo4j import Neo4jMemory, open_memory, refiling
from memory.records import Query
from tests.memory.making import fact, found, texts
from tests.neo4j import Neo4jServer

pytestmark = pytest.mark.slow

_STATE = """
MATCH (s:DuographSchema) RETURN s.rules AS rules, s.filed_namespace AS namespace, s.filed_position AS position
"""


@pytest.fixture
async def told(memory: Neo4jMemory, monkeypatch: pytest.MonkeyPatch) -> Neo4jMemory:
    """A memory with facts of two users that were filed by older rules."""
    records = [fact(f"they were running and organizing {number}", minute=number) for number in range(30)]
    await memory.store("anna", records)
    await memory.store("ben", [fact("tea", "my drink"), fact("running water", "my drink", minute=1)])
    assert len(await found(memory, "runs", max_results=50)) == 30
    monkeypatch.setattr(refiling, "BATCH", 7)
    monkeypatch.setattr(words, "RULES", 2)
    monkeypatch.setattr(words, "stem", lambda word: word)
    return memory


def _open(server: Neo4jServer) -> Neo4jMemory:
    return open_memory(server.uri, server.user, server.password)


async def test_what_was_filed_by_old_rules_is_found_by_new_ones(
    told: Neo4jMemory, neo4j: Neo4jServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    memories = [_open(neo4j) for _ in range(3)]
    await memories[0].store("anna", [fact("running late", minute=99)])
    await asyncio.gather(*(memory.search("anna", Query(text="running")) for memory in (told, *memories)))
    for memory in memories:
        assert await found(memory, "runs") == []
        assert len(await found(memory, "running", max_results=50)) == 31
        assert await found(memory, "running", "ben") == ["running water"]
        await memory.aclose()
    assert neo4j.run(_STATE)[0].data() == {"rules": 2, "namespace": None, "position": ""}
    monkeypatch.undo()
    old = _open(neo4j)
    for call in (old.search("ben", Query(text="tea")), old.store("ben", [fact("coffee")])):
        with pytest.raises(MemoryStoreError, match=r"rules 2, and 1 are known\): upgrade Duograph"):
            await call
    assert await texts(old, "ben") == ["tea", "running water"]  # looking needs no words
    await old.aclose()


async def test_a_process_that_is_killed_is_gone_on_from(told: Neo4jMemory, neo4j: Neo4jServer) -> None:
    await told.aclose()
    program = """
        import asyncio, os, signal, sys
        from memory import words
        from memory.neo4j import open_memory, refiling
        from memory.records import Query

        words.RULES, words.stem, refiling.BATCH = 2, lambda word: word, 7
        main_words, seen = refiling.main_words, []
        def killed(record):
            seen.append(record)
            if len(seen) == 20:
                os.kill(os.getpid(), signal.SIGKILL)
            return main_words(record)
        refiling.main_words = killed
        memory = open_memory(sys.argv[1], "neo4j", os.environ["NEO4J_PASSWORD"])
        asyncio.run(memory.search("anna", Query(text="running")))
    """
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", textwrap.dedent(program), neo4j.uri],
        env=os.environ | {"NEO4J_PASSWORD": neo4j.password},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    [state] = neo4j.run(_STATE)
    assert (state["rules"], state["namespace"], state["position"] > "") == (2, "anna", True)
    after = _open(neo4j)
    assert len(await found(after, "running", max_results=50)) == 30
    assert await found(after, "running", "ben") == ["running water"]
    await after.aclose()
