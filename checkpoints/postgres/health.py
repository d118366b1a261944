"""Looks at a session database on a server without changing anything in it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from checkpoints.postgres.address import place_of
from checkpoints.postgres.database import connect
from checkpoints.postgres.faults import explained
from checkpoints.postgres.schema import is_ready

_ABOUT = """
SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS size,
    pg_is_in_recovery() AS is_copy, has_schema_privilege(current_schema(), 'CREATE') AS may_create
"""
_ASKED = 5


@dataclass(frozen=True, slots=True)
class ServerHealth:
    """How a session database on a server is.

    Attributes:
        place: Its address, without its password.
        version: The server's.
        latency_ms: Milliseconds from a question to its answer: the median of five.
        is_ready: Whether our tables are there; else they are made at the first use.
        is_writable: Whether sessions can be stored there, once the tables are made.
        sessions: How many it holds.
        size_bytes: How large the database is, with whatever else is in it.
    """

    place: str
    version: str
    latency_ms: float
    is_ready: bool
    is_writable: bool
    sessions: int
    size_bytes: int


def inspect_server(target: str) -> ServerHealth:
    """Look at a session database on a server; makes nothing. Blocks.

    Raises:
        DatabaseError: When it cannot be reached, refuses, or is of a newer version of Duograph.
    """
    with connect(target) as conn, explained(target):
        about = conn.execute(_ABOUT).fetchone() or {}
        times = []
        for _ in range(_ASKED):
            start = time.perf_counter()
            conn.execute("SELECT 1").fetchone()
            times.append(time.perf_counter() - start)
        ready = is_ready(conn, place_of(target))
        count = conn.execute("SELECT count(*) AS n FROM duograph_sessions").fetchone() if ready else None
    return ServerHealth(
        place=place_of(target),
        version=about["version"],
        latency_ms=sorted(times)[_ASKED // 2] * 1000,
        is_ready=ready,
        is_writable=not about["is_copy"] and (ready or bool(about["may_create"])),
        sessions=count["n"] if count else 0,
        size_bytes=about["size"],
    )
