"""The list of sessions on a server, whoever writes there, and what a reader sees."""

import psycopg
import pytest
from langgraph.checkpoint.base import CheckpointMetadata, empty_checkpoint
from langgraph.checkpoint.postgres import PostgresSaver

from checkpoints import (
    DatabaseError,
    Sessions,
    open_saver,
)
from checkpoints.health import inspect_database
from tests.checkpoints.test_history import Counted, place
from tests.checkpoints.test_saver_graph import ask, build, thread

pytestmark = pytest.mark.slow

METADATA: CheckpointMetadata = {"source": "input", "step": -1, "parents": {}}


def test_the_list_is_right_whoever_writes(target: str) -> None:
    """LangGraph's own saver was there first, and goes on writing to the same tables beside ours."""
    with PostgresSaver.from_conn_string(target) as stock:
        stock.setup()
        Counted(stock).ask("before", "long ago")  # type: ignore[arg-type]
        with open_saver(target) as saver:
            counted = Counted(saver)
            counted.ask("ours", "hello")
            Counted(stock).ask("theirs", "hi")  # type: ignore[arg-type]
            Counted(stock).ask("ours", "more")  # type: ignore[arg-type]
            found = Sessions(saver).list()
            assert [(one.thread_id, one.title, one.turns) for one in found] == [
                ("ours", "hello", 2),
                ("theirs", "hi", 1),
                ("before", "long ago", 1),
            ]
            stock.delete_thread("theirs")
            stock.prune(["ours"])
            assert [one.thread_id for one in Sessions(saver).list()] == ["ours", "before"]
            counted.ask("before", "again")
            assert Sessions(saver).list()[0].turns == 2


def test_ten_thousand_sessions_are_listed_by_an_index(target: str) -> None:
    with open_saver(target) as saver:
        with psycopg.connect(target) as conn:
            conn.execute(
                "INSERT INTO checkpoints (thread_id, checkpoint_id, checkpoint) "
                "SELECT n::text, '1ef0' || lpad(n::text, 8, '0'), '{}' FROM generate_series(1, 10000) n"
            )
            conn.commit()
            build(saver).invoke(ask("newest"), thread("mine"))
            conn.execute("ANALYZE duograph_sessions")
            plan = conn.execute(
                "EXPLAIN SELECT thread_id FROM duograph_sessions "
                "ORDER BY number DESC NULLS LAST, last DESC LIMIT 50"
            ).fetchall()
        assert "duograph_sessions_latest" in plan[1][0]
        spans = saver.thread_spans()
        assert len(spans) == 10_001
        assert spans[0].thread_id == "mine"


def test_a_reader_changes_nothing_and_is_told_so(target: str) -> None:
    with pytest.raises(DatabaseError, match="holds no sessions"), open_saver(target, read_only=True):
        pytest.fail("opened")
    with open_saver(target) as saver:
        Counted(saver).ask("t", "hello")
    with open_saver(target, read_only=True) as reader:
        assert Sessions(reader).list()[0].title == "hello"
        with pytest.raises(DatabaseError, match="opened read-only"):
            reader.delete_thread("t")
        with pytest.raises(DatabaseError, match="opened read-only"):
            reader.put(place("t"), empty_checkpoint(), METADATA, {})


def test_a_damaged_value_is_named_and_the_rest_is_listed(target: str) -> None:
    with open_saver(target) as saver:
        counted = Counted(saver)
        counted.ask("good", "one")
        counted.ask("bad", "two")
        with psycopg.connect(target) as conn:
            conn.execute("UPDATE checkpoint_blobs SET blob = '\\x81' WHERE thread_id = 'bad'")
        with pytest.raises(DatabaseError, match=r"A checkpoint of the session bad in .* is damaged"):
            saver.get_tuple(place("bad"))
        assert {one.thread_id for one in Sessions(saver).list()} == {"good", "bad"}


def test_the_server_is_inspected_and_nothing_is_made(target: str) -> None:
    server = inspect_database(target).server
    assert server is not None
    assert (server.is_ready, server.is_writable, server.sessions) == (False, True, 0)
    assert int(server.version.split(".")[0]) >= 12
    assert server.latency_ms > 0
    with open_saver(target) as saver:
        Counted(saver).ask("t", "hello")
    server = inspect_database(target).server
    assert server is not None
    assert (server.is_ready, server.sessions) == (True, 1)
