"""What models cost at most: the rates in force, and the money that a turn can spend."""

from dataclasses import dataclass

from nodes import Cost, TurnLimits
from providers import ChainFacts

SCRIPTED = "script"
"""The source of a price that a script's lines say one by one: known only after each was played."""


@dataclass(frozen=True, slots=True)
class Rates:
    """What one unit of a node's cost means with the models in force.

    Attributes:
        reasoning: The reasoning role's chain.
        coding: The coding role's chain.
        sandbox_s: Seconds that one verification may take.
        opening_s: Seconds that the sandbox's opening may take, once.
        tool_s: Seconds that one tool call may take.
    """

    reasoning: ChainFacts
    coding: ChainFacts
    sandbox_s: float
    opening_s: float = 0.0
    tool_s: float = 0.0

    def calls(self, cost: Cost) -> int:
        """Attempts at models that `cost` means at most."""
        questions = cost.reasoning * self.reasoning.attempts + cost.coding * self.coding.attempts
        forms = (cost.reasoning_forms, self.reasoning), (cost.coding_forms, self.coding)
        return questions + sum(count * chain.form_attempts for count, chain in forms)

    def waits(self, cost: Cost) -> float:
        """Seconds that `cost` means at most, all of them cut by the turn's deadline."""
        questions = cost.reasoning * self.reasoning.seconds + cost.coding * self.coding.seconds
        forms = (cost.reasoning_forms, self.reasoning), (cost.coding_forms, self.coding)
        models = questions + sum(count * chain.form_seconds for count, chain in forms)
        return models + cost.sandbox_runs * self.sandbox_s + cost.memory_s

    @property
    def unpriced(self) -> set[str]:
        """The models whose price is unknown."""
        chains = (self.reasoning, self.coding)
        pairs = [pair for chain in chains for pair in zip(chain.names, chain.prices, strict=True)]
        return {name for name, price in pairs if price is None}


def most_money(limits: TurnLimits, rates: Rates, model_calls: int) -> float | None:
    """The most US dollars; None when a price is unknown, or nothing limits what is paid for."""
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
