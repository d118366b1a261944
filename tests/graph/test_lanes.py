"""A turn of one kind cannot take the edges of another, so the bound counts no walk across kinds."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from langchain_core.messages import HumanMessage

from graph.build import assemble, build_graph, compile_graph, make_nodes
from graph.lanes import LANES, ROUTES, shapes_of
from graph.services import Services
from graph.settings import Settings
from graph.shape import Shape
from graph.state import Context, State
from nodes import TurnLimits
from sandbox import SourceFile
from tests.graph.test_limits_adversary import QuickVerifier

CODE = [SourceFile(path="solution.py", content="x = 1\n")]


def test_every_lane_is_an_edge_that_a_router_decides() -> None:
    shape = Shape.of(assemble(make_nodes(Services.from_settings(Settings()))))
    assert all(shape.is_decided(*edge) for edge in LANES)


def test_each_route_sees_its_own_edges_and_can_end() -> None:
    shape = Shape.of(assemble(make_nodes(Services.from_settings(Settings()))))
    by_route = dict(zip(ROUTES, shapes_of(shape, LANES), strict=True))
    assert by_route["review"].targets("recall") == {"verify", "respond"}
    assert by_route["knowledge"].targets("recall") == {"knowledge", "respond"}
    assert by_route["answer"].targets("reason") == {"consent", "tools", "respond"}
    assert "demonstrate" not in by_route["code"].targets("review")
    for own in by_route.values():
        assert own.distances("respond")["classify"] == 2


@pytest.mark.parametrize(("text", "code"), [("Write a function is_prime(n)", []), ("review this", CODE)])
def test_a_router_that_mixes_the_kinds_up_is_corrected(
    tmp_path: Path, text: str, code: list[SourceFile]
) -> None:
    settings = Settings(home=tmp_path)
    services = replace(Services.from_settings(settings), verifier=QuickVerifier())
    builder = assemble(make_nodes(services))
    builder.branches["review"].clear()

    def always_the_other(state: State) -> Literal["code", "demonstrate", "respond"]:
        request = state.get("request")
        assert request is not None
        return "code" if request.route == "review" else "demonstrate"

    builder.add_conditional_edges("review", always_the_other)
    graph = compile_graph(builder, services, settings=settings)
    walked = [
        name
        for part in graph.stream(
            {"messages": [HumanMessage(text)]}, context=Context(code=code), stream_mode="updates"
        )
        for name in part
    ]
    assert walked[-3:] == ["review", "respond", "enrich"]


@pytest.mark.parametrize("repairs", [0, 1, 5])
def test_the_bound_is_the_largest_of_the_lanes(repairs: int) -> None:
    account = build_graph(Settings()).account
    assert account is not None
    plan, limits = account.plan, TurnLimits(max_repairs=repairs)
    alone = [replace(plan, shape=shape, lanes=()).supersteps(limits) for shape in plan.lanes]
    assert alone == [9 + 3 * repairs, 6, 8, 6]
    assert plan.supersteps(limits) == max(alone)
    assert replace(plan, lanes=()).supersteps(limits) == max(alone) + 1  # across the kinds
