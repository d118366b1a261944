"""The queue's table as SQLAlchemy knows it, at the newest revision, and its revisions."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Double, Index, Integer, MetaData, String, Table, Text

TABLE: Final = "duograph_jobs"

VERSION_TABLE: Final = "duograph_jobs_revision"
"""Alembic's own table; the usual `alembic_version` may belong to a program that shares the database."""

REVISIONS: Final = ("0001",)
"""Every revision of the table, the oldest first; a file in `migrations/versions/` for each."""

HEAD: Final = REVISIONS[-1]

METADATA: Final = MetaData()

# Times are seconds since 1970 in UTC: they are compared with the clock, and it may have been set back.
JOBS: Final = Table(
    TABLE,
    METADATA,
    Column("id", String(32), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("namespace", String(255), nullable=False),
    Column("key", Text, nullable=False),
    Column("payload", Text, nullable=False),
    Column("output", Text),
    Column("status", String(8), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("losses", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("token", String(32)),
    Column("due_at", Double, nullable=False),
    Column("set_at", Double, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("finished_at", Double),
    Index("duograph_jobs_due", "status", "due_at", "set_at"),
)
"""One row a job.

`due_at` is when it may be taken, or, of one that is held, when its lease is over. `set_at` is what the clock
said when `due_at` was written: where that lies ahead, the clock was set back since. `losses` counts leases
that ran out, because the worker was killed; `attempts` those attempts that came to an end.
"""
