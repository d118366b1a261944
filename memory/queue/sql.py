"""The queue in SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, and_, case, delete, func, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from memory.queue.database import QueueDatabase
from memory.queue.protocol import Lease
from memory.queue.rows import LATEST_S, job_id, job_of, packed
from memory.queue.tables import JOBS
from memory.sql.schema import BUSY_TIMEOUT_S

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement

    from memory.queue.protocol import Job, JobKind, JobStatus

KEEP_DONE_S: Final = 7 * 86_400.0
"""Seconds that a job is remembered after it was done, so that the same one is not made again."""

MAX_LOSSES: Final = 20
"""Leases of one job that may run out, because a worker was killed, before it is given up."""

_PRUNE_EVERY_S = 3600.0
_OPEN: Final[tuple[JobStatus, ...]] = ("pending", "failed", "running")
_NOT_WAITING: Final[tuple[JobStatus, ...]] = ("pending", "running", "done")
_AHEAD_S: Final = 1.0
_ONE_LESS: Final = case((JOBS.c.attempts > 0, JOBS.c.attempts - 1), else_=0)
_HEX: Final = frozenset("0123456789abcdef")


class SqlJobs:
    """Implements `memory.queue.protocol.Jobs`.

    Calls run in threads, so no event loop waits for a disk. Several objects and processes may share one
    database. On a server the time is the server's, so that machines need not agree on it.
    """

    def __init__(
        self,
        target: str | Path,
        *,
        clock: Callable[[], float] | None = None,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
    ) -> None:
        """Note where; nothing is opened before the first use.

        Args:
            target: Path of an SQLite file, `:memory:`, or a `postgresql://` address.
            clock: Gives seconds since 1970; the machine's or the server's when left out.
            busy_timeout_s: Seconds to wait for another process's lock, or for the server.

        Raises:
            MemoryStoreError: When the address cannot be read, or its driver is missing.
        """
        self._database = QueueDatabase(target, busy_timeout_s=busy_timeout_s)
        self._is_server = self._database.backend == "postgresql"
        self._clock = clock if clock or self._is_server else time.time
        self._pruned_at = -_PRUNE_EVERY_S
        self.place = self._database.place

    async def enqueue(self, kind: JobKind, namespace: str, key: str, payload: Mapping[str, Any]) -> bool:
        """Add a job; see `Jobs.enqueue`."""
        return await asyncio.to_thread(self._enqueue, kind, namespace, key, packed(payload))

    async def claim(self, lease_s: float, *, job_id: str | None = None) -> Lease | None:
        """Take the job that has been due longest; see `Jobs.claim`."""
        return await asyncio.to_thread(self._claim, lease_s, job_id)

    async def extend(self, lease: Lease, lease_s: float) -> bool:
        """Hold a job longer; see `Jobs.extend`."""
        return await asyncio.to_thread(self._change, lease, lambda now: {"due_at": now + lease_s})

    async def keep_output(self, lease: Lease, output: Mapping[str, Any]) -> bool:
        """Keep what the work gave; see `Jobs.keep_output`."""
        kept = func.coalesce(JOBS.c.output, packed(output))
        return await asyncio.to_thread(self._change, lease, lambda _: {"output": kept}, is_timed=False)

    async def finish(self, lease: Lease, *, note: str = "") -> bool:
        """Mark a job as done; see `Jobs.finish`."""
        return await asyncio.to_thread(self._finish, lease, note)

    async def fail(
        self, lease: Lease, reason: str, *, again_in_s: float | None, is_counted: bool = True
    ) -> bool:
        """Note why an attempt failed; see `Jobs.fail`."""

        def changes(now: float) -> dict[str, Any]:
            told: dict[str, Any] = {"error": _plain(reason), "token": None}
            if not is_counted:
                told["attempts"] = _ONE_LESS
            if again_in_s is None:
                return told | {"status": "dead", "due_at": now, "finished_at": now}
            return told | {"status": "failed", "due_at": now + again_in_s}

        return await asyncio.to_thread(self._change, lease, changes)

    async def release(self, lease: Lease) -> bool:
        """Give a job back unharmed; see `Jobs.release`."""
        before = {"status": "pending", "token": None, "attempts": _ONE_LESS}
        return await asyncio.to_thread(self._change, lease, lambda now: before | {"due_at": now})

    async def next_due_s(self) -> float | None:
        """Seconds until a job can be claimed; see `Jobs.next_due_s`."""
        return await asyncio.to_thread(self._next_due_s)

    async def has_open(self, kind: JobKind, namespace: str) -> bool:
        """Tell whether such a job is not done yet; see `Jobs.has_open`."""
        # The index gives the open ones, which are few beside those that are remembered as done.
        query = select(JOBS.c.id).where(JOBS.c.status.in_(_OPEN)).limit(1)
        query = query.where(JOBS.c.kind == kind, JOBS.c.namespace == _plain(namespace))
        return bool(await asyncio.to_thread(self._read, query))

    async def list(self, *, statuses: Sequence[JobStatus] = (), limit: int = 50) -> Sequence[Job]:
        """Give the newest jobs; see `Jobs.list`."""
        query = select(JOBS).order_by(JOBS.c.created_at.desc(), JOBS.c.id).limit(limit)
        query = query.where(JOBS.c.status.in_(statuses)) if statuses else query
        return [job_of(row) for row in await asyncio.to_thread(self._read, query)]

    async def get(self, job_id: str) -> Job | None:
        """Give one job; see `Jobs.get`."""
        if not job_id or not set(job_id) <= _HEX:  # a sign such as % would mean something else
            return None
        query = select(JOBS).where(JOBS.c.id.startswith(job_id)).limit(2)
        rows = await asyncio.to_thread(self._read, query)
        return job_of(rows[0]) if len(rows) == 1 else None

    async def retry(self, job_id: str) -> bool:
        """Make a dead or failed job due now; see `Jobs.retry`."""

        def changes(now: float) -> dict[str, Any]:
            new = {"status": "pending", "attempts": 0, "losses": 0, "error": "", "finished_at": None}
            return new | {"due_at": now, "set_at": now}

        return await asyncio.to_thread(
            self._update, and_(JOBS.c.id == job_id, JOBS.c.status.not_in(_NOT_WAITING)), changes
        )

    async def drop(self, job_id: str) -> bool:
        """Delete a job that nobody holds; see `Jobs.drop`."""
        return await asyncio.to_thread(self._drop, job_id)

    async def counts(self) -> Mapping[JobStatus, int]:
        """How many jobs there are of each status; see `Jobs.counts`."""
        query = select(JOBS.c.status, func.count()).group_by(JOBS.c.status)
        return {row[0]: row[1] for row in await asyncio.to_thread(self._read, query)}

    async def aclose(self) -> None:
        """Close what is open; a second call does nothing."""
        await asyncio.to_thread(self._database.close)

    def _enqueue(self, kind: JobKind, namespace: str, key: str, payload: str) -> bool:
        with self._database.writing() as connection:
            now = self._now(connection)
            insert = postgresql.insert if self._is_server else sqlite.insert
            new = insert(JOBS).values(
                id=job_id(kind, namespace, key),
                kind=kind,
                namespace=_plain(namespace),
                key=_plain(key),
                payload=payload,
                status="pending",
                attempts=0,
                losses=0,
                error="",
                due_at=now,
                set_at=now,
                created_at=now,
            )
            made = connection.execute(
                new.on_conflict_do_nothing(index_elements=["id"]),
                execution_options={"preserve_rowcount": True},  # else nobody asks psycopg for an INSERT's
            )
            return made.rowcount == 1

    def _claim(self, lease_s: float, job_id: str | None) -> Lease | None:
        with self._database.writing() as connection:
            now = self._now(connection)
            ready = _ready(now) if job_id is None else and_(_ready(now), JOBS.c.id == job_id)
            query = select(JOBS).where(ready).order_by(JOBS.c.due_at).limit(1)
            while row := connection.execute(query.with_for_update(skip_locked=True)).first():
                is_lost = row.status == "running"
                reason = job_of(row).problem
                if not reason and is_lost and row.losses + 1 >= MAX_LOSSES:
                    reason = f"The worker was killed in the middle of it {MAX_LOSSES} times."
                if reason:
                    self._give_up(connection, row.id, reason, now)
                    continue
                taken = {
                    "status": "running",
                    "token": uuid.uuid4().hex,
                    "attempts": row.attempts if is_lost else row.attempts + 1,
                    "losses": row.losses + is_lost,
                    "due_at": now + lease_s,
                }
                connection.execute(update(JOBS).where(JOBS.c.id == row.id).values(set_at=now, **taken))
                taken_row = connection.execute(select(JOBS).where(JOBS.c.id == row.id)).one()
                return Lease(job=job_of(taken_row), token=str(taken["token"]))
        return None

    def _give_up(self, connection: Connection, job_id: str, reason: str, now: float) -> None:
        dead = {"status": "dead", "error": _plain(reason), "token": None, "finished_at": now, "losses": 0}
        connection.execute(update(JOBS).where(JOBS.c.id == job_id).values(set_at=now, due_at=now, **dead))

    def _finish(self, lease: Lease, note: str) -> bool:
        def changes(now: float) -> dict[str, Any]:
            emptied = {"payload": "{}", "output": None, "error": _plain(note), "token": None}
            return emptied | {"status": "done", "due_at": now, "finished_at": now}

        is_ours = self._change(lease, changes)
        if time.monotonic() - self._pruned_at >= _PRUNE_EVERY_S:
            self._pruned_at = time.monotonic()
            with self._database.writing() as connection:
                old = JOBS.c.due_at < self._now(connection) - KEEP_DONE_S
                connection.execute(delete(JOBS).where(JOBS.c.status == "done", old))
        return is_ours

    def _drop(self, job_id: str) -> bool:
        with self._database.writing() as connection:
            is_held = and_(JOBS.c.status == "running", ~_ready(self._now(connection)))
            query = delete(JOBS).where(JOBS.c.id == job_id, ~is_held)
            return connection.execute(query).rowcount == 1

    def _next_due_s(self) -> float | None:
        with self._database.reading() as connection:
            if connection is None:
                return None
            now = self._now(connection)
            earliest = func.min(case((_is_ahead(now), now), else_=JOBS.c.due_at))
            found = connection.execute(select(earliest).where(JOBS.c.status.in_(_OPEN))).scalar()
            return None if found is None else max(0.0, float(found) - now)

    def _change(
        self, lease: Lease, changes: Callable[[float], dict[str, Any]], *, is_timed: bool = True
    ) -> bool:
        """Change a job that is still ours."""
        ours = and_(JOBS.c.id == lease.job.id, JOBS.c.token == lease.token, JOBS.c.status == "running")
        return self._update(ours, lambda now: ({"set_at": now} if is_timed else {}) | changes(now))

    def _update(self, which: ColumnElement[bool], changes: Callable[[float], dict[str, Any]]) -> bool:
        with self._database.writing() as connection:
            query = update(JOBS).where(which).values(**changes(self._now(connection)))
            return connection.execute(query).rowcount == 1

    def _read(self, query: Any) -> Sequence[Any]:  # noqa: ANN401 - rows of any columns
        with self._database.reading() as connection:
            return [] if connection is None else connection.execute(query).all()

    def _now(self, connection: Connection) -> float:
        if self._clock is not None:
            return self._clock()
        return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def open_jobs(target: str | Path) -> SqlJobs:
    """Give the queue in a database; nothing is opened before its first use.

    Args:
        target: Path of an SQLite file, `:memory:`, or a `postgresql://` address.

    Raises:
        MemoryStoreError: When the address cannot be read, or its driver is missing.
    """
    return SqlJobs(target)


def _ready(now: float) -> ColumnElement[bool]:
    """Whether a job may be taken: it is due, its lease is over, or its times cannot be."""
    return and_(JOBS.c.status.in_(_OPEN), or_(JOBS.c.due_at <= now, _is_ahead(now)))


def _is_ahead(now: float) -> ColumnElement[bool]:
    """Whether the clock was set back since, or it is none: SQLite holds a text for more than a number."""
    return or_(JOBS.c.set_at > now + _AHEAD_S, JOBS.c.due_at > LATEST_S)


def _plain(said: str) -> str:
    """A text that every database takes."""
    return said.replace("\0", "").encode("utf-8", "replace").decode("utf-8")
