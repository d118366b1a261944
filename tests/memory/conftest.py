"""Every kind of memory, empty: what passes the contract on one passes it on all."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from memory import Memory
from memory.neo4j import open_memory as open_neo4j
from memory.sql import open_memory
from tests.memory.model import ModelMemory
from tests.neo4j import Neo4jServer

BACKENDS = [
    "model",
    "sqlite file",
    "sqlite :memory:",
    pytest.param("postgresql", marks=pytest.mark.slow),
    pytest.param("neo4j", marks=pytest.mark.slow),
]
"""The names of the backends; another one needs a line here and one in `_open`."""


async def _open(name: str, request: pytest.FixtureRequest, folder: Path) -> Memory:
    if name == "model":
        return ModelMemory()
    if name == "sqlite file":
        return open_memory(folder / "home" / "sessions.sqlite")
    if name == "sqlite :memory:":
        return open_memory(":memory:")
    if name == "neo4j":
        neo4j: Neo4jServer = request.getfixturevalue("neo4j")
        await asyncio.to_thread(neo4j.empty)
        return open_neo4j(neo4j.uri, neo4j.user, neo4j.password)
    return open_memory(request.getfixturevalue("postgres_database"))


@pytest.fixture(params=BACKENDS)
async def memory_backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Memory]:
    """One empty memory of each kind."""
    memory = await _open(request.param, request, tmp_path)
    yield memory
    await memory.aclose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a memory can be that several share: a file, or a real server."""
    if request.param == "sqlite":
        return str(tmp_path / "sessions.sqlite")
    address: str = request.getfixturevalue("postgres_database")
    return address
