"""Guards: what counts each way back.

A graph ends if every cycle passes a guard, because a guard's edge is taken a limited number of
times. Here the cycles are found, and the ones without a guard refused.
"""

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from graph.shape import Shape
from nodes import TurnLimits

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
        optional: Whether its cycle is left out of the bound where the limit is 0, as nothing offers it.

    Guards of one node that count in one channel share it: together they let no more pass than the largest of
    their limits.
    """

    name: str
    source: str
    target: str
    counter: str
    limit: Callable[[TurnLimits], int]
    otherwise: str = ANSWER
    optional: bool = False


APPROVAL = Guard(
    "approval",
    "reason",
    "approve",
    "approvals",
    lambda limits: int(limits.plan_approval),
    otherwise="code",
)
"""Not a way back: it keeps the bound from counting a question that is not asked."""

TOOLS = Guard("tools", "reason", "tools", "tool_rounds", lambda limits: limits.tool_rounds, optional=True)
CONSENT = Guard(
    "consent",
    "reason",
    "consent",
    "tool_rounds",
    lambda limits: limits.tool_rounds if limits.consent == "ask" else 0,
    optional=True,
)
"""A round of tool calls goes back one way or the other, and is counted once."""

REPAIRS = Guard("repairs", "review", "code", "repairs", lambda limits: limits.max_repairs)


class UnguardedCycleError(ValueError):
    """The graph has a way back that nothing counts, so it might never end."""


def limit_of(guard: Guard, limits: TurnLimits) -> int:
    """How often a guard may be passed within `limits`."""
    return max(0, int(guard.limit(limits)))


def check_guards(shape: Shape, guards: Sequence[Guard], channels: AbstractSet[str] | None = None) -> None:
    """Make sure that every cycle passes a guard, and that every guard can do what it says.

    Args:
        shape: The graph.
        guards: What counts its ways back.
        channels: The channels of its state, if guards count in them.

    Raises:
        UnguardedCycleError: Naming the first cycle that no guard counts.
        ValueError: When a guard or a fan-out is for an edge that the graph lacks, or that no router decides,
            or a guard counts in no channel or leads nowhere.
    """
    for guard in guards:
        name = f"The guard {guard.name!r}"
        if not shape.is_decided(guard.source, guard.target):
            raise ValueError(
                f"{name} is for the edge {guard.source} → {guard.target}, which no router "
                "of the graph takes: a guard needs a conditional edge."
            )
        if guard.otherwise not in shape.targets(guard.source):
            raise ValueError(
                f"{name} leads to {guard.otherwise} when its limit is used up, where no edge of "
                f"{guard.source} goes: set `otherwise` to one of its targets."
            )
        if channels is not None and guard.counter not in channels:
            raise ValueError(f"{name} counts in {guard.counter!r}, which is no channel of the state.")
    for (source, target), copies in shape.fan_outs.items():
        if target not in shape.targets(source) or copies < 1:
            raise ValueError(
                f"fan_outs says {copies} for {source} → {target}: it needs an edge and at least 1."
            )
    if cycle := shape.cycle(without={(guard.source, guard.target) for guard in guards}):
        raise UnguardedCycleError(
            f"The cycle {' → '.join(cycle)} has no guard, so the graph might never end: pass "
            f"guards=[*GUARDS, Guard(…)] for one of its conditional edges, or remove an edge."
        )
