"""The durable queue of work behind the answer: what it offers, and what a job is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

JobStatus = Literal["pending", "running", "done", "failed", "dead"]
"""`failed`: an attempt failed and another one is due. `dead`: no other one will be made."""

JobKind = Literal["enrich", "write"]
"""`enrich`: distil a finished turn. `write`: what could not be written to memory when it was told."""

MAX_ATTEMPTS: Final = 5
"""Attempts that may fail before a job is dead."""


class Job(BaseModel):
    """One piece of work.

    Attributes:
        id: Of the job.
        kind: What is to be done.
        namespace: Whose memory it is about.
        key: What it was made for, such as one checkpoint of a session; a second job with it is not made.
        payload: What is needed to do it; what JSON can hold.
        output: What doing it gave, kept before it is written anywhere: a second attempt writes just this.
        status: How it stands.
        attempts: How many were begun; one that ended with its worker's life is begun again, not counted, and
            neither is one that met a memory that did not answer.
        error: Why the last attempt failed, or what a done one did not come to; else empty.
        due_at: Not before this.
        created_at: When it was made.
        finished_at: When it was done or given up.
        problem: What of it cannot be read in its database, in one sentence; else empty. Kind and status are
            `unknown` then, times those of 1970, and all else empty. A worker that meets it makes it dead.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    kind: JobKind | Literal["unknown"]
    namespace: str
    key: str
    payload: dict[str, Any]
    output: dict[str, Any] | None = None
    status: JobStatus | Literal["unknown"] = "pending"
    attempts: int = 0
    error: str = ""
    due_at: AwareDatetime
    created_at: AwareDatetime
    finished_at: AwareDatetime | None = None
    problem: str = ""


class Lease(BaseModel):
    """A job that one worker holds, for a while; `token` is what no other holder has.

    Attributes:
        job: The job.
        token: Every change of the job names it, and does nothing when another worker has taken the job over.
    """

    model_config = ConfigDict(frozen=True)

    job: Job
    token: str = Field(min_length=1)


class Jobs(Protocol):
    """A queue in a database; safe to use from any event loop, any thread and several processes.

    Raises of every method: `MemoryStoreError` when the database cannot be read or written.
    """

    async def enqueue(self, kind: JobKind, namespace: str, key: str, payload: Mapping[str, Any]) -> bool:
        """Add a job, committed when this returns; False when this kind, namespace and key have one."""
        ...

    async def claim(self, lease_s: float, *, job_id: str | None = None) -> Lease | None:
        """Take the job that has been due longest, or this one when it is due, for `lease_s` seconds.

        One whose lease is over is taken too, and so is one whose times lie in an impossible future, because
        the clock was set back: two workers may then hold it, and the later token counts. One that cannot be
        read is made dead instead, and the next one is taken.

        Returns:
            None when there is none.
        """
        ...

    async def extend(self, lease: Lease, lease_s: float) -> bool:
        """Hold a job longer; False when it is no longer ours."""
        ...

    async def keep_output(self, lease: Lease, output: Mapping[str, Any]) -> bool:
        """Keep what the work gave, once; False when the job is no longer ours."""
        ...

    async def finish(self, lease: Lease, *, note: str = "") -> bool:
        """Mark a job as done and empty its payload; False when it is no longer ours.

        Args:
            lease: Of the job.
            note: What did not go as hoped, in one sentence; it stands in the job's `error`.
        """
        ...

    async def fail(
        self, lease: Lease, reason: str, *, again_in_s: float | None, is_counted: bool = True
    ) -> bool:
        """Note why an attempt failed, to be made again after so many seconds, or (None) never.

        Args:
            lease: Of the job.
            reason: In one sentence.
            again_in_s: Seconds.
            is_counted: Whether it counts as an attempt.

        Returns:
            False when the job is no longer ours.
        """
        ...

    async def release(self, lease: Lease) -> bool:
        """Give a job back unharmed, as one that was never begun: the worker is closing."""
        ...

    async def next_due_s(self) -> float | None:
        """Seconds until a job can be claimed, 0 when one can be now; None when nothing is left to do."""
        ...

    async def has_open(self, kind: JobKind, namespace: str) -> bool:
        """Tell whether a job of this kind and namespace is not done yet, and will be tried."""
        ...

    async def list(self, *, statuses: Sequence[JobStatus] = (), limit: int = 50) -> Sequence[Job]:
        """Give the newest jobs."""
        ...

    async def get(self, job_id: str) -> Job | None:
        """Give one job; the beginning of its id will do where it is the only one."""
        ...

    async def retry(self, job_id: str) -> bool:
        """Make a dead or failed job due now, with all its attempts before it; False when there is none.

        One whose status is unknown counts as dead.
        """
        ...

    async def drop(self, job_id: str) -> bool:
        """Delete a job that nobody holds; False when there is none."""
        ...

    async def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs there are of each status."""
        ...

    async def aclose(self) -> None:
        """Close what is open; a second call does nothing."""
        ...
