"""Whatever the models answer and whatever the limits are, a turn ends in `respond`, within its bound.

By hand, with more examples: `TERMINATION_EXAMPLES=50000 uv run pytest -m slow tests/graph/test_termination.py
--hypothesis-seed=1 -k quick`.
"""

import asyncio
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count, cycle, islice
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from checkpoints import open_saver
from graph.build import build_graph
from graph.compiled import DuoGraph
from graph.services import Services
from graph.settings import Settings
from graph.state import STATE_TYPES
from nodes import Context, Result, Verifies
from tests.graph.test_limits_adversary import (
    QuickVerifier,
)
from tests.graph.test_limits_checks import (
    Recorder,
    Watcher,
    check_account,
    check_end,
    check_limits,
    check_proof,
)
from tests.graph.tools_to_call import ToolRecord
from tests.graph.worlds import MOST_ANSWERS, REVIEW_WORLDS, TOOL_WORLDS, WORLDS, World
from tests.support import Fixed, Lines

BY_HAND = os.environ.get("TERMINATION_EXAMPLES")


@dataclass
class Stage:
    """Where worlds are played: an event loop, a folder, and which verifier to use."""

    runner: asyncio.Runner
    folder: Path
    serial: Iterator[int] = field(default_factory=count)

    def play(self, world: World, verifier: Verifies | None) -> None:
        self.runner.run(self._play(world, verifier))

    async def _play(self, world: World, verifier: Verifies | None) -> None:
        reasoning, coding = self._chain(world.reasoning, world.route), self._chain(world.coding)
        chosen = {} if world.chains_per_run else {"reasoning_model": reasoning, "coding_model": coding}
        wiring = Settings(
            home=self.folder, model_timeout_s=world.model_timeout_s, verify_timeout_s=0.5, **chosen
        )
        services = Services.from_settings(wiring)
        recorder = Recorder(verifier or services.verifier)
        tools = ToolRecord()
        services = replace(services, verifier=recorder, tools=tools.toolbox() if world.has_tools else None)
        if world.route is not None:
            services = replace(services, classifier=Fixed())
        override = {"reasoning_model": reasoning, "coding_model": coding} if world.chains_per_run else {}
        try:
            if world.sqlite:
                with open_saver(":memory:", allowed_types=STATE_TYPES) as saver:
                    graph = build_graph(wiring, services=services, checkpointer=saver)
                    await _turns(graph, world, override, recorder, tools)
            else:
                graph = build_graph(wiring, services=services, checkpointer=InMemorySaver())
                await _turns(graph, world, override, recorder, tools)
        finally:
            await services.models.aclose()

    def _chain(self, models: list[Lines | str], route: dict[str, Any] | None = None) -> str:
        said: Lines = [] if route is None else [{"step": "route", "repeat": True} | route]
        return ",".join(model if isinstance(model, str) else self._script(model + said) for model in models)

    def _script(self, lines: Lines) -> str:
        path = self.folder / f"{next(self.serial) % 64}-{id(lines)}.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        return f"scripted:{path}"


async def _turns(
    graph: DuoGraph, world: World, override: dict[str, str], recorder: Recorder, tools: ToolRecord
) -> None:
    for number, ask in enumerate(world.turns, 1):
        recorder.told.clear()
        tools.made.clear()
        watcher = Watcher()
        config: RunnableConfig = {"configurable": {"thread_id": "t"}, "callbacks": [watcher]}
        if ask.recursion_limit is not None:
            config["recursion_limit"] = ask.recursion_limit
        context = Context.model_validate(ask.context | override)
        walked: list[str] = []
        given: Any = {"messages": [HumanMessage(ask.text)]}
        state = None
        for answer in islice(cycle(ask.answers), MOST_ANSWERS):
            async for part in graph.astream(given, config, context=context, stream_mode="updates"):
                walked += [name for name in part if name != "__interrupt__"]
            state = await graph.aget_state({"configurable": {"thread_id": "t"}})
            if not state.interrupts:
                break
            assert context.plan_approval or (context.consent == "ask" and world.has_tools)
            given = Command(resume=answer)
        assert state is not None
        assert state.next == ()
        assert [m.type for m in state.values["messages"]] == ["human", "ai"] * number
        result = state.values["result"]
        assert isinstance(result, Result)
        assert result == Result.model_validate_json(result.model_dump_json())
        assert state.values["messages"][-1].content == result.answer != ""
        check_account(result, walked, watcher, recorder, tools.made)
        assert "remove" not in tools.made or context.consent in {"ask", "allow"}
        check_limits(result, context)
        check_end(result, context, ask.recursion_limit)
        check_proof(result, recorder)
        event(f"{result.status} {result.stop_reason}")
        event(f"repairs {result.repairs}")
        event(f"route {result.route}, {'demonstrated' if 'demonstrate' in walked else 'not demonstrated'}")
        event(f"tools were {'called' if result.tool_uses else 'not called'}, {state.values['tool_stop']}")
        event(f"a plan was {'asked' if 'approve' in walked else 'not asked'} about")


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    with asyncio.Runner() as runner, tempfile.TemporaryDirectory() as folder:
        yield Stage(runner, Path(folder))


def examples(most: int) -> settings:
    return settings(
        max_examples=int(BY_HAND or most),
        derandomize=BY_HAND is None,
        database=None,
        suppress_health_check=[
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
            HealthCheck.function_scoped_fixture,
        ],
    )


@given(world=WORLDS)
@examples(20)
def test_a_turn_ends_within_its_bound(stage: Stage, world: World) -> None:
    stage.play(world, QuickVerifier())


@given(world=REVIEW_WORLDS)
@examples(8)
def test_a_review_ends_within_its_bound(stage: Stage, world: World) -> None:
    stage.play(world, QuickVerifier())


@given(world=TOOL_WORLDS)
@examples(8)
def test_calling_tools_ends_within_its_bound(stage: Stage, world: World) -> None:
    stage.play(world, QuickVerifier())


@pytest.mark.slow
@given(world=TOOL_WORLDS)
@examples(16)
def test_calling_tools_ends_within_its_bound_quick_verifier(stage: Stage, world: World) -> None:
    stage.play(world, QuickVerifier())


@pytest.mark.slow
@given(world=REVIEW_WORLDS)
@examples(12)
def test_a_review_ends_within_its_bound_quick_verifier(stage: Stage, world: World) -> None:
    stage.play(world, QuickVerifier())


@pytest.mark.slow
@given(world=WORLDS)
@examples(24)
def test_a_turn_ends_within_its_bound_quick_verifier(stage: Stage, world: World) -> None:
    stage.play(world, QuickVerifier())


@pytest.mark.slow
@given(world=WORLDS)
@examples(10)
def test_a_turn_ends_within_its_bound_real_sandbox(stage: Stage, world: World) -> None:
    stage.play(world, None)
