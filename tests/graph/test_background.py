"""An agent that learns behind its answers: they neither wait for it, nor fail with it, nor show it."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from graph.agent import Agent
from graph.settings import Settings
from memory.queue import open_jobs
from memory.records import Selection
from memory.sql import open_memory
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
