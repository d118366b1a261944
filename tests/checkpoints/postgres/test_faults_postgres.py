"""Servers that are down, refuse, or go away in the middle: one sentence, no password, and on again after."""

import logging
from collections.abc import Iterator

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver

from checkpoints import DatabaseError, Sessions, open_saver
from checkpoints.health import inspect_database
from tests.checkpoints.postgres.servers import MISSING, cut_connections, started, stop, want_password
from tests.checkpoints.test_history import Counted, place
from tests.postgres import PostgresServer, binaries, running

pytestmark = pytest.mark.slow


@pytest.fixture
def own() -> Iterator[PostgresServer]:
    """A server of the test's own, to be stopped."""
    where = binaries()
    if where is None:
        pytest.skip(MISSING)
    with running(where) as server:
        yield server


def refusal(target: str) -> str:
    with pytest.raises(DatabaseError) as caught, open_saver(target, busy_timeout_s=0.5):
        pytest.fail("opened")
    with pytest.raises(DatabaseError):
        inspect_database(target)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


def test_a_wrong_password_and_a_missing_one_are_said_without_it(own: PostgresServer) -> None:
    want_password(own, "guarded", "open sesame")
    right = f"postgresql://guarded:open%20sesame@/postgres?host={own.folder}"
    with open_saver(right) as saver:
        Counted(saver).ask("t", "hello")
    text = refusal(right.replace("sesame", "barley"))
    assert "refused the user or password: mend them" in text
    assert "barley" not in text
    assert "wants a password" in refusal(f"postgresql://guarded@/postgres?host={own.folder}")


def test_a_database_that_is_not_there_is_named(postgres: PostgresServer) -> None:
    assert '"nowhere" does not exist): make it on the server' in refusal(postgres.address("nowhere"))


def test_a_user_without_rights_is_told_what_is_missing(postgres: PostgresServer) -> None:
    target = postgres.new_database()
    with psycopg.connect(target, autocommit=True) as conn:
        conn.execute("CREATE ROLE visitor LOGIN")
    visitor = target.replace("duograph@", "visitor@")
    with (
        pytest.raises(DatabaseError, match=r"refused \(permission denied for schema public\): GRANT"),
        open_saver(visitor),
    ):
        pytest.fail("opened")
    server = inspect_database(visitor).server
    assert server is not None
    assert not server.is_writable
    with open_saver(target), psycopg.connect(target, autocommit=True) as conn:
        for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes", "checkpoint_migrations"):
            conn.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO visitor")
        for table in ("duograph_sessions", "duograph_turns", "duograph_sessions_revision"):
            conn.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO visitor")
        with open_saver(visitor) as saver:  # tables that somebody else made are enough
            Counted(saver).ask("t", "hello")


def test_a_program_without_rights_on_our_list_still_writes_and_is_listed(postgres: PostgresServer) -> None:
    target = postgres.new_database()
    with open_saver(target) as saver, psycopg.connect(target, autocommit=True) as conn:
        conn.execute("CREATE ROLE neighbour LOGIN")
        conn.execute("GRANT ALL ON checkpoints, checkpoint_blobs, checkpoint_writes TO neighbour")
        with PostgresSaver.from_conn_string(target.replace("duograph@", "neighbour@")) as stock:
            Counted(stock).ask("theirs", "hi")  # type: ignore[arg-type]
            assert [session.title for session in Sessions(saver).list()] == ["hi"]
            stock.delete_thread("theirs")
        assert Sessions(saver).list() == []


def test_connections_that_were_cut_at_rest_are_replaced_unseen(target: str) -> None:
    with open_saver(target) as saver:
        counted = Counted(saver)
        with saver.locks.hold("t"):
            counted.ask("t", "one")
        assert cut_connections(target) >= 2
        with saver.locks.hold("t"):
            counted.ask("t", "two")
        assert Sessions(saver).list()[0].turns == 2


def test_a_connection_that_is_cut_in_the_middle_is_said_and_nothing_is_half_done(target: str) -> None:
    with open_saver(target) as saver:
        Counted(saver).ask("t", "one")
        with psycopg.connect(target, autocommit=True) as conn:
            conn.execute(
                "CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
            )
            conn.execute("CREATE TRIGGER cut AFTER DELETE ON checkpoint_writes EXECUTE FUNCTION cut()")
            with pytest.raises(DatabaseError, match=r"lost the connection .* it connects anew"):
                saver.delete_thread("t")
            assert saver.get_tuple(place("t")) is not None
            conn.execute("DROP TRIGGER cut ON checkpoint_writes")
        saver.delete_thread("t")
        assert saver.get_tuple(place("t")) is None


def test_a_server_that_is_started_anew_is_found_again(
    own: PostgresServer, caplog: pytest.LogCaptureFixture
) -> None:
    target = own.new_database()
    with caplog.at_level(logging.DEBUG), open_saver(target, busy_timeout_s=0.5) as saver:
        counted = Counted(saver)
        with saver.locks.hold("t"):
            counted.ask("t", "one")
        stop(own)
        for _ in range(2):
            with pytest.raises(DatabaseError, match="cannot be reached"):
                counted.ask("t", "two")
            with pytest.raises(DatabaseError, match="cannot be reached"), saver.locks.hold("t"):
                pytest.fail("held")
        with started(own):
            with saver.locks.hold("t"):
                counted.ask("t", "two")
            assert Sessions(saver).list()[0].turns == 2


def test_a_turn_that_a_restart_cut_stores_nothing_more(own: PostgresServer) -> None:
    target = own.new_database()
    with open_saver(target, busy_timeout_s=5) as saver:
        counted = Counted(saver)
        with saver.locks.hold("t"):
            counted.ask("t", "one")
            stop(own)
            with started(own):
                with pytest.raises(DatabaseError, match="lost its lock"):
                    counted.ask("t", "two")
                assert len(counted.texts("t")) == 3
                with saver.locks.hold("u"):
                    counted.ask("u", "two")
