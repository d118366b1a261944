"""Graphs of a user's own keep to the bound: subgraphs, deferred nodes, tails, fan-outs, retries, resumes."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import RetryPolicy, Send
from typing_extensions import TypedDict

from graph.build import assemble, build_graph, compile_graph, make_nodes
from graph.compiled import DuoGraph
from graph.services import Services
from graph.settings import Settings
from graph.state import Context, Input, State
from nodes import Bounds, Cost, Result, Turn

ASK = Input(messages=[("human", "What can you do?")])  # type: ignore[list-item]  # LangChain's short form
CODE = Input(messages=[("human", "Write a function is_prime(n)")])  # type: ignore[list-item]  # the same


class Doubt(TypedDict, total=False):
    """A channel that nothing beside the subgraphs writes."""

    doubt: str


async def idle(state: Turn) -> Turn:
    del state
    return Turn()


def costly(**cost: float) -> Any:  # noqa: ANN401  # a node with an attribute
    async def node(state: Turn) -> Turn:
        del state
        return Turn()

    node.cost = Cost(**cost)  # type: ignore[attr-defined, arg-type]  # how a node declares it
    return node


def line(count: int, cost: Cost | None = None) -> StateGraph[Doubt]:
    """Nodes one after the other."""
    builder = StateGraph(Doubt)
    names = [f"n{at}" for at in range(count)]
    for name in names:
        builder.add_node(
            name, costly(reasoning=cost.reasoning, sandbox_runs=cost.sandbox_runs) if cost else idle
        )
    for source, target in zip([START, *names], [*names, END], strict=True):
        builder.add_edge(source, target)
    return builder


def with_node(name: str, node: Any, *, after: str, **options: Any) -> DuoGraph:  # noqa: ANN401
    """The stock graph with a node beside it."""
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.add_node(name, node, **options)
    builder.add_edge(after, name)
    return compile_graph(builder, services, settings=Settings())


def used(graph: DuoGraph, asks: Input = ASK, *, asked: int | None = None) -> tuple[Result, Bounds]:
    config: RunnableConfig = {} if asked is None else {"recursion_limit": asked}
    result: Result = graph.invoke(asks, config)["result"]
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.supersteps <= result.bounds.supersteps
    return result, result.bounds


STOCK = build_graph(Settings()).bounds()


def test_what_a_subgraph_declares_is_in_the_bound() -> None:
    graph = with_node("sub", line(4, Cost(reasoning=1, sandbox_runs=2)).compile(), after="classify")
    bounds = graph.bounds()
    assert bounds.model_calls == STOCK.model_calls + 4
    assert bounds.sandbox_runs == STOCK.sandbox_runs + 8
    assert bounds.undeclared == []
    assert with_node("sub", line(1).compile(), after="classify").bounds().undeclared == ["sub:n0"]


def test_a_graph_of_ours_inside_a_node_is_bounded_by_the_context_of_the_run() -> None:
    graph = with_node("twice", build_graph(Settings()), after="respond")
    for repairs in (0, 3):
        context = Context(max_repairs=repairs)
        alone = build_graph(Settings()).bounds(context)
        both = graph.bounds(context)
        assert both.sandbox_runs == 2 * alone.sandbox_runs
        assert both.model_calls == 2 * alone.model_calls
        assert both.supersteps == 2 * alone.supersteps  # it begins beside `enrich`
        assert [cycle.nodes for cycle in both.cycles] == [
            ["code", "verify", "review"],
            ["twice:code", "twice:verify", "twice:review"],
        ]


@pytest.mark.parametrize("asked", [None, 1, 3, 5, 40])
def test_a_subgraph_that_is_longer_than_the_graph_around_it_ends(asked: int | None) -> None:
    result, _ = used(with_node("sub", line(30).compile(), after="classify"), asked=asked)
    assert result.status == "done"


def test_a_subgraph_inside_a_subgraph_counts() -> None:
    outer = StateGraph(Doubt)
    outer.add_node("deep", line(25).compile())
    outer.add_edge(START, "deep")
    graph = with_node("sub", outer.compile(), after="classify")
    assert graph.bounds().supersteps >= 25 + 3
    used(graph)


@pytest.mark.parametrize("asked", [None, 1, 3, 4, 5, 6, 7, 100])
@pytest.mark.parametrize("kind", ["tail", "beside", "deferred"])
def test_what_always_runs_is_kept_room_for(kind: str, asked: int | None) -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    start = "respond" if kind == "tail" else "classify"
    if kind == "tail":
        builder.edges.discard(("respond", END))
    names = ["a", "b", "c", "d"]
    for name in names:
        builder.add_node(name, idle, defer=kind == "deferred" and name == "b")
    for source, target in zip([start, *names], [*names, END], strict=True):
        builder.add_edge(source, target)
    graph = compile_graph(builder, services, settings=Settings())
    for given_input in (ASK, CODE):
        used(graph, given_input, asked=asked)


def test_a_deferred_node_that_waits_for_the_whole_turn_is_in_the_bound() -> None:
    graph = with_node("late", line(3).compile(), after="classify", defer=True)
    steps = [
        part
        for part in graph.stream(CODE, stream_mode="tasks", subgraphs=False, version="v2")
        if "result" in part["data"]
    ]
    assert len(steps) + 1 <= graph.bounds().supersteps


def test_a_router_that_may_return_several_nodes_counts_all_of_them() -> None:
    def several(state: State) -> list[str]:
        del state
        return ["a", "b", "respond"]

    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.add_node("a", costly(coding=1))
    builder.add_node("b", costly(coding=1))
    builder.branches["reason"].clear()
    builder.add_conditional_edges("reason", several, ["a", "b", "respond"])
    graph = compile_graph(builder, services, settings=Settings())
    assert graph.bounds().model_calls == 3
    used(graph)


def route_wrongly(state: State) -> str:
    del state
    return ["respond", "code"]  # type: ignore[return-value]  # what is tested


def test_a_router_that_returns_more_than_its_annotation_says_is_named() -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.branches["reason"].clear()
    builder.add_conditional_edges("reason", route_wrongly, ["respond", "code"])
    graph = compile_graph(builder, services, settings=Settings())
    with pytest.raises(ValueError, match="after reason returned 2 nodes and its annotation says one"):
        graph.invoke(ASK)


@pytest.mark.parametrize(("declared", "sent"), [({}, 1), ({("reason", "work"): 3}, 3)])
def test_a_fan_out_beyond_what_is_declared_is_named(declared: dict[tuple[str, str], int], sent: int) -> None:
    def spread(count: int) -> Callable[[State], list[Send | str]]:
        def route(state: State) -> list[Send | str]:
            return [*[Send("work", state) for _ in range(count)], "respond"]

        return route

    for count in (sent, sent + 1):
        services = Services.from_settings(Settings())
        builder = assemble(make_nodes(services))
        builder.add_node("work", costly(sandbox_runs=1))
        builder.branches["reason"].clear()
        builder.add_conditional_edges("reason", spread(count), ["work", "respond"])
        graph = compile_graph(builder, services, settings=Settings(), fan_outs=declared)
        assert graph.bounds().sandbox_runs == max(2, sent)  # a review runs the sandbox twice
        if count == sent:
            used(graph)
        else:
            with pytest.raises(ValueError, match=rf"sent {count} copies of work and {sent} are declared"):
                graph.invoke(ASK)


def test_retries_by_langgraph_are_in_the_bound() -> None:
    policy = RetryPolicy(max_attempts=4, max_interval=2.0, jitter=False)
    once = with_node("extra", costly(reasoning=1, seconds=3.0), after="classify").bounds()
    often = with_node(
        "extra", costly(reasoning=1, seconds=3.0), after="classify", retry_policy=policy
    ).bounds()
    assert often.model_calls == once.model_calls + 3
    sub = line(1, Cost(reasoning=1, sandbox_runs=0)).compile()
    assert with_node("sub", sub, after="classify", retry_policy=policy).bounds().model_calls == 7 + 4


def test_seconds_of_its_own_that_a_node_declares_are_not_cut_by_the_deadline() -> None:
    context = Context(turn_timeout_s=10)
    plain = with_node("extra", costly(), after="classify").bounds(context)
    slow = with_node("extra", costly(seconds=50.0), after="classify").bounds(context)
    assert slow.seconds == plain.seconds + 50


@pytest.mark.slow
def test_a_graph_of_thousands_of_nodes_and_a_guard_of_thousands_is_computed() -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    names = [f"n{at}" for at in range(2000)]
    for name in names:
        builder.add_node(name, idle)
    for source, target in zip(["classify", *names], [*names, END], strict=True):
        builder.add_edge(source, target)
    assert compile_graph(builder, services, settings=Settings()).bounds().supersteps == 2002


def test_a_node_before_the_first_counts_among_what_was_used() -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.edges.discard((START, "classify"))
    for name, after in (("first", START), ("second", "first")):
        builder.add_node(name, idle)
        builder.add_edge(after, name)
    builder.add_edge("second", "classify")
    graph = compile_graph(builder, services, settings=Settings(), checkpointer=InMemorySaver())
    for _ in range(2):
        result = graph.invoke(ASK, {"configurable": {"thread_id": "t"}})["result"]
        assert (
            result.bounds.used.supersteps
            == build_graph(Settings()).invoke(ASK)["result"].bounds.used.supersteps + 2
        )


@settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 6), st.integers(1, 30), st.data())
def test_any_acyclic_graph_around_the_stock_one_ends_with_any_step_limit(
    size: int, asked: int, data: st.DataObject
) -> None:
    """Nodes, edges, routers and deferrals at random; LangGraph's exception is never met."""
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    ran: list[int] = []

    async def count(state: Turn) -> Turn:
        ran.append(1)
        del state
        return Turn()

    count.cost = Cost(tool_calls=1)  # type: ignore[attr-defined]  # how a node declares it
    names = [f"n{at}" for at in range(size)]
    for name in names:
        builder.add_node(name, count, defer=data.draw(st.booleans()))
    hosts = ["classify", "reason", "respond"]
    for at, name in enumerate(names):
        for source in data.draw(st.sets(st.sampled_from([*hosts, *names[:at]]), max_size=2)) or {"classify"}:
            if source == "respond":
                builder.edges.discard(("respond", END))
            if source in hosts or data.draw(st.booleans()):
                builder.add_edge(source, name)
            else:
                ways = [name, END]
                choice = data.draw(st.lists(st.sampled_from(ways), min_size=1, max_size=2, unique=True))
                builder.add_conditional_edges(source, _choose(choice), ways)
    graph = compile_graph(builder, services, settings=Settings())
    result, bounds = used(graph, asked=asked)
    assert result.status in {"done", "limit"}
    assert len(ran) <= bounds.tool_calls


def _choose(choice: list[str]) -> Callable[[State], list[str]]:
    def route(state: State) -> list[str]:
        del state
        return choice

    route.__name__ = f"route_{id(choice)}"  # LangGraph names a branch after its router
    return route
