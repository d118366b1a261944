"""The shape of a state graph: which node can follow which, its cycles and its distances."""

from collections import deque
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from langgraph.graph import END, START, StateGraph
from langgraph.types import Command

Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Choice:
    """One decision after a node.

    Attributes:
        targets: The nodes to choose from.
        single: Whether at most one of them is chosen; a list of several runs them in parallel.
        by_router: Whether a router of the graph decides, and not the node by `Command(goto=…)`.
    """

    targets: frozenset[str]
    single: bool = True
    by_router: bool = True


@dataclass(frozen=True, slots=True)
class Shape:
    """Nodes and edges, read from a builder before it is compiled.

    Attributes:
        always: For each node, those that always follow it, in parallel.
        choices: For each node, its decisions; each is made on its own.
        fan_outs: How many copies of a node an edge can start at most, where a router may send more than one.
        deferred: The nodes that wait until all others have ended (`defer=True`).
    """

    always: Mapping[str, frozenset[str]]
    choices: Mapping[str, tuple[Choice, ...]]
    fan_outs: Mapping[Edge, int] = field(default_factory=dict)
    deferred: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls, builder: StateGraph[Any, Any, Any, Any], fan_outs: Mapping[Edge, int] | None = None
    ) -> "Shape":
        """Read a builder; a router that does not say where it leads may lead anywhere."""
        names = frozenset(builder.nodes)
        always: dict[str, set[str]] = {name: set() for name in (START, *names)}
        choices: dict[str, list[Choice]] = {name: [] for name in (START, *names)}
        for source, target in builder.edges:
            always[source].add(target)
        for sources, target in builder.waiting_edges:
            for source in sources:
                always[source].add(target)
        for source, branches in builder.branches.items():
            for branch in branches.values():
                targets = frozenset(branch.ends.values()) if branch.ends else names | {END}
                choices[source].append(Choice(targets, single=gives_one(branch.path)))
        for name, node in builder.nodes.items():
            # A node that returns Command(goto=…), which may name several; its error handler may too.
            ends = {*(node.ends or ()), *_gotos(builder, node.error_handler_node)}
            if ends:
                choices[name].append(Choice(frozenset(ends), single=False, by_router=False))
        return cls(
            {name: frozenset(targets) for name, targets in always.items()},
            {name: tuple(made) for name, made in choices.items()},
            dict(fan_outs or {}),
            deferred=frozenset(name for name, node in builder.nodes.items() if node.defer),
        )

    def targets(self, name: str) -> frozenset[str]:
        """Every node that can follow `name`."""
        return self.always.get(name, frozenset()).union(
            *(made.targets for made in self.choices.get(name, ()))
        )

    def is_decided(self, source: str, target: str) -> bool:
        """Whether a router, and nothing else, decides to go from `source` to `target`."""
        made = [choice for choice in self.choices.get(source, ()) if target in choice.targets]
        routed = bool(made) and all(choice.by_router for choice in made)
        return routed and target not in self.always.get(source, ())

    def order(self, without: AbstractSet[Edge]) -> list[str]:
        """The nodes, each after all that can follow it.

        Raises:
            CycleError: When some edges besides those in `without` form a cycle.
        """
        sorter: TopologicalSorter[str] = TopologicalSorter()
        for name in sorted(self.always):
            after = sorted(self.targets(name) - {END})
            sorter.add(name, *(target for target in after if (name, target) not in without))
        return list(sorter.static_order())

    def cycle(self, without: AbstractSet[Edge]) -> list[str]:
        """A cycle that passes none of the edges in `without`, its first node again at its end; or nothing."""
        try:
            self.order(without)
        except CycleError as error:
            found = list(reversed(error.args[1]))[:-1]
            near = self.reached()
            first = found.index(min(found, key=lambda name: (near.get(name, len(near)), name)))
            return [*found[first:], *found[: first + 1]]
        return []

    def reached(self) -> dict[str, int]:
        """The nodes that can be reached from the start, with the fewest edges to each."""
        near = {START: 0}
        queue = deque([START])
        while queue:
            name = queue.popleft()
            for target in sorted(self.targets(name) - near.keys()):
                near[target] = near[name] + 1
                queue.append(target)
        return near

    def distances(self, goal: str, without: AbstractSet[Edge] = frozenset()) -> dict[str, int]:
        """The fewest supersteps from the start of each node to the end of `goal`, where it can be reached."""
        before: dict[str, set[str]] = {}
        for name in self.always:
            for target in self.targets(name):
                if (name, target) not in without:
                    before.setdefault(target, set()).add(name)
        distance = {goal: 1}
        queue = deque([goal])
        while queue:
            reached = queue.popleft()
            for name in sorted(before.get(reached, set()) - distance.keys()):
                distance[name] = distance[reached] + 1
                queue.append(name)
        return distance

    def path(self, start: str, goal: str) -> list[str]:
        """The shortest path from `start` to `goal`, both named; empty when there is none."""
        distance = self.distances(goal)
        path = [start] if start in distance else []
        while path and path[-1] != goal:
            path.append(min(self.targets(path[-1]) & distance.keys(), key=distance.__getitem__))
        return path


def _gotos(builder: StateGraph[Any, Any, Any, Any], handler: str | None) -> tuple[str, ...]:
    """Where an error handler is annotated to go, as `Command[Literal[…]]`."""
    if handler not in builder.nodes:
        return ()
    runnable = builder.nodes[handler].runnable
    hint = _returns(getattr(runnable, "func", None) or getattr(runnable, "afunc", None))
    if get_origin(hint) is not Command:
        return ()
    return tuple(target for part in get_args(hint) for target in get_args(part) if isinstance(target, str))


def gives_one(router: object) -> bool:
    """Whether a router is annotated to return one node; one that says nothing may return several."""
    function: Callable[..., object] | None = getattr(router, "func", None) or getattr(router, "afunc", None)
    return _is_one(_returns(function))


def _returns(function: Callable[..., object] | None) -> object:
    """What a function is annotated to return; None when it says nothing that can be read."""
    try:
        return get_type_hints(function).get("return") if function else None
    except (NameError, TypeError):
        return None


def _is_one(hint: object) -> bool:
    if get_origin(hint) in {Union, UnionType}:
        return all(_is_one(part) for part in get_args(hint))
    return get_origin(hint) is Literal or (isinstance(hint, type) and issubclass(hint, str | int | Enum))
