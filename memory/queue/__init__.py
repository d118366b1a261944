"""The durable queue of work behind the answer.

What needs a database is loaded at its first use: SQLAlchemy takes half a second.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from memory.queue.protocol import MAX_ATTEMPTS, Job, JobKind, Jobs, JobStatus, Lease
from memory.queue.turns import FinishedTurn
from memory.queue.work import Handler, JobError, LeaseLostError, Pace

if TYPE_CHECKING:
    from memory.queue.sql import SqlJobs, open_jobs
    from memory.queue.worker import Worker

__all__ = [
    "MAX_ATTEMPTS",
    "FinishedTurn",
    "Handler",
    "Job",
    "JobError",
    "JobKind",
    "JobStatus",
    "Jobs",
    "Lease",
    "LeaseLostError",
    "Pace",
    "SqlJobs",
    "Worker",
    "open_jobs",
]

_LAZY = {
    "SqlJobs": "memory.queue.sql",
    "Worker": "memory.queue.worker",
    "open_jobs": "memory.queue.sql",
}


def __getattr__(name: str) -> object:
    """Import what is heavy when it is first asked for (PEP 562)."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
