"""Rows of the queue's table: a job's id, and the job that a row is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Final

from memory.queue.protocol import Job

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Row

    from memory.queue.protocol import JobKind

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
    """The job that a row is."""
    return Job(
        id=row.id,
        kind=row.kind,
        namespace=row.namespace,
        key=row.key,
        payload=json.loads(row.payload),
        output=None if row.output is None else json.loads(row.output),
        status=row.status,
        attempts=row.attempts,
        error=row.error,
        due_at=_moment(row.due_at),
        created_at=_moment(row.created_at),
        finished_at=None if row.finished_at is None else _moment(row.finished_at),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
