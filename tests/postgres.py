"""A real PostgreSQL server for tests: a cluster of its own, on a Unix socket, run by nobody in particular."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

_NOBODY = 65534
_PATIENCE_S = 60


@dataclass(frozen=True)
class PostgresServer:
    """A server that runs.

    Attributes:
        folder: Where its socket is.
        idle: Addresses of empty databases that nobody uses.
    """

    folder: Path
    idle: list[str] = field(default_factory=list)

    def address(self, database: str = "postgres") -> str:
        return f"postgresql://duograph@/{database}?host={self.folder}"

    def new_database(self) -> str:
        """Make an empty database and give its address."""
        name = f"t{uuid.uuid4().hex}"
        with psycopg.connect(self.address(), autocommit=True) as conn:
            conn.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return self.address(name)

    @contextmanager
    def lend_database(self) -> Iterator[str]:
        """Give the address of an empty database, and empty it for the next one at the end.

        Making one takes ten times as long as emptying one, and each takes 300 files until the server ends.
        """
        address = self.idle.pop() if self.idle else self.new_database()
        yield address
        with psycopg.connect(address, autocommit=True) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            conn.execute("DROP SCHEMA public CASCADE")
            conn.execute("CREATE SCHEMA public")
        self.idle.append(address)


def binaries() -> Path | None:
    """The folder of `initdb` and `postgres`: Debian keeps it off the path."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    there = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return there[-1].parent if there else None


@contextmanager
def running(where: Path) -> Iterator[PostgresServer]:
    """Make a cluster, run it, and take both away at the end."""
    # A socket's path is at most some hundred characters, so pytest's folders are too deep.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    is_root = os.geteuid() == 0
    if is_root:  # PostgreSQL refuses to run as root
        os.chown(folder, _NOBODY, _NOBODY)
    who = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []} if is_root else {}
    log = (folder.parent / f"{folder.name}.log").open("wb")
    data = str(folder / "data")
    process: subprocess.Popen[bytes] | None = None
    try:
        make = [
            where / "initdb",
            "-D",
            data,
            "-U",
            "duograph",
            "-A",
            "trust",
            "-N",
            "-E",
            "UTF8",
            "--locale=C",
        ]
        subprocess.run(make, cwd=folder, check=True, stdout=log, stderr=log, **who)  # type: ignore[call-overload]
        run = [where / "postgres", "-D", data, "-k", str(folder), "-F", "-c", "listen_addresses="]
        process = subprocess.Popen(run, cwd=folder, stdout=log, stderr=log, **who)  # type: ignore[call-overload]
        server = PostgresServer(folder)
        _wait(server, process, Path(log.name))
        yield server
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)  # its "fast" way to stop: it lets nobody finish
            process.wait(_PATIENCE_S)
        log.close()
        Path(log.name).unlink()
        shutil.rmtree(folder)


def _wait(server: PostgresServer, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            psycopg.connect(server.address()).close()
        except psycopg.OperationalError:
            assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
            assert time.monotonic() < end, "waited in vain for PostgreSQL"
            time.sleep(0.05)
        else:
            return
