"""`langgraph dev` with its threads on a PostgreSQL server, and the shell beside it."""

from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client

from checkpoints import Sessions
from graph.saver import open_saver
from tests.postgres import PostgresServer
from tests.studio.test_langgraph_dev import dev_server, says

pytestmark = pytest.mark.slow


async def test_threads_of_the_server_are_sessions_of_the_shell(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    target = postgres.new_database()
    with dev_server(tmp_path, DUOGRAPH_DATABASE=target) as url:
        async with get_client(url=url) as client:
            thread = await client.threads.create()
            await client.runs.wait(thread["thread_id"], "duograph", input=says("hello"))
            values: Any = await client.runs.wait(
                thread["thread_id"], "duograph", input=says("What is a monad?")
            )
            assert len(values["messages"]) == 4
            history = await client.threads.get_history(thread["thread_id"], limit=20)
            assert len(history) >= 6
            async with open_saver(target) as saver:
                (listed,) = Sessions(saver).list()
                assert (listed.thread_id, listed.title, listed.turns) == (thread["thread_id"], "hello", 2)
            await client.threads.delete(thread["thread_id"])
            async with open_saver(target) as saver:
                assert Sessions(saver).list() == []
