"""Connections stay open between calls, and end with whoever they belong to."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from providers import RoleModels
from tests.processes import wait_for
from tests.providers.backends.contract import APIS, Side, serve

QUESTION = [HumanMessage("hi")]


@pytest.fixture(params=APIS)
def side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Side]:
    for name, value in {"REGION": "us-east-1", "ACCESS_KEY_ID": "A", "SECRET_ACCESS_KEY": "s"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    with serve(request.param) as side:
        yield side


async def ask(models: RoleModels, times: int = 1) -> None:
    for _ in range(times):
        assert (await models.reply("reasoning", QUESTION, step="plan")).text == "Hello"


def looks(side: Side) -> int:
    """The one connection by which the window in force is asked for."""
    return int(side.provider == "openai")


async def test_ten_calls_one_after_the_other_share_a_connection(side: Side) -> None:
    models = side.models()
    await ask(models, times=10)
    assert side.server.connections == 1 + looks(side)
    await models.aclose()


async def test_a_connection_that_the_server_has_closed_is_not_used_again(side: Side) -> None:
    side.server.forgetful = True
    models = side.models()  # which try once
    for _ in range(3):
        await ask(models)
        await asyncio.to_thread(wait_for, side.server.has_hung_up, "the server to hang up")
    assert len(side.server.seen) == 3
    await models.aclose()


def test_the_end_of_a_loop_closes_its_connections(side: Side) -> None:
    models = side.models()
    for _ in range(2):
        asyncio.run(ask(models, times=2))
    gc.collect()  # a socket that is still open is a warning here, and so a failure
    assert side.server.connections == 2 * (1 + looks(side))


def clients() -> list[Any]:
    return [each for each in gc.get_objects() if type(each).__name__ == "AsyncClient"]


async def test_models_that_are_forgotten_close_their_connections(side: Side) -> None:
    before = clients()
    models = side.models()
    await ask(models)
    del models
    for _ in range(5):  # what one collection frees may have held what the next one does
        gc.collect()
        for _ in range(20):
            await asyncio.sleep(0)
        if all(client.is_closed for client in clients() if client not in before):
            break
    else:
        pytest.fail("a client of models that nobody holds is open")
