"""The shape of a state graph: which node can follow which, its cycles and its distances."""

from collections import deque
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any

from langgraph.graph import END, START, StateGraph

Edge = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Shape:
    """Nodes and edges, read from a builder before it is compiled.

    Attributes:
        always: For each node, those that always follow it, in parallel.
        choices: For each node, the sets of which a router takes one each.
        decided: The edges that a router of the graph decides, and not a node by `Command(goto=…)`.
        fan_outs: How many copies of a node an edge can start at most, where a router may send more than one.
    """

    always: Mapping[str, frozenset[str]]
    choices: Mapping[str, tuple[frozenset[str], ...]]
    decided: frozenset[Edge] = frozenset()
    fan_outs: Mapping[Edge, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls, builder: StateGraph[Any, Any, Any, Any], fan_outs: Mapping[Edge, int] | None = None
    ) -> "Shape":
        """Read a builder; a router that does not say where it leads may lead anywhere."""
        names = frozenset(builder.nodes)
        always: dict[str, set[str]] = {name: set() for name in (START, *names)}
        choices: dict[str, list[frozenset[str]]] = {name: [] for name in (START, *names)}
        for source, target in builder.edges:
            always[source].add(target)
        for sources, target in builder.waiting_edges:
            for source in sources:
                always[source].add(target)
        for source, branches in builder.branches.items():
            for branch in branches.values():
                choices[source].append(frozenset(branch.ends.values()) if branch.ends else names | {END})
        decided = frozenset(
            (source, target) for source, sets in choices.items() for targets in sets for target in targets
        )
        for name, node in builder.nodes.items():
            if node.ends:  # a node that returns Command(goto=…)
                choices[name].append(frozenset(node.ends))
        return cls(
            {name: frozenset(targets) for name, targets in always.items()},
            {name: tuple(sets) for name, sets in choices.items()},
            decided,
            dict(fan_outs or {}),
        )

    def targets(self, name: str) -> frozenset[str]:
        """Every node that can follow `name`."""
        return self.always.get(name, frozenset()).union(*self.choices.get(name, ()))

    def is_decided(self, source: str, target: str) -> bool:
        """Whether a router decides to go from `source` to `target`."""
        return (source, target) in self.decided and target not in self.always.get(source, ())

    def cycle(self, without: AbstractSet[Edge]) -> Sequence[str]:
        """A cycle that passes none of the edges in `without`, its first node again at its end; or nothing."""
        done: set[str] = set()
        path: list[str] = []

        def visit(name: str) -> Sequence[str]:
            if name in path:
                return [*path[path.index(name) :], name]
            if name in done or name == END:
                return ()
            path.append(name)
            for target in sorted(self.targets(name)):
                if (name, target) not in without and (found := visit(target)):
                    return found
            path.pop()
            done.add(name)
            return ()

        for name in (START, *sorted(self.always)):
            if found := visit(name):
                return found
        return ()

    def distances(self, goal: str) -> dict[str, int]:
        """The fewest supersteps from the start of each node to the end of `goal`, where it can be reached."""
        distance = {goal: 1}
        queue = deque([goal])
        while queue:
            reached = queue.popleft()
            for name in self.always:
                if name not in distance and reached in self.targets(name):
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
