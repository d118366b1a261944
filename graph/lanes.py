"""Lanes: the edges that only turns of one kind take, so that the bound counts no walk that cannot happen.

`classify` decides the route of a turn once. The routers are held to it, and the bound is the largest over
the routes, each computed without the edges that are closed to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import get_args

from graph.shape import Edge, Shape
from nodes.context import Route

ROUTES: tuple[Route, ...] = get_args(Route)
LANES: dict[Edge, frozenset[Route]] = {
    ("recall", "knowledge"): frozenset({"knowledge"}),
    ("recall", "reason"): frozenset({"code", "answer"}),
    ("recall", "verify"): frozenset({"review"}),
    ("reason", "approve"): frozenset({"code"}),
    ("reason", "code"): frozenset({"code"}),
    ("review", "code"): frozenset({"code"}),
    ("review", "demonstrate"): frozenset({"review"}),
}
"""Which routes may take an edge of the stock graph; an edge that is not here is open to all."""

LENT_LANES: dict[Edge, frozenset[Route]] = {
    ("reason", "tools"): frozenset({"answer"}),
    ("reason", "consent"): frozenset({"answer"}),
}
"""The same where only specialists have tools: a plan gets none."""


def shapes_of(shape: Shape, lanes: Mapping[Edge, frozenset[Route]]) -> Sequence[Shape]:
    """The graph as each route sees it.

    Only edges that a router decides can be closed: nothing holds the others to a lane.
    """
    return [
        without(
            shape,
            {edge for edge, routes in lanes.items() if route not in routes and shape.is_decided(*edge)},
        )
        for route in ROUTES
    ]


def without(shape: Shape, closed: set[Edge]) -> Shape:
    """The same graph without some edges."""
    return replace(
        shape,
        choices={
            source: tuple(
                replace(
                    choice,
                    targets=frozenset(target for target in choice.targets if (source, target) not in closed),
                )
                for choice in made
            )
            for source, made in shape.choices.items()
        },
    )
