"""What one execution of a node can use at most; the bound of a turn is computed from these."""

from dataclasses import astuple, dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Cost:
    """The most that one execution of a node uses. A node that declares nothing counts as free.

    Attributes:
        reasoning: Questions to the reasoning role; each may try every model of the chain.
        coding: Questions to the coding role.
        sandbox_runs: Verifications.
        tool_calls: Calls of tools.
        seconds: Wall-clock seconds besides the waits for models and sandboxes, for work of its own.
        reasoning_forms: Answers in a form by the reasoning role, each asked for twice at most.
        coding_forms: Answers in a form by the coding role.
        memory_s: Seconds that memory is waited for, cut by the turn's deadline.
        tool_rounds: Rounds of tool calls that the turn's own limit on tool calls bounds.
    """

    reasoning: int = 0
    coding: int = 0
    sandbox_runs: int = 0
    tool_calls: int = 0
    seconds: float = 0.0
    reasoning_forms: int = 0
    coding_forms: int = 0
    memory_s: float = 0.0
    tool_rounds: int = 0

    def times(self, count: int) -> Self:
        """The cost of `count` executions."""
        return type(self)(*(count * each for each in astuple(self)))

    def __add__(self, other: Self) -> Self:
        """The cost of both."""
        return type(self)(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))


FREE = Cost()
