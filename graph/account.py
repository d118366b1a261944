"""The bound of a compiled graph: which limits are in force for a run, and what follows from them."""

from collections.abc import Mapping
from typing import Any

from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from graph.bounds import Plan, Rates
from graph.guards import check_guards
from graph.shape import Shape
from nodes import Bounds, Context, Cost, TurnLimits, limits_of
from providers import ChainFacts, ModelConfigError, Models, Role


class Account:
    """Says for any run of one graph what it can use at most."""

    def __init__(self, plan: Plan, models: Models, limits: TurnLimits, sandbox_s: float) -> None:
        self._plan = plan
        self._models = models
        self._limits = limits
        self._sandbox_s = sandbox_s
        self._known: dict[str, Bounds] = {}

    def limits(self, context: Context | None) -> TurnLimits:
        """The limits of a run: the caller's where given, else the installation's."""
        return limits_of(self._limits, context or Context())

    def bounds(self, context: Context | None = None) -> Bounds:
        """The most that a run with `context` can use.

        A chain that names no model counts as the configured one: the turn will end by saying so.
        """
        context = context or Context()
        limits = self.limits(context)
        key = f"{limits!r} {context.reasoning_model!r} {context.coding_model!r}"
        if key not in self._known:
            rates = Rates(
                reasoning=self._facts("reasoning", context.reasoning_model),
                coding=self._facts("coding", context.coding_model),
                sandbox_s=self._sandbox_s,
            )
            self._known[key] = self._plan.bounds(limits, rates)
        return self._known[key]

    def recursion_limit(self, context: Context | None, asked: int | None) -> int:
        """The step limit of a run: ours, or a smaller one that still leaves room for an answer."""
        most = self._plan.supersteps(self.limits(context))
        return most if asked is None else max(self._plan.least_supersteps(), min(asked, most))

    def _facts(self, role: Role, chain: str | None) -> ChainFacts:
        try:
            return self._models.facts(role, chain)
        except ModelConfigError:
            return self._models.facts(role)


def declared_costs(builder: StateGraph[Any, Any, Any, Any]) -> Mapping[str, Cost]:
    """What each node of a builder declares as its attribute `cost`."""
    found: dict[str, Cost] = {}
    for name, node in builder.nodes.items():
        action = getattr(node.runnable, "afunc", None) or getattr(node.runnable, "func", None)
        cost = getattr(action, "cost", None)
        if isinstance(cost, Cost):
            found[name] = cost
    return found


def inner_steps(compiled: Pregel[Any, Any, Any, Any]) -> Mapping[str, int]:
    """The most supersteps inside each node that is a graph itself; a cycle in it must be guarded there.

    Raises:
        UnguardedCycleError: When such a graph has a cycle and no bound of its own.
    """
    found: dict[str, int] = {}
    for name, inner in compiled.get_subgraphs():
        account = getattr(inner, "account", None)
        builder = getattr(inner, "builder", None)
        if isinstance(account, Account):
            found[name] = account.bounds().supersteps
        elif isinstance(inner, Pregel) and isinstance(builder, StateGraph):
            shape = Shape.of(builder)
            check_guards(shape, ())
            found[name] = Plan(shape, (), {}, inner_steps(inner)).supersteps(TurnLimits(), with_inner=True)
    return found
