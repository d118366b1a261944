"""The most that a turn can use, computed from the graph, the guards and the limits before it runs.

With the guarded edges taken away the graph has no cycle, so every walk is a path between two
passes of a guard; the most that a walk can use follows by dynamic programming over the node it
is at and how often each guard was passed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

from langgraph.graph import END, START

from graph.guards import ANSWER, Guard
from graph.shape import Shape
from nodes import Bounds, Cost, Cycle, TurnLimits
from providers import ChainFacts

SCRIPTED = "script"
"""The source of a price that a script's lines say one by one: known only after each was played."""

OWN_WORK_S = 1.0
"""Seconds of its own that a superstep is granted on top of the waits for models and sandboxes."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What one unit of a node's cost means with the models in force.

    Attributes:
        reasoning: The reasoning role's chain.
        coding: The coding role's chain.
        sandbox_s: Seconds that one verification may take.
    """

    reasoning: ChainFacts
    coding: ChainFacts
    sandbox_s: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What the bound is computed from.

    Attributes:
        shape: The graph.
        guards: What counts its cycles.
        costs: What each node declares; a node that is absent declared nothing.
        inner: Supersteps inside nodes that are graphs themselves.
        lanes: The graph as each kind of turn sees it; the whole graph when there are none.
    """

    shape: Shape
    guards: Sequence[Guard]
    costs: Mapping[str, Cost]
    inner: Mapping[str, int] = field(default_factory=dict)
    lanes: Sequence[Shape] = ()

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
            self._most_in(shape, limits, weight, parallel_adds=parallel_adds)
            for shape in self.lanes or (self.shape,)
        )

    def _most_in(
        self, shape: Shape, limits: TurnLimits, weight: Callable[[str], float], *, parallel_adds: bool
    ) -> float:
        """The largest sum of `weight` over any walk in one lane."""
        caps = tuple(guard.limit(limits) for guard in self.guards)
        edges = {(guard.source, guard.target): at for at, guard in enumerate(self.guards)}

        @cache
        def follow(name: str, target: str, passed: tuple[int, ...]) -> float:
            at = edges.get((name, target))
            if at is not None:
                if passed[at] >= caps[at]:
                    return 0.0
                passed = (*passed[:at], passed[at] + 1, *passed[at + 1 :])
            copies = shape.fan_outs.get((name, target), 1) if parallel_adds else 1
            return copies * walk(target, passed)

        @cache
        def walk(name: str, passed: tuple[int, ...]) -> float:
            if name == END:
                return 0.0
            after = [follow(name, target, passed) for target in shape.always[name]]
            after += [
                max((follow(name, target, passed) for target in choice), default=0.0)
                for choice in shape.choices[name]
            ]
            rest = sum(after) if parallel_adds else max(after, default=0.0)
            return (0.0 if name == START else weight(name)) + rest

        return walk(START, (0,) * len(caps))

    def supersteps(self, limits: TurnLimits, *, with_inner: bool = False) -> int:
        """The most supersteps, the input's own included, as `recursion_limit` counts them."""
        inner = self.inner if with_inner else {}
        steps = self.most(limits, lambda name: 1 + inner.get(name, 0), parallel_adds=False)
        return int(steps) + 1

    def least_supersteps(self) -> int:
        """The fewest supersteps in which a turn can answer, the input's own included."""
        return self.shape.distances(ANSWER).get(START, 2)

    def bounds(self, limits: TurnLimits, rates: Rates) -> Bounds:
        """The most that a turn within `limits` can use with the models in force."""

        def cost(name: str) -> Cost:
            return self.costs.get(name, Cost())

        calls = self.most(
            limits,
            lambda n: cost(n).reasoning * rates.reasoning.attempts + cost(n).coding * rates.coding.attempts,
        )
        waits = self.most(
            limits,
            lambda n: (
                cost(n).reasoning * rates.reasoning.seconds
                + cost(n).coding * rates.coding.seconds
                + cost(n).sandbox_runs * rates.sandbox_s
            ),
            parallel_adds=False,
        )
        supersteps = self.supersteps(limits, with_inner=True)
        model_calls = (
            int(calls) if limits.max_model_calls is None else min(int(calls), limits.max_model_calls)
        )
        return Bounds(
            supersteps=supersteps,
            model_calls=model_calls,
            tool_calls=int(self.most(limits, lambda n: cost(n).tool_calls)),
            sandbox_runs=int(self.most(limits, lambda n: cost(n).sandbox_runs)),
            seconds=min(waits, limits.turn_timeout_s) + OWN_WORK_S * supersteps,
            cost_usd=_money(limits, rates, model_calls),
            cycles=self.cycles(limits),
            undeclared=sorted(name for name in self.shape.always if name not in {START, *self.costs}),
        )

    def cycles(self, limits: TurnLimits) -> list[Cycle]:
        """Every way back with its guard."""
        return [
            Cycle(nodes=path, guard=guard.name, limit=guard.limit(limits))
            for guard in self.guards
            if (path := self.shape.path(guard.target, guard.source))
        ]


def _money(limits: TurnLimits, rates: Rates, model_calls: int) -> float | None:
    """The most money; None when a price is unknown, or nothing limits what is paid for."""
    prices = [*rates.reasoning.prices, *rates.coding.prices]
    known = [price for price in prices if price is not None]
    if len(known) < len(prices):
        return None
    free = not any(price.input_usd or price.output_usd or price.source == SCRIPTED for price in known)
    if model_calls == 0 or free:
        return 0.0
    sent, received = limits.max_input_tokens, limits.max_output_tokens
    by_tokens = None
    if sent is not None and received is not None and all(price.source != SCRIPTED for price in known):
        by_tokens = (
            sent * max(price.input_usd for price in known)
            + received * max(price.output_usd for price in known)
        ) / 1e6
    caps = [cap for cap in (limits.max_cost_usd, by_tokens) if cap is not None]
    return min(caps, default=None)
