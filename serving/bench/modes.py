"""The modes: the stock nodes on shorter ways, so that what a step adds can be measured; each has a bound."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import ClassVar, Literal

from langgraph.graph import END, START, StateGraph

from graph.build import build_graph, compile_graph, make_nodes
from graph.compiled import DuoGraph
from graph.services import Services
from graph.settings import Settings
from graph.state import Context, Input, Output, State
from nodes import Candidate, Cost, Node, StopReason, Turn
from sandbox import Evidence, VerificationStatus

WAYS: Mapping[str, Sequence[str]] = {
    "solo": ("classify", "code", "settle", "respond"),
    "split": ("classify", "reason", "code", "settle", "respond"),
    "split+verify": ("classify", "reason", "code", "verify", "settle", "respond"),
}
"""The nodes of each mode in order; `full` is the stock graph and no line."""

_UNPROVED = Evidence(status="not_executed", reason="this mode of the benchmark runs nothing")
_REASONS: Mapping[VerificationStatus, StopReason] = {
    "verified": StopReason.COMPLETED,
    "failed": StopReason.REPAIRS_EXHAUSTED,
}


class Settle:
    """Stands where the review would: what was written is the answer, with the evidence there is."""

    cost: ClassVar[Cost] = Cost()

    async def __call__(self, state: Turn) -> Turn:
        """End the turn; calls no model."""
        evidence = state.get("evidence") or _UNPROVED
        best = state.get("best") or Candidate(files=state.get("files", []), evidence=evidence)
        reason = _REASONS.get(evidence.status, StopReason.NOT_EXECUTED)
        return Turn(verdict="stop", stop_reason=reason, best=best)


def build_mode(mode: str, services: Services, settings: Settings) -> DuoGraph:
    """The compiled graph of a mode, with its bound and without a session.

    Args:
        mode: One of `MODES`.
        services: The same models and verifier for every mode.
        settings: Its limits hold in every mode.

    Raises:
        KeyError: When there is no such mode.
    """
    if mode == "full":
        return build_graph(settings, services=services)
    nodes: dict[str, Node] = make_nodes(services, settings.limits) | {"settle": Settle()}
    return compile_graph(_assemble(nodes, WAYS[mode]), services, settings=settings, guards=())


def _assemble(nodes: Mapping[str, Node], way: Sequence[str]) -> StateGraph[State, Context, Input, Output]:
    """A line of nodes, each of which may end the turn early."""
    builder = StateGraph(State, context_schema=Context, input_schema=Input, output_schema=Output)
    for name in way:
        builder.add_node(name, nodes[name])
    builder.add_edge(START, way[0])
    for name, following in pairwise(way[:-1]):
        builder.add_conditional_edges(name, _after, {"on": following, "end": way[-1]})
    builder.add_edge(way[-2], way[-1])
    builder.add_edge(way[-1], END)
    return builder


def _after(state: State) -> Literal["on", "end"]:
    """Go on unless a node has ended the turn: a limit struck, a model failed or declined."""
    return "end" if state.get("stop_reason") else "on"
