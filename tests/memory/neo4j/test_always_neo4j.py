"""Whatever is told in whatever order, Neo4j holds what the protocol's model holds."""

import asyncio

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from memory import Memory
from memory.neo4j import open_memory
from tests.memory.test_always import MemoryMachine
from tests.neo4j import Neo4jServer

pytestmark = pytest.mark.slow


def test_it_holds_what_the_model_holds(neo4j: Neo4jServer) -> None:
    # One for all examples: each opening looks at constraints and indexes.
    memory = open_memory(neo4j.uri, neo4j.user, neo4j.password)

    class Machine(MemoryMachine):
        def open(self) -> Memory:
            neo4j.empty()
            return memory

        def teardown(self) -> None:
            self.runner.close()

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=3, stateful_step_count=15, suppress_health_check=[HealthCheck.too_slow]
        ),
    )
    asyncio.run(memory.aclose())
