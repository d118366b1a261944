"""An agent that learns behind its answers: they neither wait for it, nor fail with it, nor show it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from graph.agent import Agent
from graph.background import Background
from graph.services import Services
from graph.settings import Settings
from memory.queue import Jobs, open_jobs
from memory.records import Selection
from memory.sql import open_memory
from nodes import Result
from tests.support import Lines

Script = Callable[[str, Lines], str]
SAID = {"insights": [{"text": "LEARNED this.", "confidence": 0.8}], "patterns": []}


@pytest.fixture
def chosen(tmp_path: Path, script: Script) -> Callable[..., Settings]:
    def make(*background: dict[str, Any], **more: Any) -> Settings:  # noqa: ANN401  # as Settings takes them
        return Settings(
            home=tmp_path / "home",
            solo_model=script("solo", [{"content": "An answer.", "repeat": True}]),
            background_model=script("background", [*background]) if background else "offline",
            model_tries=1,
            **more,
        )

    return make


def kept(settings: Settings) -> tuple[dict[str, int], list[str]]:
    """The jobs by status, and the insights."""

    async def read() -> tuple[dict[str, int], list[str]]:
        jobs, memory = open_jobs(settings.database_path), open_memory(settings.database_path)
        counts = {str(status): number for status, number in (await jobs.counts()).items()}
        items = await memory.list(settings.user, Selection(kinds=("insight",)))
        await jobs.aclose()
        await memory.aclose()
        return counts, [item.record.text for item in items]

    return asyncio.run(read())


def test_a_turn_is_learned_from_when_the_agent_is_closed(chosen: Callable[..., Settings]) -> None:
    settings = chosen({"content": json.dumps(SAID)})
    with Agent(settings) as agent:
        assert agent.ask("What is a monad?").answer == "An answer."
    assert kept(settings) == ({"done": 1}, ["LEARNED this."])


def test_what_an_earlier_agent_left_is_done_by_the_next_one(chosen: Callable[..., Settings]) -> None:
    hanging = chosen({"content": "{}", "delay_s": 600})
    agent = Agent(hanging)
    agent.ask("What is a monad?")
    assert agent.background is not None
    assert agent.background.close(0)
    agent.close()
    assert kept(hanging) == ({"pending": 1}, [])
    settings = chosen({"content": json.dumps(SAID)})
    with Agent(settings):
        pass
    assert kept(settings) == ({"done": 1}, ["LEARNED this."])


@pytest.mark.parametrize(
    "background",
    [{"content": json.dumps(SAID)}, {"error": "auth", "repeat": True}, {"content": "no", "repeat": True}],
)
async def test_no_word_of_it_stands_in_the_stream_of_a_run(
    chosen: Callable[..., Settings], background: dict[str, Any]
) -> None:
    settings = await asyncio.to_thread(chosen, background | {"delay_s": 0.01})
    agent = await asyncio.to_thread(Agent, settings)
    seen: list[str] = []
    for _ in range(2):  # the second run goes on while the first one is learned from
        parts = agent.graph.astream(
            {"messages": [HumanMessage("What is a monad?")]},
            {"configurable": {"thread_id": "t"}},
            stream_mode=["messages", "updates", "custom", "values", "debug"],
        )
        seen += [str(part) async for part in parts]
    await agent.aclose()
    assert any("An answer." in part for part in seen)
    assert not any("LEARNED" in part or "background" in part for part in seen)


def test_with_enrichment_off_there_is_no_job_and_no_thread(chosen: Callable[..., Settings]) -> None:
    settings = chosen(enrichment="off")
    with Agent(settings) as agent:
        agent.ask("What is a monad?")
        assert agent.background is None
    assert kept(settings) == ({}, [])


def test_loops_that_end_one_after_another_leave_no_turn_unlearned(chosen: Callable[..., Settings]) -> None:
    settings = chosen({"content": json.dumps(SAID), "delay_s": 0.02, "repeat": True})
    agent = Agent(settings)
    for turn in range(2):  # each loop is closed while its turn's job waits or runs
        assert asyncio.run(agent.aask(f"What is a monad? ({turn})")).answer == "An answer."
    assert agent.drain(30)
    assert agent.ask("And what is a functor?").answer == "An answer."
    asyncio.run(agent.aclose())
    assert kept(settings) == ({"done": 3}, ["LEARNED this."])


class Slow:
    """A real queue that takes its time."""

    def __init__(self, jobs: Jobs, delay_s: float) -> None:
        self._jobs = jobs
        self._delay_s = delay_s

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  # whatever the queue has
        return getattr(self._jobs, name)

    async def enqueue(self, *given: Any) -> bool:  # noqa: ANN401  # as the queue takes them
        await asyncio.sleep(self._delay_s)
        is_new: bool = await self._jobs.enqueue(*given)
        return is_new


@pytest.mark.parametrize("is_async", [False, True])
def test_closing_waits_for_a_turn_that_a_slow_queue_has_not_taken_yet(
    chosen: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, *, is_async: bool
) -> None:
    monkeypatch.setattr("nodes.enrich.ENQUEUE_S", 0.0)
    settings = chosen({"content": json.dumps(SAID)})
    services = Services.from_settings(settings, remembers=True)
    assert services.jobs is not None
    slow: Any = Slow(services.jobs, 0.1)

    async def turn() -> Result:
        async with Agent(settings, services=replace(services, jobs=slow)) as agent:
            return await agent.aask("What is a monad?")

    if is_async:
        result = asyncio.run(turn())
    else:
        with Agent(settings, services=replace(services, jobs=slow)) as agent:
            result = agent.ask("What is a monad?")
    assert (result.answer, result.notes) == ("An answer.", [])
    assert kept(settings) == ({"done": 1}, ["LEARNED this."])


def test_closing_waits_no_longer_than_it_may(chosen: Callable[..., Settings]) -> None:
    settings = chosen()
    services = Services.from_settings(settings, remembers=True)
    assert services.jobs is not None
    hanging: Any = Slow(services.jobs, 3600)
    background = Background.of(settings, replace(services, jobs=hanging))
    assert background is not None

    async def enqueue() -> None:
        adding = asyncio.create_task(background.jobs.enqueue("enrich", "ada", "k", {}))
        await asyncio.sleep(0)
        assert await asyncio.to_thread(background.close, 0.05)
        assert not adding.done()
        assert background.close(3600)  # which would hold up what it waits for, and does not wait
        adding.cancel()

    asyncio.run(enqueue())


def test_a_wait_for_what_is_learned_has_an_end(chosen: Callable[..., Settings]) -> None:
    settings = chosen({"content": "{}", "delay_s": 600})
    agent = Agent(settings)
    assert agent.drain(0)
    agent.ask("What is a monad?")
    assert not agent.drain(0.01)
    assert agent.background is not None
    assert agent.background.close(0)
    agent.close()
    with Agent(chosen(enrichment="off")) as deaf:
        assert deaf.drain(0)
