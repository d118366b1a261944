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
from hypothesis import strategies as st
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
    PLANS,
    REVIEWS,
    SOLUTIONS,
    TESTS,
    VERDICTS,
    QuickVerifier,
    callers,
    scripts,
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
from tests.support import ASK, Fixed, Lines

DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1,2 +1,2 @@\n def double(x):\n-    return x\n+    return 2 * x\n"
MOST_ANSWERS = 60
"""More than any turn asks for: three for a plan, and three for each round of tool calls."""

BY_HAND = os.environ.get("TERMINATION_EXAMPLES")


@dataclass(frozen=True)
class Ask:
    """One turn: what is asked, with which limits, and the step limit that the client sends."""

    text: str
    context: dict[str, Any]
    recursion_limit: int | None
    answers: tuple[Any, ...] = ()


@dataclass(frozen=True)
class World:
    """Two turns on one thread, and the models that answer them; a chain's "offline" is the cookbook."""

    reasoning: list[Lines | str]
    coding: list[Lines | str]
    turns: tuple[Ask, Ask]
    model_timeout_s: float = 120.0
    sqlite: bool = False
    chains_per_run: bool = False
    has_tools: bool = False
    route: dict[str, Any] | None = None


_LIMITS: dict[str, st.SearchStrategy[Any]] = {
    "max_repairs": st.integers(0, 10),
    "max_model_calls": st.integers(1, 12),
    "max_input_tokens": st.sampled_from((1, 300, 600, 1_000, 3_000, 20_000)),
    "max_output_tokens": st.sampled_from((1, 20, 40, 80, 200, 4_000, 20_000)),
    "max_cost_usd": st.sampled_from((0.0, 0.001, 0.01, 0.5)),
    "turn_timeout_s": st.sampled_from((1e-6, 0.005, 0.02, 0.05, 86_400.0)),
    "recursion_limit": st.integers(1, 12) | st.integers(1, 200),
    "plan_approval": st.just(True),  # noqa: FBT003  # the value of a setting
    "max_tool_rounds": st.integers(0, 12),
    "max_tool_calls": st.integers(0, 12),
    "consent": st.sampled_from(("ask", "ask", "allow", "refuse")),
}
ANSWERS = st.lists(
    st.sampled_from(
        (
            "approve",
            {"decision": "edit", "plan": PLANS[0]},
            {"decision": "edit", "plan": "Other."},
            {"decision": "reject"},
            "what?",
            {"decision": "edit", "plan": PLANS[2]},
            [],
            False,
        )
    ),
    min_size=3,
    max_size=3,
).map(tuple)
_REQUESTS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    (
        *({"text": ASK, "tests": tests} for tests in ("", "", "", TESTS, TESTS, TESTS)),
        {"text": "now handle None", "tests": ""},
        {"text": "What is a monad?", "tests": ""},
        *({"text": f"Review this code:\n{code}"} for code in SOLUTIONS[:-1:5]),
        {"text": "review this", "code": [{"path": "a.py", "content": "x = 1\n"}], "tests": TESTS},
        {"text": "review this", "code": [{"path": "../a.py", "content": "x = 1\n"}]},
        {"text": f"review this\n{DIFF}"},
        {"text": "review it"},
        {"text": ASK, "task": "general"},
        {"text": ASK, "tests": "def broken("},
        {"text": " "},
    )
)


@st.composite
def asks(draw: st.DrawFn, requests: st.SearchStrategy[dict[str, Any]] = _REQUESTS) -> Ask:
    """A turn with up to three limits, and repairs enough to meet them."""
    struck = draw(st.sets(st.sampled_from(sorted(_LIMITS)), max_size=3))
    limits = {name: draw(_LIMITS[name]) for name in sorted(struck)}
    request = dict(draw(requests))
    text, recursion_limit = request.pop("text"), limits.pop("recursion_limit", None)
    more: dict[str, Any] = draw(st.sampled_from(({}, {"max_repairs": 6}, {"plan_approval": True})))
    chosen = more | request | limits
    return Ask(text, chosen, recursion_limit, draw(ANSWERS))


def chains(favourites: tuple[str, ...]) -> st.SearchStrategy[list[Lines | str]]:
    def model(kind: int) -> st.SearchStrategy[Lines | str]:
        return scripts(favourites) if kind else st.just("offline")

    return st.lists(st.integers(0, 9).flatmap(model), min_size=1, max_size=3)


_ROUTES: tuple[dict[str, Any], ...] = (
    {"content": "code_generation"},
    {"content": '{"task": "planning"}'},
    {"content": "I would rather talk. " * 50},
    {"error": "rate_limit"},
    {"error": "cut_stream", "content": "code_generation"},
)
"""What a model says when it is asked what a request is, because the classifier abstains."""

WORLDS = st.builds(
    World,
    reasoning=chains(PLANS + VERDICTS + REVIEWS) | chains(REVIEWS),
    coding=chains(SOLUTIONS),
    turns=st.tuples(asks(), asks()),
    model_timeout_s=st.sampled_from((120.0,) * 6 + (0.005,)),
    sqlite=st.sampled_from((False,) * 9 + (True,)),
    chains_per_run=st.sampled_from((False, False, False, True)),
    has_tools=st.booleans(),
    route=st.none() | st.sampled_from(_ROUTES),
)
_GOOD = [{"path": "solution.py", "content": "def double(x: int) -> int:\n    return 2 * x\n"}]
_REVIEWED = asks(st.just({"text": "review this", "code": _GOOD}))
REVIEW_WORLDS = st.builds(
    World,
    reasoning=st.lists(st.sampled_from(REVIEWS[1:]), min_size=2, max_size=2).map(
        lambda said: [[{"content": words} for words in said]]
    ),
    coding=st.just(["offline"]),
    turns=st.tuples(_REVIEWED, _REVIEWED),
)
"""Reviews whose findings mostly bring tests."""

_TOOLED = asks(st.sampled_from(({"text": "What is a monad?"}, {"text": ASK, "tests": TESTS}))).flatmap(
    lambda ask: st.sampled_from(("ask", "allow", "refuse")).map(
        lambda consent: replace(ask, context={"consent": consent} | ask.context)
    )
)
TOOL_WORLDS = st.builds(
    World,
    reasoning=st.lists(callers(), min_size=1, max_size=2)
    | st.tuples(callers(), st.just("offline")).map(list),
    coding=st.just([[{"content": SOLUTIONS[0], "repeat": True}]]),
    turns=st.tuples(_TOOLED, _TOOLED),
    sqlite=st.sampled_from((False,) * 3 + (True,)),
    has_tools=st.just(True),  # noqa: FBT003  # the value of a field
)
"""Models that call tools for ever, and people who consent or do not."""


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
@examples(30)
def test_calling_tools_ends_within_its_bound_quick_verifier(stage: Stage, world: World) -> None:
    stage.play(world, QuickVerifier())


@pytest.mark.slow
@given(world=REVIEW_WORLDS)
@examples(20)
def test_a_review_ends_within_its_bound_quick_verifier(stage: Stage, world: World) -> None:
    stage.play(world, QuickVerifier())


@pytest.mark.slow
@given(world=WORLDS)
@examples(40)
def test_a_turn_ends_within_its_bound_quick_verifier(stage: Stage, world: World) -> None:
    stage.play(world, QuickVerifier())


@pytest.mark.slow
@given(world=WORLDS)
@examples(15)
def test_a_turn_ends_within_its_bound_real_sandbox(stage: Stage, world: World) -> None:
    stage.play(world, None)
