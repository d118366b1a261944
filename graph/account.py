"""The bound of a compiled graph: which limits are in force for a run, and what follows from them."""

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from langgraph.graph import StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.pregel import Pregel

from graph.bounds import Inner, Plan
from graph.guards import check_guards
from graph.money import Rates
from graph.shape import Shape
from nodes import FREE, Amounts, Bounds, Context, Cost, Request, TurnLimits, limits_of
from providers import ChainFacts, ModelConfigError, Models, Role
from sandbox import OPENING_S

REQUEST = "classify"
"""The node that writes the request; until it has run, the state holds the one of the turn before."""

_KEPT = 256
"""Bounds that are remembered, one for each choice of limits and models."""


class Account:
    """Says for any run of one graph what it can use at most."""

    def __init__(
        self, plan: Plan, models: Models, limits: TurnLimits, sandbox_s: float, tool_s: float = 0.0
    ) -> None:
        self.plan = plan
        self._models = models
        self._limits = limits
        self._sandbox_s = sandbox_s
        self._tool_s = tool_s
        self._kept = lru_cache(maxsize=_KEPT)(self._compute)
        self._steps = lru_cache(maxsize=_KEPT)(self._compute_steps)

    def bounds(self, context: Context | None = None, request: Request | None = None) -> Bounds:
        """The most that a run can use.

        A chain that names no model counts as the configured one: the turn will end by saying so.

        Args:
            context: What the caller chose for the run.
            request: The request of the turn that the run goes on with, whose limits and models it keeps.
        """
        context = context or Context()
        chosen = request or context
        return self._kept(
            self.limits(context, request),
            chosen.reasoning_model,
            chosen.coding_model,
            _key(context),
        )

    def step_limit(
        self,
        context: Context | None,
        asked: int | None,
        request: Request | None = None,
        following: Iterable[str] = (),
    ) -> int:
        """The step limit of a run: ours, or a smaller one that still leaves room for an answer."""
        context = context or Context()
        most, least = self._steps(self.limits(context, request), _key(context), tuple(following))
        return most if asked is None else max(least, min(asked, most))

    def is_opened(self, following: Iterable[str]) -> bool:
        """Whether the turn whose next nodes are `following` has written its request."""
        return self.plan.shape.distances(REQUEST).keys().isdisjoint(following)

    def limits(self, context: Context | None, request: Request | None = None) -> TurnLimits:
        """The limits of a run: those that its turn began with, else the caller's, else the installation's."""
        return request.limits if request else limits_of(self._limits, context or Context())

    def _compute_steps(self, limits: TurnLimits, context: str, following: tuple[str, ...]) -> tuple[int, int]:
        chosen = Context.model_validate_json(context)
        least = self.plan.least_step_limit(limits, chosen, following)
        return self.plan.step_limit(limits, chosen), least

    def _compute(self, limits: TurnLimits, reasoning: str | None, coding: str | None, context: str) -> Bounds:
        rates = Rates(
            self._facts("reasoning", reasoning),
            self._facts("coding", coding),
            self._sandbox_s,
            OPENING_S,
            self._tool_s,
        )
        return self.plan.bounds(limits, rates, Context.model_validate_json(context))

    def _facts(self, role: Role, chain: str | None) -> ChainFacts:
        try:
            return self._models.facts(role, chain)
        except ModelConfigError:
            return self._models.facts(role)


def _key(context: Context) -> str:
    """What of a context a bound depends on, as a graph inside a node reads it again."""
    return context.model_dump_json(exclude={"tests", "code", "user_id"})


class Embedded:
    """A graph of ours inside a node: it has limits and models of its own."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def bounds(self, limits: TurnLimits, rates: Rates, context: Context) -> Bounds:
        """See `Inner`; it reads the run's context as every turn does."""
        del limits, rates
        return self._account.bounds(context)

    def step_limit(self, limits: TurnLimits, context: Context) -> int:
        """See `Inner`."""
        del limits
        return self._account.step_limit(context, None)


class Retried:
    """A graph inside a node that LangGraph runs again when it fails."""

    def __init__(self, inner: Inner, attempts: int) -> None:
        self._inner = inner
        self._attempts = attempts

    def bounds(self, limits: TurnLimits, rates: Rates, context: Context) -> Bounds:
        """See `Inner`."""
        once = self._inner.bounds(limits, rates, context)
        amounts = once.model_dump(include=set(Amounts.model_fields), exclude_none=True)
        return once.model_copy(update={name: self._attempts * value for name, value in amounts.items()})

    def step_limit(self, limits: TurnLimits, context: Context) -> int:
        """See `Inner`; each attempt has a step limit of its own."""
        return self._inner.step_limit(limits, context)


def declared_costs(builder: StateGraph[Any, Any, Any, Any]) -> Mapping[str, Cost]:
    """What each node of a compiled builder declares as its attribute `cost`, times its retries.

    An error handler runs in the superstep of the node that failed, so its cost is added to the node's.
    """
    found: dict[str, Cost] = {}
    for name, node in builder.nodes.items():
        action = getattr(node.runnable, "afunc", None) or getattr(node.runnable, "func", None)
        if isinstance(declared := getattr(action, "cost", None), Cost):
            found[name] = _with_retries(declared, node.retry_policy)
    for name, node in builder.nodes.items():
        if node.error_handler_node in found:
            found[name] = found.get(name, FREE) + found[node.error_handler_node]
    return found


def _with_retries(cost: Cost, policies: Any) -> Cost:  # noqa: ANN401  # LangGraph takes one, several or none
    """The cost of a node that LangGraph runs again when it fails, with the pauses between."""
    attempts, pause = _retries(policies)
    return cost.times(attempts) + Cost(seconds=pause)


def _retries(policies: Any) -> tuple[int, float]:  # noqa: ANN401
    """How often a node is run at most, and the seconds of all pauses between."""
    each = [policies] if hasattr(policies, "max_attempts") else list(policies or ())
    attempts = max([policy.max_attempts for policy in each], default=1)
    pause = max([policy.max_interval + bool(policy.jitter) for policy in each], default=0.0)
    return max(1, attempts), pause * max(0, attempts - 1)


def inner_graphs(compiled: CompiledStateGraph[Any, Any, Any, Any]) -> Mapping[str, Inner]:
    """The bound of each node that is a graph itself; a cycle in it must be guarded there.

    Raises:
        UnguardedCycleError: When such a graph has a cycle and no bound of its own.
    """
    found: dict[str, Inner] = {}
    for name, inner in [*compiled.get_subgraphs(), *_held_graphs(compiled.builder)]:
        account = getattr(inner, "account", None)
        if isinstance(account, Account):
            found[name] = Embedded(account)
        elif isinstance(inner, CompiledStateGraph):
            shape = Shape.of(inner.builder)
            check_guards(shape, ())
            found[name] = Plan(shape, (), declared_costs(inner.builder), inner_graphs(inner))
        if name in found and (attempts := _retries(compiled.builder.nodes[name].retry_policy)[0]) > 1:
            found[name] = Retried(found[name], attempts)
    return found


def _held_graphs(builder: StateGraph[Any, Any, Any, Any]) -> Iterable[tuple[str, Pregel[Any, Any, Any, Any]]]:
    """Graphs that the object of a node holds; LangGraph looks into functions only."""
    for name, node in builder.nodes.items():
        action = getattr(node.runnable, "afunc", None) or getattr(node.runnable, "func", None)
        owner = getattr(action, "__self__", action)
        for held in getattr(owner, "__dict__", {}).values():
            if isinstance(held, Pregel):
                yield name, held
