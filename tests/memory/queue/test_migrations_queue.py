"""The queue's table is the same whichever way it came about."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from memory.queue.database import QueueDatabase
from memory.queue.sql import SqlJobs
from memory.queue.tables import REVISIONS


def shape(path: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as conn:
        columns = conn.execute("SELECT name, type, \"notnull\", pk FROM pragma_table_info('duograph_jobs')")
        indexes = conn.execute(
            "SELECT i.name, c.name FROM pragma_index_list('duograph_jobs') i, pragma_index_info(i.name) c"
        )
        version = conn.execute("SELECT version_num FROM duograph_jobs_revision")
        return [*columns.fetchall(), *sorted(indexes.fetchall()), *version.fetchall()]


def test_a_table_made_at_once_is_one_that_was_migrated(tmp_path: Path) -> None:
    quick, slow = tmp_path / "quick.sqlite", tmp_path / "slow.sqlite"
    jobs = SqlJobs(quick)
    asyncio.run(jobs.enqueue("enrich", "ada", "k", {}))
    asyncio.run(jobs.aclose())
    database = QueueDatabase(slow)
    for revision in REVISIONS:
        database.migrate(revision)
    database.close()
    assert shape(quick) == shape(slow)


def test_up_down_and_up_again(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    database = QueueDatabase(path)
    database.migrate()
    first = shape(path)
    database.migrate("base")
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT 1 FROM sqlite_master WHERE name = 'duograph_jobs'").fetchall() == []
    database.migrate()
    assert shape(path) == first
    with pytest.raises(ValueError, match="no revision 'x'"):
        database.migrate("x")
    database.close()


@pytest.mark.slow
def test_it_is_made_and_taken_away_on_a_server_too(postgres: object) -> None:
    target = postgres.new_database()  # type: ignore[attr-defined]  # psycopg is an extra
    jobs = SqlJobs(target)
    assert asyncio.run(jobs.enqueue("enrich", "ada", "k", {}))
    asyncio.run(jobs.aclose())
    database = QueueDatabase(target)
    database.migrate("base")
    with database.reading() as connection:
        assert connection is None
    database.migrate()
    database.close()
