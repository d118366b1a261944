"""A circuit breaker for each endpoint, so that a server that is down is not waited for again and again.

closed --(so many failures in a row)--> open --(cool-down)--> half-open: one probe --> closed, or open again.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from providers.protocol import ErrorKind

ILL: frozenset[ErrorKind] = frozenset({"rate_limit", "overloaded", "timeout", "connection", "cut_stream"})
"""The kinds that say the endpoint is ill; any other answer of it says that it is there."""

State = Literal["closed", "open", "half-open"]


@dataclass(frozen=True, slots=True)
class BreakerRule:
    """When a breaker opens, and for how long.

    Attributes:
        failures: Failures in a row that open it.
        cool_down_s: Seconds until a probe is let through.
        longest_s: The longest that a server's own `Retry-After` can keep it open, in seconds.
    """

    failures: int = 5
    cool_down_s: float = 30.0
    longest_s: float = 300.0


@dataclass(frozen=True, slots=True)
class Ticket:
    """The leave to ask an endpoint once; to be handed back with `settle`.

    Attributes:
        is_probe: Whether the endpoint was ill, so that what comes of this decides for all.
    """

    is_probe: bool = False


class Breaker:
    """The breaker of one endpoint; safe to share between threads and event loops."""

    def __init__(self, rule: BreakerRule, clock: Callable[[], float]) -> None:
        self._rule = rule
        self._clock = clock
        self._lock = threading.Lock()
        self._failures = 0
        # None while closed, else the clock's time from which one probe is let through.
        self._open_until: float | None = None
        self._probe: Ticket | None = None

    @property
    def state(self) -> State:
        """Where it stands now."""
        with self._lock:
            if self._open_until is None:
                return "closed"
            return "open" if self._clock() < self._open_until else "half-open"

    @property
    def opens_in_s(self) -> float:
        """Seconds until a probe is let through; not positive when it would be now."""
        with self._lock:
            return 0.0 if self._open_until is None else self._open_until - self._clock()

    def admit(self, *, anyway: bool = False) -> Ticket | None:
        """Ask for leave to send one request.

        Args:
            anyway: Let it through as a probe even while open, because nobody else is left to ask.

        Returns:
            The leave, or None while the endpoint is left alone.
        """
        with self._lock:
            if self._open_until is None:
                return Ticket()
            due = self._probe is None and self._clock() >= self._open_until
            if not due and not anyway:
                return None
            ticket = Ticket(is_probe=True)
            if due:
                self._probe = ticket
            return ticket

    def settle(self, ticket: Ticket, error: ErrorKind | None, retry_after_s: float | None = None) -> None:
        """Take in what came of a request.

        Args:
            ticket: The leave it was sent with.
            error: How it failed, or None when it was answered.
            retry_after_s: Seconds that the server asked to wait.
        """
        with self._lock:
            if self._probe is ticket:
                self._probe = None
            if error == "unknown":
                return  # it says nothing about the endpoint
            if error not in ILL:
                self._failures, self._open_until, self._probe = 0, None, None
            elif self._open_until is None:
                self._failures += 1
                if self._failures >= self._rule.failures:
                    self._open(retry_after_s)
            elif ticket.is_probe:
                self._open(retry_after_s)

    def release(self, ticket: Ticket) -> None:
        """Hand a leave back that came to nothing, as by cancelling: the next probe may go at once."""
        with self._lock:
            if self._probe is ticket:
                self._probe = None

    def _open(self, retry_after_s: float | None) -> None:
        wait = max(self._rule.cool_down_s, min(retry_after_s or 0.0, self._rule.longest_s))
        self._open_until = self._clock() + wait


@dataclass(slots=True)
class Breakers:
    """The breakers of one `RoleModels`, by endpoint.

    Attributes:
        rule: When they open, and for how long.
        clock: Gives seconds that only grow, the same for all threads.
    """

    rule: BreakerRule = field(default_factory=BreakerRule)
    clock: Callable[[], float] = time.monotonic
    _known: dict[Hashable, Breaker] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, endpoint: Hashable) -> Breaker:
        """Return the endpoint's breaker, always the same one."""
        with self._lock:
            return self._known.setdefault(endpoint, Breaker(self.rule, self.clock))
