"""What a worker is given: who does a job, how that can fail, and at which pace."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from memory.queue.protocol import Lease


class JobError(Exception):
    """A job failed; the message is one sentence without secrets, which is kept in the job.

    Attributes:
        is_final: Whether no other attempt can help.
    """

    def __init__(self, message: str, *, is_final: bool = False) -> None:
        super().__init__(message)
        self.is_final = is_final


class LeaseLostError(JobError):
    """The job has been taken over by another worker: nothing more may be done for it."""


class Handler(Protocol):
    """Does one job. It runs on the worker's event loop, and may be called twice for one job."""

    async def __call__(self, lease: Lease) -> str | None:
        """Do the job.

        Returns:
            What did not go as hoped though the job is done, in one sentence; else nothing.

        Raises:
            JobError: When it cannot be done; of what else is raised the class alone is kept.
        """
        ...

    async def aclose(self) -> None:
        """Close what was opened on the worker's event loop."""
        ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How a worker waits, all in seconds.

    Attributes:
        timeout_s: One attempt may take so long.
        lease_s: After so long without a sign of life another worker takes the job over.
        poll_s: How often a queue that others fill is looked at.
        settle_s: What was just enqueued here begins so much later, so that its turn ends undisturbed.
        backoff_s: The wait before the second attempt; each one after it waits twice as long.
        longest_backoff_s: But never longer.
        grace_s: What was cancelled has so long to clean up, then it is left behind.
    """

    timeout_s: float = 60.0
    lease_s: float = 30.0
    poll_s: float = 5.0
    settle_s: float = 0.1
    backoff_s: float = 2.0
    longest_backoff_s: float = 300.0
    grace_s: float = 2.0

    def again_in_s(self, attempts: int) -> float:
        """The wait after so many attempts; at random, so that many workers do not come back at once."""
        longest = min(self.longest_backoff_s, self.backoff_s * 2.0 ** min(attempts - 1, 30))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret

    def waiting_again_in_s(self, waited_s: float) -> float:
        """The wait for a memory that does not answer: about as long as the job has waited already."""
        longest = min(self.longest_backoff_s, max(self.backoff_s, waited_s))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
