"""The most that a turn can use, computed from the graph, the guards and the limits before it runs.

With the guarded edges taken away the graph has no cycle, so every walk is a path between two
passes of a guard; the most that a walk can use follows by dynamic programming over the node it
is at and how often each guard was passed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import prod
from typing import Protocol

from langgraph.graph import END, START

from graph.guards import ANSWER, Guard, limit_of
from graph.money import Rates, most_money
from graph.needs import needs
from graph.shape import Shape
from nodes import FREE, Bounds, Context, Cost, Cycle, TurnLimits

OWN_WORK_S = 1.0
"""Seconds of its own that a superstep is granted on top of the waits for models and sandboxes."""


MOST_STATES = 200_000
"""Pairs of a node and how often each guard was passed: seconds of work, once for each choice of limits."""


class Inner(Protocol):
    """The bound of a node that is a graph itself."""

    def bounds(self, limits: TurnLimits, rates: Rates, context: Context) -> Bounds:
        """The most that one run of it can use."""
        ...

    def step_limit(self, limits: TurnLimits, context: Context) -> int:
        """The largest step limit that it, or a graph inside it, needs."""
        ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What the bound is computed from.

    Attributes:
        shape: The graph.
        guards: What counts its cycles.
        costs: What each node declares; a node that is absent declared nothing.
        inner: The nodes that are graphs themselves.
        lanes: The graph as each kind of turn sees it; the whole graph when there are none.
    """

    shape: Shape
    guards: Sequence[Guard]
    costs: Mapping[str, Cost]
    inner: Mapping[str, Inner] = field(default_factory=dict)
    lanes: Sequence[Shape] = ()
    _orders: dict[int, list[str]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def most(
        self, limits: TurnLimits, weight: Callable[[str], float], *, parallel_adds: bool = True
    ) -> float:
        """The largest sum of `weight` over any walk from the start.

        Args:
            limits: How often each guard may be passed.
            weight: What one execution of a node adds.
            parallel_adds: Whether nodes of one superstep add up; they do not in time.
        """
        return max(
            self._most_in(lane, limits, weight, parallel_adds=parallel_adds)
            for lane in self.lanes or (self.shape,)
        )

    def _most_in(
        self, shape: Shape, limits: TurnLimits, weight: Callable[[str], float], *, parallel_adds: bool
    ) -> float:
        """The largest sum of `weight` over any walk in one lane."""
        counters = list(dict.fromkeys((guard.source, guard.counter) for guard in self.guards))
        most = {(guard.source, guard.target): limit_of(guard, limits) for guard in self.guards}
        guarded = {
            (guard.source, guard.target): counters.index((guard.source, guard.counter))
            for guard in self.guards
        }
        caps = tuple(
            max(most[edge] for edge, place in guarded.items() if place == at) for at in range(len(counters))
        )
        # Asked for each amount anew, and always the same.
        order = self._orders.get(id(shape)) or self._orders.setdefault(id(shape), shape.order(guarded.keys()))
        if (states := prod(cap + 1 for cap in caps) * len(order)) > MOST_STATES:
            limits_of_guards = ", ".join(f"{guard.name} {limit_of(guard, limits)}" for guard in self.guards)
            raise ValueError(
                f"The limits of the guards ({limits_of_guards}) give {states:,} states to look at, and "
                f"the most is {MOST_STATES:,}: lower them."
            )
        weights = {name: 0.0 if name == START else weight(name) for name in order}
        known: dict[tuple[str, tuple[int, ...]], float] = {}

        def follow(name: str, target: str, passed: tuple[int, ...]) -> float:
            if target == END:
                return 0.0
            at = guarded.get((name, target))
            if at is not None:
                if passed[at] >= most[name, target]:
                    return 0.0
                passed = (*passed[:at], passed[at] + 1, *passed[at + 1 :])
            copies = shape.fan_outs.get((name, target), 1) if parallel_adds else 1
            return copies * known[target, passed]

        # Passing a guard leads to a larger tuple, so from the largest down all that follows is known.
        for passed in product(*(range(cap, -1, -1) for cap in caps)):
            for name in order:
                after = [follow(name, target, passed) for target in shape.always[name]]
                for choice in shape.choices[name]:
                    ways = [follow(name, target, passed) for target in choice.targets]
                    several = parallel_adds and not choice.single
                    after.append(sum(ways) if several else max(ways, default=0.0))
                known[name, passed] = weights[name] + (
                    sum(after) if parallel_adds else max(after, default=0.0)
                )
        return known[START, (0,) * len(caps)]

    def longest(self, limits: TurnLimits, weight: Callable[[str], float]) -> float:
        """The largest sum along one walk; where a node waits for all others to end, along all of them."""
        return self.most(limits, weight, parallel_adds=bool(self.shape.deferred))

    def supersteps(self, limits: TurnLimits) -> int:
        """The most supersteps, the input's own included, as `recursion_limit` counts them."""
        return int(self.longest(limits, lambda _: 1)) + 1

    def step_limit(self, limits: TurnLimits, context: Context) -> int:
        """The `recursion_limit` that a run needs; LangGraph gives a graph inside a node the same one."""
        inner = (each.step_limit(limits, context) for each in self.inner.values())
        return max(self.supersteps(limits), *inner, 0)

    @property
    def after_answer(self) -> int:
        """The fewest supersteps that follow the answer."""
        guarded = {(guard.source, guard.target) for guard in self.guards}
        return max(0, needs(self.shape, ANSWER, guarded).get(ANSWER, 1) - 1)

    def least_step_limit(self, limits: TurnLimits, context: Context, following: Iterable[str] = ()) -> int:
        """The smallest step limit with which a turn can still answer.

        Args:
            limits: The limits of the turn.
            context: What the caller chose.
            following: The nodes that a resumed turn goes on with.
        """
        guarded = {(guard.source, guard.target) for guard in self.guards}
        reserve = needs(self.shape, ANSWER, guarded)
        own = [reserve.get(name, self.supersteps(limits)) + 1 for name in following]
        inner = [each.step_limit(limits, context) for each in self.inner.values()]
        return max(reserve.get(START, self.supersteps(limits)), *own, *inner, 0)

    def bounds(self, limits: TurnLimits, rates: Rates, context: Context | None = None) -> Bounds:
        """The most that a turn within `limits` can use with the models in force.

        Args:
            limits: The limits of the turn.
            rates: What the models in force cost.
            context: What the caller chose, for graphs inside nodes that have limits of their own.
        """
        context = context or Context()
        inner = {name: each.bounds(limits, rates, context) for name, each in self.inner.items()}

        def cost(name: str) -> Cost:
            return self.costs.get(name, FREE)

        def within(name: str, what: str) -> float:
            return float(getattr(inner[name], what) or 0) if name in inner else 0.0

        has_rounds = bool(self.most(limits, lambda n: cost(n).tool_rounds)) and limits.tool_rounds > 0
        asked = limits.max_tool_calls if has_rounds else 0
        refused = rates.reasoning.tool_refusals if has_rounds else 0
        calls = self.most(limits, lambda n: rates.calls(cost(n))) + refused
        inner_calls = self.most(limits, lambda n: within(n, "model_calls"))
        if limits.max_model_calls is not None:
            calls = min(calls, limits.max_model_calls)
        runs = int(self.most(limits, lambda n: cost(n).sandbox_runs))
        waits = self.longest(limits, lambda n: rates.waits(cost(n))) + rates.opening_s * bool(runs)
        waits += asked * rates.tool_s + refused * rates.reasoning.seconds
        apart = self.longest(limits, lambda n: cost(n).seconds + within(n, "seconds"))
        return Bounds(
            supersteps=int(self.longest(limits, lambda n: 1 + within(n, "supersteps"))) + 1,
            model_calls=int(calls + inner_calls),
            tool_calls=asked + int(self.most(limits, lambda n: cost(n).tool_calls + within(n, "tool_calls"))),
            sandbox_runs=int(self.most(limits, lambda n: cost(n).sandbox_runs + within(n, "sandbox_runs"))),
            seconds=min(waits, limits.turn_timeout_s) + apart + OWN_WORK_S * self.supersteps(limits),
            cost_usd=self._money(limits, rates, int(calls), inner),
            cycles=self._cycles(limits, inner),
            undeclared=self._undeclared(inner),
            unpriced=sorted({*rates.unpriced, *(name for each in inner.values() for name in each.unpriced)}),
        )

    def _money(
        self, limits: TurnLimits, rates: Rates, calls: int, inner: Mapping[str, Bounds]
    ) -> float | None:
        own = most_money(limits, rates, calls)
        if own is None or any(each.cost_usd is None for each in inner.values()):
            return None
        return own + self.most(limits, lambda n: (inner[n].cost_usd or 0.0) if n in inner else 0.0)

    def _cycles(self, limits: TurnLimits, inner: Mapping[str, Bounds]) -> list[Cycle]:
        """Every way back with its guard."""
        own = [
            Cycle(nodes=path, guard=guard.name, limit=limit_of(guard, limits))
            for guard in self.guards
            if (path := self.shape.path(guard.target, guard.source))
            and not (guard.optional and limit_of(guard, limits) == 0)
        ]
        return own + [
            cycle.model_copy(update={"nodes": [f"{name}:{node}" for node in cycle.nodes]})
            for name, each in inner.items()
            for cycle in each.cycles
        ]

    def _undeclared(self, inner: Mapping[str, Bounds]) -> list[str]:
        known = {START, *self.costs, *inner}
        below = [f"{name}:{node}" for name, each in inner.items() for node in each.undeclared]
        return sorted([name for name in self.shape.always if name not in known] + below)
