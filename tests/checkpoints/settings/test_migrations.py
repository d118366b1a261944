"""From every revision up and down again, with data in the tables and sessions beside them."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData, Table, create_engine, inspect, select, text
from sqlalchemy.pool import NullPool

import checkpoints.settings
from checkpoints import DatabaseError, Sessions, open_saver
from checkpoints.settings import SqlUserSettings, peek
from checkpoints.settings.migrate import migrate, revision_of
from checkpoints.settings.schema import HEAD, REVISIONS, TABLE, VERSION_TABLE
from checkpoints.settings.tables import Base
from tests.checkpoints.settings.preferences import Preferences, opened

THEIRS = "SELECT name, sql FROM sqlite_master WHERE tbl_name NOT LIKE 'duograph%' ORDER BY name"


@contextmanager
def connected(target: str) -> Iterator[Connection]:
    is_server = target.startswith("postgres")
    if not is_server:
        Path(target).parent.mkdir(exist_ok=True)
    address = target.replace("postgresql:", "postgresql+psycopg:") if is_server else f"sqlite:///{target}"
    with create_engine(address, poolclass=NullPool).connect() as connection:
        yield connection


def fill(connection: Connection, revision: str) -> None:
    """Keep size 3 for the default user, and where there are others size 4 for Anna."""
    if revision == "base":
        return
    table = Table(TABLE, MetaData(), autoload_with=connection)
    row = {"name": "size", "value": "3", "updated_at": datetime(2026, 1, 1, tzinfo=UTC)}
    if revision == "0001":
        connection.execute(table.insert().values(row))
        return
    for user, size in (("default", "3"), ("anna", "4")):
        connection.execute(table.insert().values(row | {"user_id": user, "value": size}))


def values(connection: Connection) -> list[str]:
    return list(
        connection.execute(select(Table(TABLE, MetaData(), autoload_with=connection).c.value)).scalars()
    )


def test_the_revisions_are_those_in_the_folder() -> None:
    config = Config()
    config.set_main_option("script_location", f"{Path(checkpoints.settings.__file__).parent}/migrations")
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    assert tuple(reversed(found)) == REVISIONS
    assert len(REVISIONS) >= 2


def test_the_newest_revision_is_what_the_models_say(target: str) -> None:
    with connected(target) as connection:
        migrate(connection)
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name.startswith("duograph_"),
            },
        )
        assert compare_metadata(context, Base.metadata) == []
        assert set(inspect(connection).get_pk_constraint(TABLE)["constrained_columns"]) == {"user_id", "name"}


@pytest.mark.parametrize("start", ["base", *REVISIONS])
def test_an_upgrade_from_every_revision_keeps_the_data(target: str, start: str) -> None:
    with connected(target) as connection, connection.begin():
        migrate(connection, start)
        fill(connection, start)
    with opened(target) as service:
        assert service.read("default") == Preferences(size=None if start == "base" else 3)
        assert service.read("anna") == Preferences(size=4 if start == HEAD else None)
        assert service.update("default", loud=True).loud is True
    with connected(target) as connection:
        assert revision_of(connection) == HEAD


@pytest.mark.parametrize("end", ["base", *REVISIONS])
def test_a_downgrade_to_every_revision_keeps_what_has_room_there(target: str, end: str) -> None:
    with opened(target) as service:
        service.update("default", size=3)
        service.update("anna", size=4)
    SqlUserSettings(target).migrate(end)
    with connected(target) as connection:
        assert revision_of(connection) == (None if end == "base" else end)
        assert inspect(connection).has_table(TABLE) == (end != "base")
    # And up again: the default user's settings have been there all the time.
    with opened(target) as service:
        assert service.read("default") == Preferences(size=None if end == "base" else 3)
        assert service.read("anna") == Preferences(size=4 if end == HEAD else None)


def test_reading_an_older_revision_asks_for_an_upgrade(target: str) -> None:
    with connected(target) as connection, connection.begin():
        migrate(connection, "0001")
        fill(connection, "0001")
    assert peek(target, "default") is None
    with opened(target) as service:
        service.read("default")
    assert peek(target, "default") == {"size": 3}


def test_a_newer_revision_is_refused_and_left_alone(target: str) -> None:
    with opened(target) as service:
        service.update("default", size=3)
    with connected(target) as connection, connection.begin():
        connection.execute(text("UPDATE duograph_settings_revision SET version_num = '0099'"))
    with opened(target) as service:
        for call in (
            lambda: peek(target, "default"),
            lambda: service.read("default"),
            lambda: service.update("default", size=4),
        ):
            with pytest.raises(DatabaseError, match=r"'0099'.*update Duograph"):
                call()
    with connected(target) as connection:
        assert revision_of(connection) == "0099"
        assert values(connection) == ["3"]


def test_there_are_no_other_revisions(target: str) -> None:
    with pytest.raises(ValueError, match="no revision '0042': known are base, 0001"):
        SqlUserSettings(target).migrate("0042")


def test_a_failed_migration_leaves_everything_as_it_was(target: str) -> None:
    with connected(target) as connection, connection.begin():
        migrate(connection, "0001")
        fill(connection, "0001")
        # In the way of the table that the second revision makes.
        connection.execute(text(f"CREATE TABLE {TABLE}_new (x INTEGER)"))
    with opened(target) as service, pytest.raises(DatabaseError, match="duograph_user_settings_new"):
        service.update("default", size=5)
    with connected(target) as connection:
        assert revision_of(connection) == "0001"
        assert values(connection) == ["3"]


def test_sessions_and_a_stranger_s_tables_in_the_same_file_are_left_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "sessions.sqlite")
    with open_saver(path):
        pass
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE alembic_version (version_num TEXT)")
        conn.execute("INSERT INTO alembic_version VALUES ('theirs')")
        conn.commit()
        before = conn.execute(THEIRS).fetchall()
    with opened(path) as service:
        service.update("anna", size=1)
        SqlUserSettings(path).migrate("0001")
        service.update("default", size=2)
        SqlUserSettings(path).migrate("base")
        service.update("anna", size=3)
    with closing(sqlite3.connect(path)) as conn:
        after = conn.execute(THEIRS).fetchall()
        assert after == before
        assert conn.execute("SELECT version_num FROM alembic_version").fetchall() == [("theirs",)]
    with open_saver(path) as saver:
        assert Sessions(saver).list() == []
