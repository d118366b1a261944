"""Routers keep to the guards whatever is around them, and leave the rest to LangGraph."""

import asyncio
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send
from pydantic import BaseModel
from typing_extensions import TypedDict

from graph.build import GUARDS, assemble, build_graph, compile_graph, make_nodes
from graph.compiled import DuoGraph
from graph.guards import Guard, UnguardedCycleError
from graph.saver import open_saver
from graph.services import Services
from graph.settings import Settings
from graph.state import Context, Input, State
from nodes import Result, Turn
from tests.processes import PATIENCE_S
from tests.support import AgentMaker

PLAN = {"content": "Double.\n\n```python acceptance\nassert double(2) == 4\n```", "repeat": True}


def ask(text: str = "Write a function is_prime(n)") -> Input:
    return Input(messages=[HumanMessage(text)])


def wrong(count: int) -> list[dict[str, Any]]:
    return [
        {"content": f"```python solution.py\ndef double(x):\n    return x + {n + 3}\n```"}
        for n in range(count)
    ]


async def idle(state: Turn) -> Turn:
    del state
    return Turn()


def reviewed_by(review: Any, router: Any = None, **options: Any) -> DuoGraph:  # noqa: ANN401  # any node
    """The stock graph with a review that always wants more, and its own router."""
    services = Services.from_settings(Settings())
    nodes = {**make_nodes(services), "review": review}
    builder = assemble(nodes)
    if router is not None:
        builder.branches["review"].clear()
        builder.add_conditional_edges("review", router, ["code", "respond"])
    return compile_graph(builder, services, settings=Settings(), **options)


class Narrow(TypedDict, total=False):
    verdict: str


class Model(BaseModel):
    verdict: str | None = None


async def narrow(state: Narrow) -> Turn:
    del state
    return Turn(verdict="repair")


async def modelled(state: Model) -> Turn:
    del state
    return Turn(verdict="repair")


def by_model(state: Model) -> str:
    assert isinstance(state, Model)
    return "code"


def by_send(state: State) -> Send:
    return Send("code", state)


@pytest.mark.parametrize("node", [narrow, modelled])
@pytest.mark.parametrize("router", [None, by_model, by_send])
def test_a_guard_holds_whatever_the_node_and_the_router_see(node: Any, router: Any) -> None:  # noqa: ANN401
    if router is None and node is modelled:

        def router(state: Model) -> str:
            assert isinstance(state, Model)
            return "code"

    result: Result = reviewed_by(node, router).invoke(ask())["result"]
    assert result.stop_reason == "repairs_exhausted"
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.sandbox_runs == 3


@pytest.mark.parametrize("node", ["reason", "code", "verify", "review"])
def test_a_person_may_edit_the_state_of_a_turn_that_waits(make_agent: AgentMaker, node: str) -> None:
    right = {"content": "```python solution.py\ndef double(x):\n    return 2 * x\n```"}
    agent = make_agent([PLAN, {"content": "VERDICT: PASS"}], [right])
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    agent.graph.invoke(ask("Write a function double(x)"), config, interrupt_before=[node])
    agent.graph.update_state(config, {"doubt": ""})
    assert agent.graph.get_state(config).next == (node,)
    result = agent.graph.invoke(None, config)["result"]
    assert result.status == "done"


def test_a_turn_of_ours_inside_a_node_does_not_wait_for_itself(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.sqlite") as saver:
        services = Services.from_settings(Settings())
        builder = assemble(make_nodes(services))
        builder.add_node("inner", build_graph(Settings(), checkpointer=saver))
        builder.add_edge("respond", "inner")
        graph = compile_graph(builder, services, settings=Settings(), checkpointer=saver)

        async def run() -> Any:  # noqa: ANN401
            async with asyncio.timeout(PATIENCE_S):
                return await graph.ainvoke(ask("hello"), {"configurable": {"thread_id": "t"}})

        # The inner turn finds an answer as the newest message, which is no request.
        assert asyncio.run(run())["result"].status == "rejected"


def test_a_resumed_turn_with_a_long_way_left_gets_the_steps_for_it() -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.edges.discard(("verify", "review"))
    names = ["verify", *(f"x{at}" for at in range(6)), "review"]
    for name in names[1:-1]:
        builder.add_node(name, idle)
    for source, target in pairwise(names):
        builder.add_edge(source, target)
    graph = compile_graph(builder, services, settings=Settings(), checkpointer=InMemorySaver())
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    graph.invoke(ask(), config, interrupt_before=["x0"])
    assert graph.invoke(None, {**config, "recursion_limit": 2})["result"].status == "done"


@pytest.mark.parametrize("limit", range(1, 20))
def test_a_used_up_guard_is_not_taken_to_save_steps(limit: int) -> None:
    services = Services.from_settings(Settings())
    nodes = {**make_nodes(services), "review": narrow}
    builder = assemble(nodes)
    names = [f"x{at}" for at in range(6)]
    for name in names:
        builder.add_node(name, idle)
    builder.branches["review"].clear()
    builder.add_conditional_edges("review", lambda _: "code", ["code", "x0"])
    for source, target in zip(names, [*names[1:], "respond"], strict=True):
        builder.add_edge(source, target)
    guards = [*GUARDS[1:], Guard("again", "review", "code", "repairs", lambda _: 1, otherwise="x0")]
    graph = compile_graph(builder, services, settings=Settings(), guards=guards)
    result = graph.invoke(ask(), {"recursion_limit": limit})["result"]
    assert result.bounds.used.sandbox_runs <= 2
    assert result.bounds.used.supersteps <= result.bounds.supersteps


@pytest.mark.parametrize(
    ("guard", "words"),
    [
        (Guard("g", "review", "code", "nowhere", lambda _: 1), "counts in 'nowhere', which is no channel"),
        (
            Guard("g", "review", "code", "repairs", lambda _: 1, otherwise="plan"),
            "leads to plan when its limit",
        ),
        (Guard("g", "review", "code", "repairs", lambda _: 100_000), "give 1,400,014 states to look at"),
    ],
)
def test_a_guard_that_cannot_do_what_it_says_is_refused(guard: Guard, words: str) -> None:
    services, guards = Services.from_settings(Settings()), [guard, *GUARDS[1:]]
    with pytest.raises(ValueError, match=words):
        compile_graph(assemble(make_nodes(services)), services, settings=Settings(), guards=guards).bounds()


@pytest.mark.parametrize("fan_outs", [{("code", "reason"): 2}, {("reason", "code"): 0}])
def test_a_fan_out_for_no_edge_is_refused(fan_outs: dict[tuple[str, str], int]) -> None:
    services = Services.from_settings(Settings())
    with pytest.raises(ValueError, match="it needs an edge and at least 1"):
        compile_graph(assemble(make_nodes(services)), services, settings=Settings(), fan_outs=fan_outs)


def test_a_name_and_a_send_count_together() -> None:
    def both(state: State) -> list[Any]:
        return ["code", Send("code", state)]

    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.branches["reason"].clear()
    builder.add_conditional_edges("reason", both, ["code", "respond"])
    graph = compile_graph(builder, services, settings=Settings())
    with pytest.raises(ValueError, match="sent 2 copies of code and 1 are declared"):
        graph.invoke(ask())


def test_the_context_of_a_run_reaches_a_graph_inside_any_other(make_agent: AgentMaker) -> None:
    inner = make_agent([PLAN], wrong(8)).graph

    class Mine(BaseModel):
        other: int = 1

    for schema, context, runs in ((Context, Context(max_repairs=6), 7), (Mine, Mine(), 3)):
        builder: StateGraph[State, Any] = StateGraph(State, context_schema=schema)
        builder.add_node("inner", inner)
        builder.add_edge(START, "inner")
        result = builder.compile().invoke(ask("Write a function double(x)"), context=context)["result"]  # type: ignore[arg-type]
        assert result.bounds.used.sandbox_runs == runs
        assert result.stop_reason == "repairs_exhausted"
        inner = make_agent([PLAN], wrong(8)).graph


def test_a_context_of_a_wrong_type_is_one_sentence() -> None:
    with pytest.raises(TypeError, match=r"The context is 42: pass Context\(…\)"):
        build_graph(Settings()).invoke(ask(), context=42)  # type: ignore[call-overload]  # what is tested


def test_an_answer_of_a_users_own_is_not_called_a_limit() -> None:
    async def reason(state: Turn) -> Turn:
        del state
        return Turn(answer="42")

    def straight(state: State) -> Literal["respond"]:
        del state
        return "respond"

    services = Services.from_settings(Settings())
    builder = assemble({**make_nodes(services), "reason": reason})
    builder.branches["reason"].clear()
    builder.add_conditional_edges("reason", straight)
    result = compile_graph(builder, services, settings=Settings()).invoke(ask("hello"))["result"]
    assert (result.answer, result.stop_reason, result.status) == ("42", "completed", "done")


def test_a_way_back_by_an_error_handler_is_refused() -> None:
    def handler(state: Turn) -> Command[Literal["code", "respond"]]:
        del state
        return Command(goto="code")

    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.add_node("extra", idle, error_handler=handler)
    builder.add_edge("code", "extra")
    with pytest.raises(UnguardedCycleError, match="code → extra → code"):
        compile_graph(builder, services, settings=Settings())


def test_a_graph_that_a_nodes_object_holds_is_in_the_bound() -> None:
    inner = StateGraph(Narrow)
    names = [f"n{at}" for at in range(40)]
    for name in names:
        inner.add_node(name, idle)
    for source, target in zip([START, *names], [*names, END], strict=True):
        inner.add_edge(source, target)

    class Holder:
        def __init__(self) -> None:
            self.graph = inner.compile()

        async def __call__(self, state: Turn) -> Turn:
            await self.graph.ainvoke(Narrow(verdict=state.get("verdict") or ""))
            return Turn()

    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.add_node("holder", Holder())
    builder.add_edge("classify", "holder")
    graph = compile_graph(builder, services, settings=Settings())
    assert graph.bounds().supersteps > 40
    assert graph.invoke(ask("hello"))["result"].status == "done"


def test_a_builder_may_be_compiled_twice() -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    first = compile_graph(builder, services, settings=Settings()).bounds()
    assert compile_graph(builder, services, settings=Settings()).bounds() == first
