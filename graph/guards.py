"""Guards: what counts each way back, and the routers that keep to them.

A graph ends if every cycle passes a guard, because a guard's edge is taken a limited number of
times. Here the cycles are found, the ones without a guard refused, and the routers wrapped, so
that neither a guard nor LangGraph's own step limit can be overrun.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import inf
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph import END, StateGraph
from langgraph.types import Send

from graph.needs import needs
from graph.shape import Edge, Shape, gives_one
from nodes import TurnLimits
from nodes.context import Route

ANSWER = "respond"
"""The node that every turn ends in."""


@dataclass(frozen=True, slots=True)
class Guard:
    """One conditional edge that leads back, and the channel that counts how often it was taken.

    Attributes:
        name: As bounds and messages name it.
        source: The node that the edge leaves; it increments `counter` before it asks to go back.
        target: The node that the edge leads back to.
        counter: The state channel that counts.
        limit: How often a turn may take the edge, from the turn's limits.
        otherwise: Where the turn goes when the limit is used up.
    """

    name: str
    source: str
    target: str
    counter: str
    limit: Callable[[TurnLimits], int]
    otherwise: str = ANSWER


APPROVAL = Guard(
    "approval",
    "reason",
    "approve",
    "approvals",
    lambda limits: int(limits.plan_approval),
    otherwise="code",
)
"""Not a way back: it keeps the bound from counting a question that is not asked."""

REPAIRS = Guard("repairs", "review", "code", "repairs", lambda limits: limits.max_repairs)


class UnguardedCycleError(ValueError):
    """The graph has a way back that nothing counts, so it might never end."""


def check_guards(shape: Shape, guards: Sequence[Guard]) -> None:
    """Make sure that every cycle passes a guard, and that every guard guards an edge.

    Raises:
        UnguardedCycleError: Naming the first cycle that no guard counts.
        ValueError: When a guard names an edge that the graph lacks, or one that no router decides.
    """
    for guard in guards:
        if not shape.is_decided(guard.source, guard.target):
            raise ValueError(
                f"The guard {guard.name!r} is for the edge {guard.source} → {guard.target}, which no router "
                "of the graph takes: a guard needs a conditional edge."
            )
    if cycle := shape.cycle(without={(guard.source, guard.target) for guard in guards}):
        raise UnguardedCycleError(
            f"The cycle {' → '.join(cycle)} has no guard, so the graph might never end: pass "
            f"guards=[*GUARDS, Guard(…)] for one of its conditional edges, or remove an edge."
        )


def wrap_routers(
    builder: StateGraph[Any, Any, Any, Any],
    shape: Shape,
    guards: Sequence[Guard],
    lanes: Mapping[Edge, frozenset[Route]],
) -> None:
    """Make every router keep to guards, lanes and declared fan-outs, and leave enough steps to end well."""
    guarded = {(guard.source, guard.target) for guard in guards}
    reserve = needs(shape, ANSWER, guarded)
    to_answer = shape.distances(ANSWER, guarded).keys()
    for source, branches in builder.branches.items():
        for name, branch in branches.items():
            keeper = _Keeper(
                path=branch.path,
                source=source,
                guards=[guard for guard in guards if guard.source == source],
                open_to={target: routes for (start, target), routes in lanes.items() if start == source},
                reserve=reserve,
                ways=(shape.targets(source) & to_answer) or shape.targets(source),
                labels=branch.ends or {},
                fan_outs={target: n for (start, target), n in shape.fan_outs.items() if start == source},
            )
            branches[name] = branch._replace(
                path=keeper,
                ends={target: target for target in shape.targets(source)},
                input_schema=None,  # the state of the node: guards read channels that a router need not name
            )


class _Keeper(Runnable[Any, Any]):
    """A router that corrects another one. Routers are pure and quick, so they run on the event loop."""

    def __init__(  # noqa: PLR0913  # all that a router keeps to
        self,
        *,
        path: Runnable[Any, Any],
        source: str,
        guards: Sequence[Guard],
        open_to: Mapping[str, frozenset[Route]],
        reserve: Mapping[str, int],
        ways: AbstractSet[str],
        labels: Mapping[Hashable, str],
        fan_outs: Mapping[str, int],
    ) -> None:
        self._path = path
        self._is_async = getattr(path, "afunc", None) is not None
        self._gives_one = gives_one(path)
        self._source = source
        self._guards = guards
        self._open_to = open_to
        self._reserve = reserve
        self._ways = ways
        self._labels = labels
        self._fan_outs = fan_outs

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ANN401
        """Correct the choice of a router."""
        return self._correct(input, self._path.invoke(input, config, **kwargs))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ANN401
        """Correct the choice of a router, async or not."""
        if self._is_async:
            return self._correct(input, await self._path.ainvoke(input, config, **kwargs))
        return self.invoke(input, config, **kwargs)

    def _correct(self, state: Any, choice: Any) -> Any:  # noqa: ANN401
        """Put what may not be chosen any more in the place of each node that was chosen."""
        if not isinstance(choice, list | tuple):
            choice = [choice]
        self._count([one.node for one in choice if isinstance(one, Send)], choice)
        allowed = [self._allowed(state, one) for one in choice]
        return allowed if len(allowed) != 1 else allowed[0]

    def _count(self, sent: Sequence[str], chosen: Sequence[Any]) -> None:
        """Make sure that no more is started than the bound was computed for.

        Raises:
            ValueError: When it is, which no limit could turn into an answer: the graph is declared wrongly.
        """
        for node in set(sent):
            if sent.count(node) > (most := self._fan_outs.get(node, 1)):
                raise ValueError(
                    f"The router after {self._source} sent {sent.count(node)} copies of {node} and {most} "
                    f"are declared: pass fan_outs={{({self._source!r}, {node!r}): N}} to compile_graph."
                )
        if self._gives_one and len(chosen) > 1:
            raise ValueError(
                f"The router after {self._source} returned {len(chosen)} nodes and its annotation says one: "
                "annotate it as list[str]."
            )

    def _allowed(self, state: Any, choice: Any) -> Any:  # noqa: ANN401
        if not isinstance(choice, Send):
            choice = self._guarded(state, self._labels.get(choice, choice))
        node = choice.node if isinstance(choice, Send) else choice
        steps = state.get("remaining_steps")
        if steps is None or node == END or steps > self._reserve.get(node, 0):
            return choice
        return min(sorted(self._ways), key=lambda name: self._reserve.get(name, inf))

    def _guarded(self, state: Any, choice: Any) -> Any:  # noqa: ANN401
        request = state.get("request")
        if request is not None and request.route not in self._open_to.get(choice, {request.route}):
            choice = ANSWER
        for guard in self._guards:
            if choice != guard.target or request is None:
                continue
            if (state.get(guard.counter) or 0) > guard.limit(request.limits):
                choice = guard.otherwise
        return choice
