"""An empty memory on a real server."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from memory.neo4j import Neo4jMemory, open_memory
from tests.neo4j import Neo4jServer


@pytest.fixture
async def memory(neo4j: Neo4jServer) -> AsyncIterator[Neo4jMemory]:
    await asyncio.to_thread(neo4j.empty)
    memory = open_memory(neo4j.uri, neo4j.user, neo4j.password)
    yield memory
    await memory.aclose()
