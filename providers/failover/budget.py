"""What one reply may use, checked before each attempt."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from providers.facts import Price
from providers.failover.attempt import Attempt
from providers.prices import SCRIPTED, Rate, cost_usd
from providers.protocol import Allowance, Call, LimitReachedError


@dataclass(slots=True)
class Budget:
    """What is left of an allowance after the calls so far.

    Attributes:
        allowance: What the whole reply may use.
        started: The event loop's time at which its seconds began to count.
        calls: Every attempt so far.
    """

    allowance: Allowance
    started: float
    calls: list[Call] = field(default_factory=list)

    @property
    def deadline(self) -> float | None:
        """The event loop's time at which everything must end."""
        return None if self.allowance.seconds is None else self.started + self.allowance.seconds

    @property
    def has_attempt(self) -> bool:
        """Whether the model calls are not used up."""
        return self.allowance.attempts is None or len(self.calls) < self.allowance.attempts

    def has_time_for(self, seconds: float, *, now: float) -> bool:
        """Whether a wait of so many seconds leaves some for what comes after it."""
        return self.deadline is None or now + seconds < self.deadline

    def admit(self, needed: int, rate: Rate, *, now: float) -> Attempt:
        """Allow one more attempt.

        Args:
            needed: Input tokens that it will send, estimated.
            rate: What its model costs.
            now: The event loop's time.

        Raises:
            LimitReachedError: When a limit forbids it.
        """
        left = self.allowance
        if not self.has_attempt:
            raise LimitReachedError("model_calls", self.calls)
        if self.deadline is not None and now >= self.deadline:
            raise LimitReachedError("deadline", self.calls)
        sent = sum(call.input_tokens or 0 for call in self.calls)
        if left.input_tokens is not None and sent + needed > left.input_tokens:
            raise LimitReachedError("input_tokens", self.calls)
        attempt = Attempt(needed, rate)
        if left.output_tokens is not None:
            attempt.output_limit = left.output_tokens - sum(call.output_tokens or 0 for call in self.calls)
            if attempt.output_limit < 1:
                raise LimitReachedError("output_tokens", self.calls)
        bought = self._buys(needed, rate(needed))
        if bought is not None and (attempt.output_limit is None or bought < attempt.output_limit):
            attempt.output_limit, attempt.limit = bought, "cost"
        return attempt

    def _buys(self, needed: int, price: Price | None) -> int | None:
        """Return how many output tokens the money buys after the input is paid; None is no limit."""
        if self.allowance.cost_usd is None or price is None:
            return None
        left = self.allowance.cost_usd - sum(call.cost_usd or 0.0 for call in self.calls)
        if price == SCRIPTED:
            if left <= 0:
                raise LimitReachedError("cost", self.calls)
            return None
        if not price.input_usd and not price.output_usd:
            return None
        left -= cost_usd(price, needed, 0)
        if left < 0:
            raise LimitReachedError("cost", self.calls)
        bought = left * 1e6 / price.output_usd if price.output_usd else math.inf
        if bought < 1:
            raise LimitReachedError("cost", self.calls)
        return None if bought == math.inf else int(bought)
