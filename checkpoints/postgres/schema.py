"""Our tables beside LangGraph's own, made and brought up to date by whoever opens the database first."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import sql

from checkpoints.protocol import DatabaseError

if TYPE_CHECKING:
    from psycopg import Connection

REVISION_TABLE: Final = "duograph_sessions_revision"

# Of no thread: any number will do that another program is unlikely to take.
_SETUP_KEY: Final = 0x6475_6F67_7261_7068
_POLL_S = 0.05
_SETUP_PATIENCE_S = 60.0

# The list of sessions is kept by triggers, so that it is right whoever writes: another program may use
# LangGraph's own saver on the same tables. They run with our rights: its user may have none on our list.
# `first` is the oldest that a thread ever had, as it may be pruned.
_LIST = """
CREATE TABLE duograph_sessions (
    thread_id text PRIMARY KEY,
    first text COLLATE "C" NOT NULL,
    last text COLLATE "C" NOT NULL,
    turn integer NOT NULL DEFAULT 0,
    floor integer NOT NULL DEFAULT 1,
    outlined text COLLATE "C",
    title text,
    asked integer,
    status text
);
CREATE INDEX duograph_sessions_last ON duograph_sessions (last DESC);

CREATE FUNCTION duograph_session_written() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $$
BEGIN
    INSERT INTO duograph_sessions (thread_id, first, last)
    VALUES (NEW.thread_id, NEW.checkpoint_id, NEW.checkpoint_id)
    ON CONFLICT (thread_id) DO UPDATE SET last = greatest(duograph_sessions.last, EXCLUDED.last);
    RETURN NULL;
END $$;

CREATE FUNCTION duograph_sessions_deleted() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $$
BEGIN
    WITH hit AS (
        SELECT s.thread_id, (
            SELECT max(c.checkpoint_id COLLATE "C") FROM checkpoints c
            WHERE c.thread_id = s.thread_id AND c.checkpoint_ns = ''
        ) AS last
        FROM duograph_sessions s
        JOIN gone ON gone.thread_id = s.thread_id AND gone.checkpoint_id COLLATE "C" = s.last
        WHERE gone.checkpoint_ns = ''
    ), emptied AS (
        DELETE FROM duograph_sessions s USING hit
        WHERE s.thread_id = hit.thread_id AND hit.last IS NULL
    )
    UPDATE duograph_sessions s SET last = hit.last FROM hit
    WHERE s.thread_id = hit.thread_id AND hit.last IS NOT NULL;
    RETURN NULL;
END $$;

CREATE TRIGGER duograph_session_written AFTER INSERT ON checkpoints
    FOR EACH ROW WHEN (NEW.checkpoint_ns = '') EXECUTE FUNCTION duograph_session_written();
CREATE TRIGGER duograph_sessions_deleted AFTER DELETE ON checkpoints
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION duograph_sessions_deleted();

INSERT INTO duograph_sessions (thread_id, first, last)
    SELECT thread_id, min(checkpoint_id COLLATE "C"), max(checkpoint_id COLLATE "C")
    FROM checkpoints WHERE checkpoint_ns = '' GROUP BY thread_id;
"""

# Who holds a thread. Unlogged, as no lock outlives the server anyway.
_TURNS = """
CREATE UNLOGGED TABLE duograph_turns (thread_id text PRIMARY KEY, holder text NOT NULL);
"""

# An index on a table that others write to meanwhile, outside of any transaction.
_RUNS = """
CREATE INDEX CONCURRENTLY IF NOT EXISTS duograph_checkpoints_run ON checkpoints ((metadata ->> 'run_id'))
"""

# Ids are clocks, and those of two machines may differ by more than the pause between two turns. So every
# checkpoint has a number in the order of writing, whoever writes; what was there before has none, and comes
# before all that have one, by id. A column without a default is added without rewriting the table.
_ORDER = """
ALTER TABLE checkpoints ADD COLUMN duograph_number bigint;
ALTER TABLE duograph_sessions ADD COLUMN number bigint;
CREATE SEQUENCE duograph_checkpoint_numbers;

CREATE FUNCTION duograph_checkpoint_numbered() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $$
BEGIN
    NEW.duograph_number := nextval('duograph_checkpoint_numbers');
    RETURN NEW;
END $$;
CREATE TRIGGER duograph_checkpoint_numbered BEFORE INSERT ON checkpoints
    FOR EACH ROW EXECUTE FUNCTION duograph_checkpoint_numbered();

CREATE OR REPLACE FUNCTION duograph_session_written() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $$
BEGIN
    INSERT INTO duograph_sessions AS s (thread_id, first, last, number)
    VALUES (NEW.thread_id, NEW.checkpoint_id, NEW.checkpoint_id, NEW.duograph_number)
    ON CONFLICT (thread_id) DO UPDATE SET last = EXCLUDED.last, number = EXCLUDED.number
    WHERE s.number IS NULL OR s.number < EXCLUDED.number;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION duograph_sessions_deleted() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, {schema}, pg_temp AS $$
BEGIN
    WITH hit AS (
        SELECT s.thread_id, newest.id, newest.number
        FROM duograph_sessions s
        JOIN gone ON gone.thread_id = s.thread_id AND gone.checkpoint_id COLLATE "C" = s.last
        LEFT JOIN LATERAL (
            SELECT c.checkpoint_id AS id, c.duograph_number AS number FROM checkpoints c
            WHERE c.thread_id = s.thread_id AND c.checkpoint_ns = ''
            ORDER BY c.duograph_number DESC NULLS LAST, c.checkpoint_id DESC LIMIT 1
        ) newest ON true
        WHERE gone.checkpoint_ns = ''
    ), emptied AS (
        DELETE FROM duograph_sessions s USING hit
        WHERE s.thread_id = hit.thread_id AND hit.id IS NULL
    )
    UPDATE duograph_sessions s SET last = hit.id, number = hit.number FROM hit
    WHERE s.thread_id = hit.thread_id AND hit.id IS NOT NULL;
    RETURN NULL;
END $$;

DROP INDEX duograph_sessions_last;
CREATE INDEX duograph_sessions_latest ON duograph_sessions (number DESC NULLS LAST, last DESC);
"""
_LATEST = """
CREATE INDEX CONCURRENTLY IF NOT EXISTS duograph_checkpoints_latest
    ON checkpoints (thread_id, checkpoint_ns, duograph_number DESC NULLS LAST, checkpoint_id DESC)
"""

STEPS: Final = (_LIST, _TURNS, _RUNS, _ORDER, _LATEST)
"""What makes each revision out of the one before it."""

_ALONE = frozenset((_RUNS, _LATEST))


def make_ready(conn: Connection[Any], place: str) -> None:
    """Make what is missing of LangGraph's tables and ours; does nothing on a database that is ready.

    Args:
        conn: In autocommit mode.
        place: The database as messages name it.

    Raises:
        DatabaseError: When a newer version made its tables, or another process is at it for too long.
        psycopg.Error: When the server refuses.
    """
    if is_ready(conn, place):
        return
    # Asked again and again, not waited for: CREATE INDEX CONCURRENTLY would wait for those who wait.
    deadline = time.monotonic() + _SETUP_PATIENCE_S
    while not _value(conn, "SELECT pg_try_advisory_lock(%s)", _SETUP_KEY):
        if time.monotonic() >= deadline:
            raise DatabaseError(
                f"The session database {place} is being made ready by another process for more than "
                f"{_SETUP_PATIENCE_S:g} s: look for what blocks it, then try again."
            )
        time.sleep(_POLL_S)
    try:
        if not is_ready(conn, place):
            PostgresSaver(conn).setup()
            _migrate(conn)
    finally:
        conn.execute("SELECT pg_advisory_unlock(%s)", (_SETUP_KEY,))


def is_ready(conn: Connection[Any], place: str) -> bool:
    """Whether all tables are there, as new as we know them.

    Raises:
        DatabaseError: When a newer version of Duograph made them.
    """
    ours = revision_of(conn)
    if ours > len(STEPS):
        raise DatabaseError(
            f"The session database {place} is of a newer version of Duograph (its revision is {ours}, and "
            f"{len(STEPS)} is known): update Duograph, or choose another database."
        )
    if ours < len(STEPS):
        return False
    theirs = _value(conn, "SELECT max(v) FROM checkpoint_migrations")
    return theirs is not None and int(theirs) >= len(PostgresSaver.MIGRATIONS) - 1


def revision_of(conn: Connection[Any]) -> int:
    """The revision of our tables; 0 when there are none."""
    if _value(conn, "SELECT to_regclass(%s)", REVISION_TABLE) is None:
        return 0
    return int(_value(conn, f"SELECT max(revision) FROM {REVISION_TABLE}") or 0)  # noqa: S608 - our own name


def _migrate(conn: Connection[Any]) -> None:
    conn.execute(f"CREATE TABLE IF NOT EXISTS {REVISION_TABLE} (revision integer PRIMARY KEY)")
    noted = f"INSERT INTO {REVISION_TABLE} VALUES (%s)"  # noqa: S608 - our own name
    schema = sql.Identifier(_value(conn, "SELECT current_schema()")).as_string(conn)
    for revision in range(revision_of(conn) + 1, len(STEPS) + 1):
        step = STEPS[revision - 1]
        if step in _ALONE:
            conn.execute(step)
            conn.execute(noted, (revision,))
        else:
            with conn.transaction():
                conn.execute(
                    step.format(schema=schema), prepare=False
                )  # several statements, which the server does not prepare
                conn.execute(noted, (revision,))


def _value(conn: Connection[Any], query: str, *values: object) -> Any:  # noqa: ANN401 - whatever was asked
    row = conn.execute(query, values or None).fetchone()
    return None if row is None else next(iter(row.values()))
