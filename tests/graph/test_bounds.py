"""The bound is computed from the graph as it is, and a graph that might never end is refused."""

from collections.abc import Callable, Hashable
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command, Send
from typing_extensions import TypedDict

from graph.bounds import Plan
from graph.build import GUARDS, assemble, build_graph, compile_graph, make_nodes
from graph.guards import Guard, UnguardedCycleError
from graph.money import Rates
from graph.services import Services
from graph.settings import Settings
from graph.shape import Choice, Shape
from graph.state import Context, State
from nodes import Cost, Turn, TurnLimits
from providers import ChainFacts, Price

FREE = Price(0.0, 0.0, "test")


def facts(attempts: int = 1, seconds: float = 10.0, price: Price | None = FREE) -> ChainFacts:
    return ChainFacts(attempts, attempts * seconds, (price,) * attempts, ("test",) * attempts)


def rates(reasoning: ChainFacts | None = None, coding: ChainFacts | None = None) -> Rates:
    return Rates(reasoning=reasoning or facts(), coding=coding or facts(), sandbox_s=5.0)


def stock() -> Plan:
    account = build_graph(Settings()).account
    assert account is not None
    return account.plan


class Line(TypedDict, total=False):
    n: int


async def step(state: Line) -> Line:
    return state


@pytest.mark.parametrize("repairs", range(11))
def test_the_stock_graph_by_hand(repairs: int) -> None:
    bounds = stock().bounds(TurnLimits(max_repairs=repairs), rates())
    assert bounds.supersteps == 1 + 5 + 3 * (1 + repairs)
    assert bounds.model_calls == 1 + 2 * (1 + repairs)
    assert bounds.sandbox_runs == max(1 + repairs, 2)  # a review runs the code, then its findings' tests
    assert bounds.tool_calls == 0
    assert [(cycle.nodes, cycle.guard, cycle.limit) for cycle in bounds.cycles] == [
        (["code", "verify", "review"], "repairs", repairs)
    ]
    assert bounds.undeclared == []


def test_a_chain_counts_each_of_its_models() -> None:
    bounds = stock().bounds(TurnLimits(max_repairs=1), rates(facts(3), facts(2)))
    assert bounds.model_calls == 3 + 2 * (2 + 3)


def test_an_answer_in_a_form_counts_both_questions_and_what_servers_refuse() -> None:
    builder = StateGraph(Line)
    builder.add_node("ask", step)
    builder.add_edge(START, "ask")
    builder.add_edge("ask", END)
    chain = ChainFacts(2, 20.0, (FREE,), ("test",), refusals=3, refusal_seconds=30.0)
    for cost in (Cost(reasoning_forms=1), Cost(coding_forms=1)):
        bounds = Plan(Shape.of(builder), (), {"ask": cost}).bounds(TurnLimits(), rates(chain, chain))
        assert (bounds.model_calls, bounds.seconds) == (2 * 2 + 3, 2 * 20 + 30 + bounds.supersteps)


def test_a_limit_that_is_smaller_wins() -> None:
    assert stock().bounds(TurnLimits(max_model_calls=2), rates()).model_calls == 2


def test_seconds_are_the_waits_or_the_deadline() -> None:
    waits = stock().bounds(TurnLimits(max_repairs=0), rates())
    assert waits.seconds == 3 * 10 + 5 + 2.5 + waits.supersteps  # two and a half for memory
    assert (
        stock().bounds(TurnLimits(max_repairs=0, turn_timeout_s=7), rates()).seconds == 7 + waits.supersteps
    )


@pytest.mark.parametrize(
    ("price", "limits", "cost"),
    [
        (FREE, {}, 0.0),
        (None, {}, None),
        (None, {"max_cost_usd": 1.0}, None),
        (Price(1.0, 2.0, "test"), {}, None),
        (Price(1.0, 2.0, "test"), {"max_cost_usd": 0.5}, 0.5),
        (Price(1.0, 2.0, "test"), {"max_input_tokens": 1000, "max_output_tokens": 500}, 0.002),
    ],
)
def test_money_is_known_only_where_every_price_is(
    price: Price | None, limits: dict[str, float], cost: float | None
) -> None:
    bounds = stock().bounds(TurnLimits.model_validate(limits), rates(facts(price=price), facts(price=price)))
    assert bounds.cost_usd == cost


def test_an_edge_back_that_nothing_counts_is_refused_by_name() -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.add_edge("respond", "classify")
    with pytest.raises(UnguardedCycleError, match=r"classify → .*respond → classify"):
        compile_graph(builder, services, settings=Settings())


def test_a_self_loop_is_a_cycle() -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.add_edge("verify", "verify")
    with pytest.raises(UnguardedCycleError, match="verify → verify"):
        compile_graph(builder, services, settings=Settings())


def test_a_guard_needs_an_edge_that_a_router_decides() -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.add_edge("respond", "classify")
    guard = Guard("again", "respond", "classify", "repairs", lambda limits: limits.max_repairs)
    with pytest.raises(ValueError, match="respond → classify, which no router"):
        compile_graph(builder, services, settings=Settings(), guards=[*GUARDS, guard])


def test_a_guarded_cycle_of_your_own_counts() -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))

    async def replan(state: Turn) -> Turn:
        return Turn(repairs=state.get("repairs", 0) + 1)

    replan.cost = Cost(reasoning=2)  # type: ignore[attr-defined]  # how a node declares it

    def after(state: State) -> str:
        return "code" if state.get("repairs", 0) < 5 else "respond"

    builder.add_node("replan", replan)
    builder.add_edge("review", "replan")
    builder.add_conditional_edges("replan", after, ["code", "respond"])
    guard = Guard("replans", "replan", "code", "repairs", lambda limits: limits.max_repairs)
    graph = compile_graph(builder, services, settings=Settings(), guards=[*GUARDS, guard])
    assert graph.account is not None
    bounds = graph.account.bounds(Context(max_repairs=1))
    assert {cycle.guard for cycle in bounds.cycles} == {"repairs", "replans"}
    assert bounds.model_calls > build_graph(Settings()).account.bounds(Context(max_repairs=1)).model_calls  # type: ignore[union-attr]


def test_a_node_that_declares_nothing_is_named() -> None:
    services = Services.from_settings(Settings())

    async def mine(state: Turn) -> Turn:
        return Turn(verdict=state.get("verdict"))

    graph = build_graph(Settings(), services=services, nodes={"review": mine})
    assert graph.account is not None
    assert graph.account.bounds().undeclared == ["review"]


def test_parallel_nodes_add_up_in_calls_but_not_in_steps() -> None:
    builder = StateGraph(Line)
    for name in ("a", "b", "c", "d"):
        builder.add_node(name, step)
    builder.add_edge(START, "a")
    builder.add_edge("a", "b")
    builder.add_edge("a", "c")
    builder.add_edge(["b", "c"], "d")
    builder.add_edge("d", END)
    plan = Plan(Shape.of(builder), (), {"b": Cost(reasoning=1), "c": Cost(reasoning=1)})
    assert plan.supersteps(TurnLimits()) == 4
    assert plan.bounds(TurnLimits(), rates()).model_calls == 2


def test_a_declared_fan_out_multiplies() -> None:
    builder = StateGraph(Line)
    builder.add_node("split", step)
    builder.add_node("work", step)
    builder.add_edge(START, "split")

    def spread(state: Line) -> list[Send]:
        return [Send("work", state)] * 3

    builder.add_conditional_edges("split", spread, ["work"])
    plan = Plan(Shape.of(builder, {("split", "work"): 3}), (), {"work": Cost(reasoning=1)})
    assert plan.bounds(TurnLimits(), rates()).model_calls == 3


def test_a_subgraph_counts_its_steps_and_its_cycles_are_refused() -> None:
    inner = StateGraph(State)
    inner.add_node("x", step)
    inner.add_node("y", step)
    inner.add_edge(START, "x")
    inner.add_edge("x", "y")
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services))
    builder.add_node("sub", inner.compile())
    builder.add_edge("classify", "sub")
    builder.add_edge("sub", END)
    graph = compile_graph(builder, services, settings=Settings())
    assert graph.account is not None
    assert graph.bounds().supersteps == build_graph(Settings()).bounds().supersteps
    assert graph.account.plan.inner["sub"].step_limit(TurnLimits(), Context()) == 3
    inner.add_edge("y", "x")
    builder = assemble(make_nodes(services))
    builder.add_node("sub", inner.compile())
    builder.add_edge("classify", "sub")
    builder.add_edge("sub", END)
    with pytest.raises(UnguardedCycleError, match=r"x → y → x"):
        compile_graph(builder, services, settings=Settings())


@given(st.integers(2, 7), st.data())
def test_the_bound_holds_on_any_walk_of_any_guarded_graph(size: int, data: st.DataObject) -> None:
    names = [f"n{at}" for at in range(size)]
    forward = {
        name: frozenset(data.draw(st.sets(st.sampled_from([*names[at + 1 :], END]), min_size=1)))
        for at, name in enumerate(names)
    }
    back_to = data.draw(st.integers(0, size - 2))
    back_from = data.draw(st.integers(back_to, size - 1))
    guard = Guard("back", names[back_from], names[back_to], "repairs", lambda limits: limits.max_repairs)
    choices = {name: (Choice(targets),) for name, targets in forward.items()}
    choices[guard.source] = (Choice(forward[guard.source] | {guard.target}),)
    shape = Shape({START: frozenset({names[0]}), **{n: frozenset() for n in names}}, {START: (), **choices})
    limit = data.draw(st.integers(0, 4))
    plan = Plan(shape, (guard,), {})
    most = plan.supersteps(TurnLimits(max_repairs=limit))
    at, passed, steps = names[0], 0, 1
    while at != END:
        steps += 1
        options = sorted(
            t for t in choices[at][0].targets if (at, t) != (guard.source, guard.target) or passed < limit
        )
        target = data.draw(st.sampled_from(options))
        passed += (at, target) == (guard.source, guard.target)
        at = target
    assert steps <= most


async def _always_again(state: Turn) -> Turn:
    return Turn(verdict="repair", repairs=state.get("repairs", 0) + 1)


class OnlyVerdict(TypedDict, total=False):
    verdict: str


def narrow(state: OnlyVerdict) -> str:
    del state
    return "code"


@pytest.mark.parametrize(
    ("router", "ends"),
    [
        (lambda _: ["code"], ["code", "respond"]),
        (lambda _: "again", {"again": "code", "done": "respond"}),
        (lambda _: True, {True: "code", False: "respond"}),
        (narrow, ["code", "respond"]),
    ],
    ids=["list", "labels", "booleans", "narrow state"],
)
def test_a_router_keeps_to_the_guard_however_it_is_written(
    router: Callable[..., Any], ends: dict[Hashable, str] | list[str]
) -> None:
    services = Services.from_settings(Settings())
    builder = assemble(make_nodes(services) | {"review": _always_again})
    builder.branches["review"].clear()
    builder.add_conditional_edges("review", router, ends)
    graph = compile_graph(builder, services, settings=Settings())
    values = graph.invoke({"messages": [HumanMessage("Write a function is_prime(n)")]})
    assert values["result"].stop_reason == "repairs_exhausted"
    assert values["result"].repairs == 3  # counted by the node, taken twice


def test_a_way_back_by_command_is_refused_because_no_router_can_guard_it() -> None:
    services = Services.from_settings(Settings())

    async def review(state: Turn) -> Command[Literal["code", "respond"]]:
        return Command(goto="code", update=state)

    nodes: dict[str, Any] = {**make_nodes(services), "review": review}
    builder = assemble(nodes)
    builder.branches["review"].clear()
    with pytest.raises(ValueError, match=r"review → code, which no router"):
        compile_graph(builder, services, settings=Settings(), guards=GUARDS)
    with pytest.raises(UnguardedCycleError, match="verify → review → code → verify"):
        compile_graph(builder, services, settings=Settings(), guards=GUARDS[1:])
