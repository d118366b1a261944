"""A worker that learns while turns go on: nothing of it is in their streams, contexts or callbacks."""

import asyncio
import contextvars
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import var_child_runnable_config
from langchain_core.tracers.context import register_configure_hook
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict, override

from graph.agent import Agent
from graph.background import Background
from graph.build import build_graph
from graph.enrichment import Enrichment
from graph.saver import open_sessions
from graph.services import Services, role_models
from graph.settings import Settings
from memory.queue import Lease, Pace, Worker
from memory.queue.protocol import Jobs
from tests.support import Lines

Script = Callable[[str, Lines], str]
ASKED = "What is a monad?"
SAID = {"insights": [{"text": "LEARNED this.", "confidence": 0.8}], "patterns": []}
PATIENCE_S = 30
QUICK = Pace(settle_s=0, poll_s=0.02)


@pytest.fixture
def settings(tmp_path: Path, script: Script) -> Settings:
    return Settings(
        home=tmp_path / "home",
        solo_model=script("solo", [{"content": "An answer.", "repeat": True}]),
        background_model=script(
            "background", [{"content": json.dumps(SAID), "delay_s": 0.02, "repeat": True}]
        ),
    )


async def learned(jobs: Jobs, number: int) -> None:
    """Wait until so many turns have been learned from."""
    async with asyncio.timeout(PATIENCE_S):
        while (await jobs.counts()).get("done", 0) < number:  # noqa: ASYNC110  # the worker has its own loop
            await asyncio.sleep(0.01)


def of_agent(agent: Agent) -> AsyncIterator[Any]:
    return agent.astream(ASKED, thread_id="t")


def of_graph(agent: Agent) -> AsyncIterator[Any]:
    return agent.graph.astream(
        {"messages": [HumanMessage(ASKED)]},
        {"configurable": {"thread_id": "t"}},
        stream_mode=["messages", "updates", "custom"],
    )


def of_events(agent: Agent) -> AsyncIterator[Any]:
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    return agent.graph.astream_events({"messages": [HumanMessage(ASKED)]}, config, version="v2")


@pytest.mark.parametrize("stream", [of_agent, of_graph, of_events])
async def test_no_token_of_the_worker_is_in_the_stream_of_a_run_that_is_open(
    stream: Callable[[Agent], AsyncIterator[Any]], settings: Settings
) -> None:
    agent = await asyncio.to_thread(Agent, settings)
    assert agent.background is not None
    agent.background.worker = Worker(agent.background.jobs, agent.background.handle, pace=QUICK)
    jobs, seen = agent.background.jobs, list[str]()
    for turn in range(2):
        before = len(seen)
        async for part in stream(agent):
            seen.append(str(part))
            if len(seen) == before + 1:
                await learned(jobs, turn)  # the turn before, while this one goes on
            if "enrich" in seen[-1] and "learned" in seen[-1]:
                await learned(jobs, turn + 1)  # this one, which is not over before its stream is read
    await learned(jobs, 2)
    await agent.aclose()
    assert any("An answer." in part for part in seen)
    assert not any("LEARNED" in part or "background" in part or "<turn>" in part for part in seen)


class Asked(TypedDict):
    """The state of a graph around an agent."""

    asked: str
    answer: str


@pytest.mark.parametrize("how", ["stream", "events"])
async def test_nor_in_the_stream_of_a_graph_around_the_agent_that_goes_on(
    how: str, settings: Settings
) -> None:
    agent = await asyncio.to_thread(Agent, settings)
    assert agent.background is not None
    jobs = agent.background.jobs
    agent.background.worker = Worker(jobs, agent.background.handle, pace=QUICK)

    async def ask(state: Asked) -> Asked:
        result = await agent.aask(state["asked"])  # here the worker's thread is started
        await learned(jobs, 1)
        return Asked(asked="", answer=result.answer)

    graph = StateGraph(Asked).add_node(ask).add_edge(START, "ask").compile()
    if how == "events":
        parts: AsyncIterator[Any] = graph.astream_events(Asked(asked=ASKED, answer=""), version="v2")
    else:
        parts = graph.astream(
            Asked(asked=ASKED, answer=""), stream_mode=["messages", "updates", "custom"], subgraphs=True
        )
    seen = [str(part) async for part in parts]
    await agent.aclose()
    assert any("An answer." in part for part in seen)
    assert not any("LEARNED" in part or "background" in part or "<turn>" in part for part in seen)


class Recorder(BaseCallbackHandler):
    """Notes what models are asked, and with which tags."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.tags: set[str] = set()

    @override
    def on_chat_model_start(
        self, serialized: dict[str, Any], messages: list[list[BaseMessage]], **kwargs: Any
    ) -> None:
        self.asked.append(str(messages))
        self.tags.update(kwargs.get("tags") or ())


AROUND: contextvars.ContextVar[Recorder | None] = contextvars.ContextVar("around", default=None)
register_configure_hook(AROUND, inheritable=True)  # of every model that is asked in this context


class Watched:
    """An enrichment that notes in which context it works, and who is called back there."""

    def __init__(self, enrichment: Enrichment) -> None:
        self._enrichment = enrichment
        self.recorder = Recorder()
        self.found: list[object] = []

    async def __call__(self, lease: Lease) -> str | None:
        self.found += [AROUND.get(), var_child_runnable_config.get()]
        AROUND.set(self.recorder)
        return await self._enrichment(lease)

    async def aclose(self) -> None:
        await self._enrichment.aclose()


async def test_neither_contexts_nor_callbacks_nor_tags_pass_between_turns_and_the_worker(
    settings: Settings,
) -> None:
    services = await asyncio.to_thread(lambda: Services.from_settings(settings, remembers=True))
    assert services.memory is not None
    assert services.jobs is not None
    background = Background(settings, services.memory, services.jobs, models=lambda: role_models(settings))
    watched = Watched(background.handle)
    background.worker = Worker(services.jobs, watched, pace=QUICK)
    around, given = Recorder(), Recorder()
    config: RunnableConfig = {
        "configurable": {"thread_id": "t"},
        "callbacks": [given],
        "tags": ["of the turn"],
    }
    with open_sessions(settings) as saver:
        graph = build_graph(settings, checkpointer=saver, services=replace(services, jobs=background.jobs))
        token = AROUND.set(around)
        for turn in range(2):
            await graph.ainvoke({"messages": [HumanMessage(ASKED)]}, config)
            await learned(services.jobs, turn + 1)
            assert AROUND.get() is around
        AROUND.reset(token)
        assert await background.aclose(PATIENCE_S)
        await services.memory.aclose()
        await services.jobs.aclose()
    assert watched.found == [None] * 4
    for recorder in (around, given):
        assert len(recorder.asked) == 2
        assert not any("<turn>" in asked for asked in recorder.asked)
        assert "of the turn" in recorder.tags
    assert len(watched.recorder.asked) == 2
    assert all("<turn>" in asked for asked in watched.recorder.asked)
    assert "of the turn" not in watched.recorder.tags
