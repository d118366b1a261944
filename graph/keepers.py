"""Routers that keep to what the bound was computed from: guards, lanes, fan-outs, and room for the answer."""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from math import inf
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langgraph.graph import END, StateGraph
from langgraph.graph._branch import BranchSpec
from langgraph.pregel._read import ChannelRead
from langgraph.types import Send

from graph.guards import ANSWER, Guard, limit_of
from graph.needs import needs
from graph.shape import Edge, Shape, gives_one
from nodes import WALK, Walk
from nodes.context import Route


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
    known = {name for schema in builder.schemas.values() for name in schema}
    for source, branches in builder.branches.items():
        own = [guard for guard in guards if guard.source == source]
        rules = _Rules(
            source=source,
            channels=sorted({"request", "remaining_steps", *(guard.counter for guard in own)} & known),
            guards=own,
            open_to={target: routes for (start, target), routes in lanes.items() if start == source},
            reserve=reserve,
            ways=(shape.targets(source) & to_answer) or shape.targets(source),
            fan_outs={target: n for (start, target), n in shape.fan_outs.items() if start == source},
        )
        for name, branch in branches.items():
            keeper = _Keeper(branch, rules)
            branches[name] = branch._replace(
                path=keeper, ends={target: target for target in shape.targets(source)}
            )


def unwrap_routers(builder: StateGraph[Any, Any, Any, Any]) -> None:
    """Take the routers out again that an earlier compilation of the same builder wrapped."""
    for branches in builder.branches.values():
        for name, branch in branches.items():
            if isinstance(branch.path, _Keeper):
                branches[name] = branch.path.original


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the routers after one node keep to.

    Attributes:
        source: The node.
        channels: What guards and lanes read of the state; a router need not name it.
        guards: Those of edges that leave the node.
        open_to: For a target that not every kind of turn may take, the kinds that may.
        reserve: The supersteps that each node needs to end well.
        ways: The targets that lead to the answer.
        fan_outs: How many copies of a target may be started.
    """

    source: str
    channels: Sequence[str]
    guards: Sequence[Guard]
    open_to: Mapping[str, frozenset[Route]]
    reserve: Mapping[str, int]
    ways: AbstractSet[str]
    fan_outs: Mapping[str, int]


class _Keeper(Runnable[Any, Any]):
    """A router that corrects another one. Routers are pure and quick, so they run on the event loop."""

    def __init__(self, original: BranchSpec, rules: _Rules) -> None:
        self.original = original
        self._path = original.path
        self._labels = original.ends or {}
        self._is_async = getattr(original.path, "afunc", None) is not None
        self._gives_one = gives_one(original.path)
        self._rules = rules

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ANN401
        """Correct the choice of a router."""
        return self._correct(self._path.invoke(input, config, **kwargs), config or {})

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002, ANN401
        """Correct the choice of a router, async or not."""
        if self._is_async:
            return self._correct(await self._path.ainvoke(input, config, **kwargs), config or {})
        return self.invoke(input, config, **kwargs)

    def _correct(self, choice: Any, config: RunnableConfig) -> Any:  # noqa: ANN401
        """Put what may not be chosen any more in the place of each node that was chosen."""
        chosen = list(choice) if isinstance(choice, list | tuple) else [choice]
        self._count([one.node if isinstance(one, Send) else self._labels.get(one, one) for one in chosen])
        state = ChannelRead.do_read(config, select=list(self._rules.channels), fresh=True)
        correction = _Correction(self._rules, state, config.get("configurable", {}).get(WALK))
        allowed = [
            correction.of(one if isinstance(one, Send) else self._labels.get(one, one)) for one in chosen
        ]
        return allowed if len(allowed) != 1 else allowed[0]

    def _count(self, chosen: Sequence[str]) -> None:
        """Make sure that no more is started than the bound was computed for.

        Raises:
            ValueError: When it is, which no limit could turn into an answer: the graph is declared wrongly.
        """
        source = self._rules.source
        for node, copies in Counter(chosen).items():
            if node != END and copies > (most := self._rules.fan_outs.get(node, 1)):
                raise ValueError(
                    f"The router after {source} sent {copies} copies of {node} and {most} "
                    f"are declared: pass fan_outs={{({source!r}, {node!r}): N}} to compile_graph."
                )
        if self._gives_one and len(chosen) > 1:
            raise ValueError(
                f"The router after {source} returned {len(chosen)} nodes and its annotation says one: "
                "annotate it as list[str]."
            )


class _Correction:
    """What one decision comes to in one state of the turn.

    Outside a run, as when a person edits the state of a thread, only guards and lanes hold: the steps
    that LangGraph counts then are not those of a turn.
    """

    def __init__(self, rules: _Rules, state: Mapping[str, Any], walk: Walk | None) -> None:
        self._rules = rules
        self._state = state
        self._walk = walk
        request = state.get("request")
        self._route = request.route if request is not None else None
        limits = walk.limits if walk is not None else request.limits if request is not None else None
        self._exhausted = {
            guard.target: guard
            for guard in rules.guards
            if limits and self._is_exhausted(guard, limit_of(guard, limits))
        }

    def of(self, choice: str | Send) -> str | Send:
        """What may be chosen in the place of `choice`, or itself."""
        wanted = choice.node if isinstance(choice, Send) else choice
        node = wanted
        if self._route is not None and self._route not in self._rules.open_to.get(node, {self._route}):
            node = ANSWER
        if node in self._exhausted:
            guard = self._exhausted[node]
            node = guard.otherwise
            if self._walk is not None:
                self._walk.struck.add(guard.name)
        node = self._in_time(node)
        if self._walk is not None:
            self._walk.passes.update(guard.name for guard in self._rules.guards if guard.target == node)
        return choice if node == wanted else node

    def _is_exhausted(self, guard: Guard, limit: int) -> bool:
        # Guards that share a channel count together.
        own = [each.name for each in self._rules.guards if each.counter == guard.counter]
        passed = sum(self._walk.passes[name] for name in own) if self._walk is not None else 0
        # The node counts a pass before it asks for it, and we count what it forgets.
        return (self._state.get(guard.counter) or 0) > limit or passed >= limit

    def _in_time(self, node: str) -> str:
        """The node, or where few supersteps are left the one from which the turn ends soonest."""
        steps = self._state.get("remaining_steps")
        if self._walk is None or steps is None or node == END or steps > self._rules.reserve.get(node, 0):
            return node
        self._walk.is_cut = True
        ways = sorted(self._rules.ways - self._exhausted.keys()) or [node]
        return min(ways, key=lambda name: self._rules.reserve.get(name, inf))
