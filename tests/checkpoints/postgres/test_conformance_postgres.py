"""LangGraph's conformance suite on a server: every capability, by the async methods and the sync ones."""

from collections.abc import AsyncGenerator

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.conformance import checkpointer_test, validate

from checkpoints import open_saver
from tests.checkpoints.test_conformance import ThroughSync
from tests.postgres import PostgresServer

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("is_sync", [True, False], ids=["sync", "async"])
async def test_every_capability_passes(postgres: PostgresServer, *, is_sync: bool) -> None:
    target = postgres.new_database()

    @checkpointer_test(name="PostgresSessionSaver")
    async def fresh() -> AsyncGenerator[BaseCheckpointSaver[str], None]:
        async with open_saver(target) as saver:
            yield ThroughSync(saver) if is_sync else saver

    report = await validate(fresh)
    assert {name: result.failures for name, result in report.results.items() if result.failures} == {}
    assert [name for name, result in report.results.items() if not result.passed] == []
    assert report.conformance_level() == "FULL"
