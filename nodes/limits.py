"""What a turn may use, what it has used, and what is left: the numbers that every act is checked against."""

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from providers.facts import ChainFacts
from providers.protocol import Allowance, Call, LimitKind

MAX_REPAIRS: Final = 10
"""The largest number of repairs a caller may ask for; it bounds every turn."""

MAX_TOOL_ROUNDS: Final = 50
"""The most rounds of tool calls that a caller may ask for."""

MAX_TOOL_CALLS: Final = 500
"""The most tool calls that a caller may ask for."""

Consent = Literal["ask", "refuse", "allow"]
"""What becomes of a call that may change something: a person decides, it is not made, or it is made."""

TURN_TIMEOUT_S: Final = 900.0
"""Seconds a turn may take when nobody says otherwise."""


class TurnLimits(BaseModel):
    """The limits of one turn. None is no limit, but repairs and time always have one.

    Attributes:
        max_repairs: How often failing code goes back to the coder.
        max_model_calls: Attempts at models, failed ones too.
        max_input_tokens: Tokens sent to models.
        max_output_tokens: Tokens received from models.
        max_cost_usd: US dollars; a model of unknown price is not metered.
        turn_timeout_s: Wall-clock seconds from the turn's start; models and sandboxes are cut by it.
            The time in which a person looks at a plan does not count.
        plan_approval: Whether a person must approve the plan before code is written.
        max_tool_rounds: How often the reasoning model may call tools; then it answers from what is known.
        max_tool_calls: How many calls of tools are made.
        consent: What becomes of calls that may change something.
        has_tools: Whether any tool is offered; without one no round can be used.
        lends_tools: Whether specialists bring tools, which are offered where the chain can call any.
    """

    model_config = ConfigDict(frozen=True)

    max_repairs: int = Field(default=2, ge=0, le=MAX_REPAIRS)
    max_model_calls: int | None = Field(default=None, ge=1, le=10_000)
    max_input_tokens: int | None = Field(default=None, ge=1)
    max_output_tokens: int | None = Field(default=None, ge=1)
    max_cost_usd: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    turn_timeout_s: float = Field(default=TURN_TIMEOUT_S, gt=0, le=86_400)
    plan_approval: bool = False
    max_tool_rounds: int = Field(default=8, ge=0, le=MAX_TOOL_ROUNDS)
    max_tool_calls: int = Field(default=32, ge=0, le=MAX_TOOL_CALLS)
    consent: Consent = "refuse"
    has_tools: bool = False
    lends_tools: bool = False

    @property
    def tool_rounds(self) -> int:
        """How many rounds of tool calls there can be."""
        return self.max_tool_rounds if self.has_tools and self.max_tool_calls else 0


class Amounts(BaseModel):
    """Amounts of what a turn consumes: the most it can, or what it did.

    Attributes:
        supersteps: LangGraph supersteps, the input's own included, as `recursion_limit` counts them.
        model_calls: Attempts at models.
        tool_calls: Calls of tools.
        sandbox_runs: Verifications.
        seconds: Wall-clock seconds.
        cost_usd: US dollars, or None where a price is unknown.
    """

    model_config = ConfigDict(frozen=True)

    supersteps: int = 0
    model_calls: int = 0
    tool_calls: int = 0
    sandbox_runs: int = 0
    seconds: float = 0.0
    cost_usd: float | None = 0.0


WALK: Final = "__duograph_walk"
"""The key of a run's `configurable` under which its routers and `respond` find the walk."""


@dataclass(slots=True)
class Walk:
    """What the routers of one run keep to, and what they had to correct.

    Attributes:
        limits: The limits in force.
        passes: How often each guard let the turn go back in this run.
        struck: The guards that did not.
        is_cut: Whether a router took a shorter way because few supersteps were left.
        is_resumed: Whether the turn began in an earlier run, whose corrections are not known here.
        after_answer: The supersteps that follow the answer in any case.
        again: The nodes that the run goes on with, which an earlier run may have begun; a node that must not
            do a thing twice takes its own name out.
    """

    limits: TurnLimits
    passes: Counter[str] = field(default_factory=Counter)
    struck: set[str] = field(default_factory=set)
    is_cut: bool = False
    is_resumed: bool = False
    after_answer: int = 0
    again: set[str] = field(default_factory=set)


class Spending(BaseModel):
    """What a turn has used so far; each update is a new object.

    Attributes:
        started_at: Seconds since the epoch when the turn began, later by what a person took to approve its
            plan, and by what the turn lay still after it was cut off.
        first_step: LangGraph's step number of the turn's first node.
        sandbox_runs: Verifications made.
    """

    model_config = ConfigDict(frozen=True)

    started_at: float = Field(default_factory=time.time)
    first_step: int = 0
    sandbox_runs: int = 0


def seconds_left(limits: TurnLimits, spending: Spending) -> float:
    """Seconds until the deadline; not positive when it has passed."""
    return limits.turn_timeout_s - (time.time() - spending.started_at)


def tokens(calls: list[Call]) -> tuple[int, int]:
    """Input and output tokens of all calls."""
    return sum(call.input_tokens or 0 for call in calls), sum(call.output_tokens or 0 for call in calls)


def known_cost(calls: list[Call]) -> float:
    """US dollars spent on models whose price is known."""
    return sum(call.cost_usd or 0.0 for call in calls)


def cost(calls: list[Call]) -> float | None:
    """US dollars spent, or None when the price of any model that was asked is unknown."""
    return None if any(call.cost_usd is None for call in calls) else known_cost(calls)


def allowance(limits: TurnLimits, spending: Spending, calls: list[Call], *, skip: int = 0) -> Allowance:
    """What the next question to a role may use."""
    sent, received = tokens(calls)

    def left(limit: int | None, used: int) -> int | None:
        return None if limit is None else max(0, limit - used)

    return Allowance(
        attempts=left(limits.max_model_calls, len(calls)),
        input_tokens=left(limits.max_input_tokens, sent),
        output_tokens=left(limits.max_output_tokens, received),
        cost_usd=None if limits.max_cost_usd is None else max(0.0, limits.max_cost_usd - known_cost(calls)),
        seconds=seconds_left(limits, spending),
        skip=skip,
    )


def lent(limits: TurnLimits, chain: ChainFacts) -> TurnLimits:
    """The limits of a turn whose specialists may bring tools, if its models can call them."""
    return limits.model_copy(update={"has_tools": limits.lends_tools and chain.takes_tools})


def describe(limit: LimitKind, limits: TurnLimits) -> str:
    """Which limit struck, in one sentence that names the setting to raise."""
    field, what = {
        "model_calls": ("max_model_calls", "model calls"),
        "input_tokens": ("max_input_tokens", "input tokens"),
        "output_tokens": ("max_output_tokens", "output tokens"),
        "cost": ("max_cost_usd", "US dollars"),
        "deadline": ("turn_timeout_s", "seconds"),
    }[limit]
    return f"The turn reached its limit on {what} (`{field}` = {getattr(limits, field):g})."
