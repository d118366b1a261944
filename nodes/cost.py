"""What one execution of a node can use at most; the bound of a turn is computed from these."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """The most that one execution of a node uses. A node that declares nothing counts as free.

    Attributes:
        reasoning: Questions to the reasoning role; each may try every model of the chain.
        coding: Questions to the coding role.
        sandbox_runs: Verifications.
        tool_calls: Calls of tools.
    """

    reasoning: int = 0
    coding: int = 0
    sandbox_runs: int = 0
    tool_calls: int = 0


FREE = Cost()
