"""The exit codes of the command line, and which one a result means."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodes import Result

DONE = 0
CRASHED = 1
USAGE = 2
LIMIT = 3
NOT_VERIFIED = 4
MODELS_FAILED = 5
WAITING = 6
UNHEALTHY = 7
MEMORY_AWAY = UNHEALTHY
JOBS_DIED = 8
INTERRUPTED = 130
CLOSED_PIPE = 141

_OF_STATUS = {
    "done": DONE,
    "declined": DONE,
    "rejected": USAGE,
    "limit": LIMIT,
    "not_verified": NOT_VERIFIED,
    "failed": MODELS_FAILED,
    "waiting": WAITING,
}


def of_result(result: Result) -> int:
    """The exit code that says how a turn ended."""
    return of_status(result.status, result.route)


def of_status(status: str, route: str) -> int:
    """The exit code of a status.

    Args:
        status: A value of `nodes.Status`.
        route: `code` or `answer`; code that was declined is code that is not verified.

    Raises:
        KeyError: When there is no such status.
    """
    if status == "declined" and route == "code":
        return NOT_VERIFIED
    return _OF_STATUS[status]
