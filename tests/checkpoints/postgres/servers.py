"""Doing to a PostgreSQL server what happens to one: cut connections, a restart, a wall of passwords."""

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from tests.postgres import PostgresServer, binaries

MISSING = "PostgreSQL is not installed: apt-get install postgresql"

_NOBODY = 65534


def count(target: str, table: str) -> int:
    """How many rows a table has."""
    with psycopg.connect(target) as conn:
        row = conn.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
    assert row is not None
    return int(row[0])


def cut_connections(target: str) -> int:
    """Cut all connections to a database but this one, and give their number."""
    with psycopg.connect(target, autocommit=True) as conn:
        return conn.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).rowcount


def cut_locks(target: str) -> int:
    """Cut the connections that hold advisory locks in a database, and give their number."""
    with psycopg.connect(target, autocommit=True) as conn:
        return conn.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks JOIN pg_database d ON d.oid = database "
            "WHERE locktype = 'advisory' AND granted AND datname = current_database() GROUP BY pid"
        ).rowcount


def stop(server: PostgresServer) -> None:
    """Stop the server as its fast way is, cutting all connections."""
    _control(server, "-m", "fast", "stop")


@contextmanager
def started(server: PostgresServer) -> Iterator[None]:
    """Run a server again that was stopped."""
    _control(server, "-o", f"-k {server.folder} -F -c listen_addresses=", "start")
    try:
        yield
    finally:
        stop(server)


def want_password(server: PostgresServer, user: str, password: str) -> None:
    """Make a user who must give a password."""
    rules = server.folder / "data" / "pg_hba.conf"
    with psycopg.connect(server.address(), autocommit=True) as conn:
        conn.execute(f"CREATE ROLE {user} LOGIN SUPERUSER PASSWORD '{password}'")
        rules.write_text(f"local all {user} scram-sha-256\n{rules.read_text()}")
        conn.execute("SELECT pg_reload_conf()")
    # The postmaster reads its rules when it gets to it.
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            psycopg.connect(f"postgresql://{user}@/postgres?host={server.folder}").close()
        except psycopg.OperationalError:
            return
        time.sleep(0.02)
    raise AssertionError("the server still lets everybody in")


def _control(server: PostgresServer, *words: str) -> None:
    where = binaries()
    assert where is not None
    who = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
    log = Path(server.folder) / "control.log"
    command = [where / "pg_ctl", "-D", server.folder / "data", "-w", "-l", log, *words]
    subprocess.run(command, cwd=server.folder, check=True, stdout=subprocess.DEVNULL, **who)  # type: ignore[call-overload]
