"""The tables on a server: each revision out of the one before it."""

import psycopg
import pytest
from langgraph.checkpoint.postgres import PostgresSaver
from psycopg import sql
from psycopg.rows import dict_row

from checkpoints import (
    DatabaseError,
    Sessions,
    moments,
    open_saver,
)
from checkpoints.postgres import schema
from checkpoints.postgres.schema import REVISION_TABLE, STEPS
from tests.checkpoints.clocks import HOUR_S, machine
from tests.checkpoints.test_history import Counted

pytestmark = pytest.mark.slow


def test_a_newer_revision_is_left_alone(target: str) -> None:
    with open_saver(target):
        pass
    with psycopg.connect(target) as conn:
        table = sql.Identifier(REVISION_TABLE)
        conn.execute(sql.SQL("INSERT INTO {} VALUES (%s)").format(table), (len(STEPS) + 1,))
    with pytest.raises(DatabaseError, match="of a newer version of Duograph"), open_saver(target):
        pytest.fail("opened")


def at_revision(target: str, revision: int) -> None:
    """Make the tables as an earlier version of Duograph did."""
    with pytest.MonkeyPatch.context() as patch, psycopg.connect(target, autocommit=True) as conn:
        patch.setattr(schema, "STEPS", STEPS[:revision])
        conn.row_factory = dict_row  # type: ignore[assignment]
        schema.make_ready(conn, "the database")
        assert schema.revision_of(conn) == revision


@pytest.mark.parametrize("revision", range(1, len(STEPS)))
def test_every_earlier_revision_is_brought_up_to_date_with_what_it_holds(target: str, revision: int) -> None:
    at_revision(target, revision)
    with PostgresSaver.from_conn_string(target) as stock:
        stock.setup()
        counted = Counted(stock)  # type: ignore[arg-type]
        for thread_id in ("early", "late"):
            for text in ("one", "two"):
                counted.ask(thread_id, text)
    with open_saver(target) as saver, machine(behind_s=HOUR_S):
        assert [line.thread_id for line in Sessions(saver).list()] == ["late", "early"]
        counted = Counted(saver)
        counted.ask("early", "three")  # what has a number comes after all that has none
        assert [line.thread_id for line in Sessions(saver).list()] == ["early", "late"]
        assert [text for text in counted.texts("early") if len(text) < 6] == ["one", "two", "three"]
        assert [moment.turn for moment in moments(saver, "early")] == [3] * 3 + [2] * 3 + [1] * 3
        saver.copy_thread("early", "twin")
        assert [moment.turn for moment in moments(saver, "twin")] == [3] * 3 + [2] * 3 + [1] * 3
    with psycopg.connect(target, row_factory=dict_row) as conn:
        assert schema.revision_of(conn) == len(STEPS)


def test_what_langgraphs_own_saver_writes_is_put_in_order_too(target: str) -> None:
    with open_saver(target) as saver, PostgresSaver.from_conn_string(target) as stock:
        counted = Counted(saver)
        counted.ask("t", "one")
        theirs = Counted(stock)  # type: ignore[arg-type]
        with machine(behind_s=-HOUR_S):
            theirs.ask("t", "two")
        counted.ask("t", "three")
        assert [text for text in counted.texts("t") if len(text) < 6] == ["one", "two", "three"]
        # Theirs goes by the clock, which it takes to be one for all.
        assert theirs.texts("t")[-3] == "two"
