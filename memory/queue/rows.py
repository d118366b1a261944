"""Rows of the queue's table: a job's id, and the job that a row is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final, get_args

from memory.queue.protocol import Job, JobKind, JobStatus

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

LATEST_S: Final = 2e11
"""What lies further ahead is no time, in seconds since 1970: no calendar here reaches the year 10000."""

_ID_BYTES: Final = 16


def job_id(kind: JobKind, namespace: str, key: str) -> str:
    """The id of the one job that there can be for a key."""
    data = f"{kind}\0{namespace}\0{key}".encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=_ID_BYTES).hexdigest()


def packed(value: Mapping[str, Any]) -> str:
    """A payload or an output as the table keeps it: ASCII, so that no server refuses a sign of it.

    Raises:
        TypeError: When JSON cannot hold it.
        ValueError: When a number in it is none.
    """
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


def job_of(row: Row[Any]) -> Job:
    """The job that a row is; where columns of it cannot be read `problem` names them.

    Another program, another version or a damaged disk may have left anything in them, SQLite keeps any type
    in any column, and one row must not stand in the way of all the others.
    """
    wrong: list[str] = []
    _count(row.losses, "losses", wrong)
    return Job(
        id=str(row.id),
        kind=_one_of(row.kind, get_args(JobKind), "kind", wrong),
        namespace=_text(row.namespace, "namespace", wrong),
        key=_text(row.key, "key", wrong),
        payload=_object(row.payload, "payload", wrong),
        output=None if row.output is None else _object(row.output, "output", wrong),
        status=_one_of(row.status, get_args(JobStatus), "status", wrong),
        attempts=_count(row.attempts, "attempts", wrong),
        error=_text(row.error, "error", wrong),
        due_at=_moment(row.due_at, "due_at", wrong),
        created_at=_moment(row.created_at, "created_at", wrong),
        finished_at=None if row.finished_at is None else _moment(row.finished_at, "finished_at", wrong),
        problem=f"The job cannot be read: {'; '.join(wrong)}." if wrong else "",
    )


def _one_of(value: Any, known: tuple[str, ...], name: str, wrong: list[str]) -> Any:  # noqa: ANN401  # a literal
    if value in known:
        return value
    wrong.append(f"{name} is {str(value)[:40]!r}, not one of {', '.join(known)}")
    return "unknown"


def _text(value: object, name: str, wrong: list[str]) -> str:
    if isinstance(value, str):
        return value
    wrong.append(f"{name} is no text")
    return ""


def _object(value: Any, name: str, wrong: list[str]) -> dict[str, Any]:  # noqa: ANN401  # of any type
    try:
        loaded = json.loads(value)
    except (TypeError, ValueError, RecursionError):
        loaded = None
    if isinstance(loaded, dict):
        return loaded
    wrong.append(f"{name} is no JSON object")
    return {}


def _count(value: object, name: str, wrong: list[str]) -> int:
    if isinstance(value, int) and value >= 0:
        return value
    wrong.append(f"{name} is no number of 0 or more")
    return 0


def _moment(seconds: object, name: str, wrong: list[str]) -> datetime:
    if isinstance(seconds, int | float) and 0 <= seconds <= LATEST_S:
        return datetime.fromtimestamp(seconds, UTC)
    wrong.append(f"{name} is no time")
    return datetime.fromtimestamp(0, UTC)
