"""What models were asked and what it took, counted in one place for roles and models."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from providers.failover.breaker import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from providers.protocol import Call, CallRole

KEPT = 1000
"""Of how many last calls the percentiles are."""


class Percentiles(BaseModel):
    """How long calls took, in seconds; of the last `KEPT` of them, by the nearest rank.

    Attributes:
        p50: Half of the calls took at most this long.
        p95: 95 of 100 did.
        p99: 99 of 100 did.
    """

    model_config = ConfigDict(frozen=True)

    p50: float
    p95: float
    p99: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Percentiles | None:
        """Compute them; None when there are no values."""
        ordered = sorted(values)
        if not ordered:
            return None
        p50, p95, p99 = (ordered[-(-len(ordered) * share // 100) - 1] for share in (50, 95, 99))
        return cls(p50=p50, p95=p95, p99=p99)


class Usage(BaseModel):
    """What one role or one model has used.

    Attributes:
        calls: Attempts: `successes`, `failures` and `cancelled` together.
        successes: Attempts that gave the answer.
        failures: Attempts that failed, also those that a limit of the turn ended.
        cancelled: Attempts that the caller gave up.
        fallbacks: Answers that came from another model than the first one asked.
        input_tokens: Tokens sent, where it is known or was estimated.
        output_tokens: Tokens received, likewise.
        cached_tokens: Those of the input that came from a backend's cache.
        reasoning_tokens: Those of the output that were thinking.
        cost_usd: US dollars for the calls whose price is known.
        unpriced_calls: Calls whose price nobody knows; what they cost is in no figure.
        latency_s: Seconds that answers took; failed attempts do not count.
        first_token_s: Seconds until the first piece with content of those answers.
    """

    model_config = ConfigDict(frozen=True)

    calls: int = 0
    successes: int = 0
    failures: int = 0
    cancelled: int = 0
    fallbacks: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    cost_usd: float = 0.0
    unpriced_calls: int = 0
    latency_s: Percentiles | None = None
    first_token_s: Percentiles | None = None


class Stats(BaseModel):
    """What all models have used since they were made.

    Attributes:
        roles: By role; one that was never asked is absent.
        models: By model string, with the address where it is not the provider's own:
            `openai:qwen3@http://localhost:8000/v1`.
        breakers: Where the breaker of each model behind a server stands, by the same names.
    """

    model_config = ConfigDict(frozen=True)

    roles: dict[str, Usage]
    models: dict[str, Usage]
    breakers: dict[str, State]


@dataclass(slots=True)
class _Sum:
    counts: dict[str, float] = field(default_factory=dict)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))
    first_tokens: deque[float] = field(default_factory=lambda: deque(maxlen=KEPT))

    def add(self, **amounts: float) -> None:
        for name, amount in amounts.items():
            self.counts[name] = self.counts.get(name, 0) + amount

    def count(self, call: Call) -> None:
        self.add(
            calls=1,
            successes=call.error is None,
            failures=call.error not in (None, "cancelled"),
            cancelled=call.error == "cancelled",
            input_tokens=call.input_tokens or 0,
            output_tokens=call.output_tokens or 0,
            cached_tokens=call.cached_tokens or 0,
            reasoning_tokens=call.reasoning_tokens or 0,
            cost_usd=call.cost_usd or 0.0,
            unpriced_calls=call.cost_usd is None,
        )
        if call.error is None:
            self.latencies.append(call.latency_s)
            if call.first_token_s is not None:
                self.first_tokens.append(call.first_token_s)

    def usage(self) -> Usage:
        counts = {name: value if name == "cost_usd" else int(value) for name, value in self.counts.items()}
        times = {
            "latency_s": Percentiles.of(self.latencies),
            "first_token_s": Percentiles.of(self.first_tokens),
        }
        return Usage.model_validate(counts | times)


class Ledger:
    """Counts every attempt; safe to share between threads and event loops."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._lock = threading.Lock()
        self._roles: dict[str, _Sum] = {}
        self._models: dict[str, _Sum] = {}

    def record(self, role: CallRole, calls: Sequence[Call], *, is_fallback: bool) -> None:
        """Count what one question took.

        Args:
            role: Who was asked.
            calls: Its attempts; the last one gave the answer, if there was one.
            is_fallback: Whether another model than the first one answered.
        """
        with self._lock:
            asked = self._roles.setdefault(role, _Sum())
            for call in calls:
                asked.count(call)
                self._models.setdefault(call.model, _Sum()).count(call)
            if is_fallback and calls:
                asked.add(fallbacks=1)
                self._models[calls[-1].model].add(fallbacks=1)

    def usage(self) -> tuple[dict[str, Usage], dict[str, Usage]]:
        """Return what roles and models have used."""
        with self._lock:
            roles = {role: each.usage() for role, each in self._roles.items()}
            return roles, {name: each.usage() for name, each in self._models.items()}
