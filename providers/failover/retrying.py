"""When the same model is asked again, and how long is waited before."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from providers.backend import Timeouts
from providers.protocol import ModelConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from providers.protocol import ErrorKind, ModelError

RETRIED: frozenset[ErrorKind] = frozenset(
    {"rate_limit", "overloaded", "timeout", "connection", "empty", "cut_stream"}
)
"""The kinds that another try may cure; after the others the next model is asked at once."""

MOST_TRIES = 10
"""The largest number of tries at one model that a caller may ask for; it bounds every turn."""


@dataclass(frozen=True, slots=True)
class Retries:
    """The rule for asking the same model again; full jitter after AWS, "Exponential Backoff And Jitter".

    Attributes:
        tries: Attempts at one model, the first one included.
        base_s: The longest wait before the second try; it doubles with each further one.
        longest_s: The longest wait of our own choice.
        patience_s: With a backup behind the model: a wait that is longer is not made, the backup is asked.
        asked_s: Without a backup: the longest wait that a server may ask for.
        random: Gives a number from 0 to 1.
    """

    tries: int = 2
    base_s: float = 0.5
    longest_s: float = 8.0
    patience_s: float = 1.0
    asked_s: float = 60.0
    random: Callable[[], float] = random.random

    def wait_s(self, error: ModelError, *, tried: int, shown: bool, has_backup: bool) -> float | None:
        """Say how long to wait before the next try.

        Args:
            error: How the last try failed.
            tried: Tries so far.
            shown: Whether a part of the answer had come, so that another try would start it over.
            has_backup: Whether another model stands behind this one.

        Returns:
            Seconds; None when this model is not asked again.
        """
        if tried >= self.tries or shown or error.kind not in RETRIED:
            return None
        if error.kind == "timeout" and has_backup:
            return None  # it was waited for long enough
        wait = error.retry_after_s
        if wait is None:
            wait = self.random() * min(self.longest_s, self.base_s * 2 ** (tried - 1))
        return wait if wait <= (self.patience_s if has_backup else self.asked_s) else None

    def most_s(self, *, has_backup: bool) -> float:
        """Return the seconds that all waits for one model can take together."""
        longest = self.patience_s if has_backup else max(self.asked_s, self.longest_s)
        return (self.tries - 1) * longest


def check_limits(timeouts: Timeouts, retries: Retries) -> None:
    """Refuse limits by which no model could be asked.

    Raises:
        ModelConfigError: When a timeout or the tries are out of their range.
    """
    for given, name, wanted in ((timeouts, "timeouts", Timeouts), (retries, "retries", Retries)):
        if not isinstance(given, wanted):
            raise ModelConfigError(f"{name} is {given!r}; give {wanted.__name__}(…).")
    names = {"model": "total_s", "connect": "connect_s", "first-token": "first_token_s", "stall": "stall_s"}
    for name, field in names.items():
        seconds: object = getattr(timeouts, field)
        if not isinstance(seconds, int | float) or not 0 < seconds < float("inf"):
            raise ModelConfigError(f"The {name} timeout {seconds} must be a positive number of seconds.")
    tries: object = retries.tries
    if not isinstance(tries, int) or not 1 <= tries <= MOST_TRIES:
        raise ModelConfigError(f"The number of tries {retries.tries} must be from 1 to {MOST_TRIES}.")
