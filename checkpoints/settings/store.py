"""User settings in SQLite or PostgreSQL, through SQLAlchemy."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Delete, Engine, create_engine, delete, event, make_url, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from checkpoints.connect import connect
from checkpoints.faults import explain
from checkpoints.postgres.address import is_postgres
from checkpoints.protocol import DatabaseError
from checkpoints.settings.migrate import migrate, revision_of
from checkpoints.settings.postgres import driver, explain_postgres
from checkpoints.settings.protocol import StoredSetting
from checkpoints.settings.reading import open_reading
from checkpoints.settings.schema import (
    BUSY_TIMEOUT_S,
    HEAD,
    check_revision,
    file_of,
    place_of,
)
from checkpoints.settings.tables import UserSetting

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path


class SqlUserSettings:
    """The store behind `UserSettingsService`; may be used from any thread.

    Tables are made at the first write and brought up to date at the first use. No connection stays open
    between two calls, so there is nothing that a fork or an event loop could share by mistake.
    """

    def __init__(self, target: str | Path, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> None:
        """Note where; nothing is opened yet.

        Args:
            target: Path of an SQLite file, or a `postgresql://` address.
            busy_timeout_s: Seconds to wait for another process's lock, or for the server.

        Raises:
            DatabaseError: When `target` can keep no settings.
        """
        self.place = place_of(target)
        self._target = str(target)
        self._path: Path | None = None
        if is_postgres(target):
            driver()
            self._writing = self._reading = _postgres(self._target, busy_timeout_s)
            return
        self._path = path = file_of(target)
        if path is None:
            raise DatabaseError(
                "A database in memory keeps no user settings: give the path of an SQLite file."
            )
        self.place = str(path)
        self._writing = _sqlite(lambda: connect(path, busy_timeout_s), "BEGIN IMMEDIATE")
        self._reading = _sqlite(lambda: open_reading(path, busy_timeout_s), "BEGIN")

    def rows(self, user_id: str) -> Sequence[StoredSetting]:
        """List a user's values; see `UserSettingsStore`."""
        query = select(UserSetting).where(UserSetting.user_id == user_id).order_by(UserSetting.name)
        with self._read() as connection:
            found = [] if connection is None else connection.execute(query).all()
        return [StoredSetting(row.user_id, row.name, row.value, _utc(row.updated_at)) for row in found]

    def users(self) -> Sequence[str]:
        """List the users who have a value; see `UserSettingsStore`."""
        query = select(UserSetting.user_id).distinct().order_by(UserSetting.user_id)
        with self._read() as connection:
            return [] if connection is None else list(connection.execute(query).scalars())

    def write(
        self,
        user_id: str,
        values: Mapping[str, object],
        *,
        without: Collection[str] = (),
        only_new: bool = False,
    ) -> bool:
        """Write and remove values; see `UserSettingsStore`."""
        now = datetime.now(UTC)
        with self._write() as connection:
            some = select(UserSetting.name).where(UserSetting.user_id == user_id).limit(1)
            if only_new and connection.execute(some).first():
                return False
            if without:
                connection.execute(_delete(user_id, without))
            # In one order everywhere, so that two writers on a server cannot wait for each other.
            for name in sorted(values):
                _upsert(connection, user_id, name, values[name], now)
        return True

    def remove(self, user_id: str, names: Collection[str] | None = None) -> int:
        """Remove values; see `UserSettingsStore`."""
        if not self.rows(user_id):
            return 0  # so that nothing is made where nothing is
        with self._write() as connection:
            return connection.execute(_delete(user_id, names)).rowcount

    def migrate(self, revision: str = HEAD) -> None:
        """Bring the tables to a revision; see `migrate`.

        Raises:
            DatabaseError: When the database cannot be written, or is of a newer version.
        """
        with self._explained(), self._writing.begin() as connection:
            migrate(connection, revision, place=self.place)

    def close(self) -> None:
        """Close what is open; a second call does nothing."""
        self._writing.dispose()
        self._reading.dispose()

    @contextmanager
    def _write(self) -> Iterator[Connection]:
        with self._explained(), self._writing.begin() as connection:
            if revision_of(connection) != HEAD:
                migrate(connection, place=self.place)
            yield connection

    @contextmanager
    def _read(self) -> Iterator[Connection | None]:
        """A connection to tables that are up to date, or None where there are none."""
        if self._path is not None and not self._path.is_file():
            yield None
            return
        with self._explained():
            with self._reading.begin() as connection:
                revision = revision_of(connection)
                check_revision(revision, self.place)
                if revision in (None, HEAD):
                    yield None if revision is None else connection
                    return
            self.migrate()
            with self._reading.begin() as connection:
                yield connection

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Raise what the drivers report as `DatabaseError`."""
        try:
            yield
        except DBAPIError as error:
            if isinstance(error.orig, sqlite3.Error):
                raise explain(error.orig, self.place) from error
            raise explain_postgres(error.orig, self._target) from error  # type: ignore[arg-type]  # psycopg's
        except sqlite3.Error as error:  # from opening, which SQLAlchemy leaves as it is
            raise explain(error, self.place) from error


def _sqlite(creator: Any, begin: str) -> Engine:  # noqa: ANN401  # SQLAlchemy has no name for it
    """An engine whose transactions begin as we say: the driver's own ways would lock too late."""
    engine = create_engine("sqlite://", creator=creator, poolclass=NullPool)

    @event.listens_for(engine, "connect")
    def _take_over(conn: sqlite3.Connection, _record: object) -> None:
        conn.isolation_level = None

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


def _postgres(target: str, timeout_s: float) -> Engine:
    url = make_url(target).set(drivername="postgresql+psycopg")
    return create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": max(1, round(timeout_s))})


def _upsert(connection: Connection, user_id: str, name: str, value: object, now: datetime) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    new = insert(UserSetting).values(user_id=user_id, name=name, value=value, updated_at=now)
    kept = {"value": new.excluded.value, "updated_at": new.excluded.updated_at}
    connection.execute(new.on_conflict_do_update(index_elements=["user_id", "name"], set_=kept))


def _delete(user_id: str, names: Collection[str] | None) -> Delete:
    query = delete(UserSetting).where(UserSetting.user_id == user_id)
    return query if names is None else query.where(UserSetting.name.in_(names))


def _utc(moment: datetime) -> datetime:
    """SQLite keeps no time zone; what we write is UTC."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
