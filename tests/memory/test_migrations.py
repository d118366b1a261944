"""The tables of memory: up from every revision and down again, beside whatever else is there."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.pool import NullPool

import memory.sql
from checkpoints import Sessions, open_saver
from memory import MemoryStoreError
from memory.records import Query
from memory.sql import open_memory
from memory.sql.database import Database
from memory.sql.migrate import migrate, revision_of
from memory.sql.schema import HEAD, RECORDS, REVISIONS, VERSION_TABLE, WORDS
from memory.sql.tables import METADATA
from tests.memory.making import fact, found

THEIRS = (
    "SELECT name, sql FROM sqlite_master "
    "WHERE tbl_name NOT LIKE 'duograph_memory%' AND name NOT LIKE 'sqlite_%' ORDER BY name"
)


@contextmanager
def connected(target: str) -> Iterator[Connection]:
    is_server = target.startswith("postgres")
    address = target.replace("postgresql:", "postgresql+psycopg:") if is_server else f"sqlite:///{target}"
    with create_engine(address, poolclass=NullPool).connect() as connection:
        yield connection


def test_the_revisions_are_those_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", f"{Path(memory.sql.__file__).parent}/migrations")
    found_there = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found_there)) == REVISIONS


def test_the_newest_revision_is_what_the_tables_say(target: str) -> None:
    with connected(target) as connection:
        migrate(connection)
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "include_name": lambda name, kind, _: (
                    kind != "table" or (name.startswith("duograph_memory") and not name.startswith(WORDS))
                ),
            },
        )
        assert compare_metadata(context, METADATA) == []


@pytest.mark.parametrize("end", ["base", *REVISIONS])
async def test_down_to_every_revision_and_up_again(target: str, end: str) -> None:
    store = open_memory(target)
    await store.store("anna", [fact("tea", "drink")])
    database = Database(target)
    database.migrate(end)
    database.close()
    with connected(target) as connection:
        assert revision_of(connection) == (None if end == "base" else end)
        assert (
            inspect(connection).has_table(RECORDS) == inspect(connection).has_table(WORDS) == (end != "base")
        )
    assert await found(store, "drink") == ([] if end == "base" else ["tea"])
    await store.store("anna", [fact("coffee", "drink")])
    assert await found(store, "drink") == ["coffee"]
    await store.aclose()
    with connected(target) as connection:
        assert revision_of(connection) == HEAD


async def test_a_newer_revision_is_refused_and_left_alone(target: str) -> None:
    store = open_memory(target)
    await store.store("anna", [fact("tea")])
    with connected(target) as connection, connection.begin():
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '0099'"))  # noqa: S608 - a constant
    for call in (store.search("anna", Query(text="tea")), store.store("anna", [fact("coffee")])):
        with pytest.raises(MemoryStoreError, match=r"'0099'.*update Duograph"):
            await call
    assert "'0099'" in (await store.status("anna")).problem
    await store.aclose()
    with connected(target) as connection:
        assert revision_of(connection) == "0099"
        assert connection.execute(text(f"SELECT count(*) FROM {RECORDS}")).scalar() == 1  # noqa: S608 - the same


def test_there_are_no_other_revisions(target: str) -> None:
    database = Database(target)
    with pytest.raises(ValueError, match="no revision '0042': known are base, 0001"):
        database.migrate("0042")
    database.close()


async def test_sessions_and_a_stranger_s_tables_in_the_same_file_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite"
    with open_saver(path):
        pass
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE alembic_version (version_num TEXT)")
        conn.commit()
        before = conn.execute(THEIRS).fetchall()
    store = open_memory(path)
    await store.store("anna", [fact("tea")])
    database = Database(path)
    database.migrate("base")
    database.close()
    await store.store("anna", [fact("coffee")])
    await store.aclose()
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute(THEIRS).fetchall() == before
    with open_saver(path) as saver:
        assert Sessions(saver).list() == []
