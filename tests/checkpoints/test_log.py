"""The log is folded into the file however busy everybody is, and whoever else writes."""

import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from checkpoints import open_saver
from tests.checkpoints.posting import PATIENCE_S, put

WRITES = """
import asyncio, sys
from checkpoints import open_saver
from tests.checkpoints.posting import put

async def go():
    async with open_saver(sys.argv[1]) as saver:
        async def one(name):
            while True:
                await put(saver, name, "x" * 200)
        await asyncio.gather(*(one(f"{sys.argv[2]}-{number}") for number in range(10)))

asyncio.run(go())
"""


@pytest.mark.slow
def test_two_programs_that_never_rest_keep_it_short(tmp_path: Path) -> None:
    path, log = tmp_path / "s.db", tmp_path / "s.db-wal"
    with open_saver(path):
        pass
    children = [subprocess.Popen([sys.executable, "-c", WRITES, path, name]) for name in ("a", "b")]
    try:
        largest = count = 0
        deadline = time.monotonic() + PATIENCE_S
        while count < 20_000:
            assert time.monotonic() < deadline
            assert [child.poll() for child in children] == [None, None]
            time.sleep(0.01)
            with closing(sqlite3.connect(path)) as reader:
                (count,) = reader.execute("SELECT count(*) FROM duograph_checkpoints").fetchone()
            largest = max(largest, log.stat().st_size if log.exists() else 0)
        assert largest < 64_000_000
    finally:
        for child in children:
            child.kill()
            child.wait()


class Refused:
    """A connection while another program folds the log."""

    def __init__(self, conn: sqlite3.Connection) -> None:
        self._conn = conn

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._conn, name)

    def execute(self, statement: str, *rest: Any) -> sqlite3.Cursor:  # noqa: ANN401
        instead = "SELECT 1, -1, -1" if "wal_checkpoint" in statement else statement
        return self._conn.execute(instead, *rest)


async def test_a_fold_that_another_program_is_at_is_tried_again_soon(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        writer: Any = saver.writer  # type: ignore[attr-defined]
        await put(saver, "a")
        conn, writer._conn = writer._conn, Refused(writer._conn)  # noqa: SLF001
        writer._log_pages = 1200.0  # noqa: SLF001  # as if so much had been written
        writer._fold_log()  # noqa: SLF001
        writer._conn = conn  # noqa: SLF001
        assert (writer._log_pages, writer._share) == (600.0, 1.0)  # noqa: SLF001
        await put(saver, "b")
