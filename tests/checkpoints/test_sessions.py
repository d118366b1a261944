"""Sessions: the list, one in full, prefixes, and ids."""

import json
import logging
import sqlite3
import string
import uuid
from contextlib import closing
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.graph import END, START, MessagesState, StateGraph
from pydantic import BaseModel

from checkpoints import (
    DatabaseError,
    Sessions,
    SessionSaver,
    UnknownThreadError,
    check_thread_id,
    new_thread_id,
    open_saver,
)
from tests.checkpoints.test_history import Counted, place


class Status(StrEnum):
    DONE = "done"


class Outcome(BaseModel):
    status: Status
    when: datetime


OUTCOME = Outcome(status=Status.DONE, when=datetime(2026, 1, 2, tzinfo=UTC))


def store(saver: SessionSaver, thread_id: str, **values: object) -> None:
    saver.put(
        {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}},
        {**empty_checkpoint(), "channel_values": values},
        {"source": "loop", "step": 1, "parents": {}},
        {},
    )


def said(*texts: str) -> list[BaseMessage]:
    return [HumanMessage(text) if number % 2 == 0 else AIMessage(text) for number, text in enumerate(texts)]


def test_the_list_is_newest_first_and_says_what_each_session_was_about() -> None:
    with open_saver(":memory:", allowed_types=(Outcome,)) as saver:
        store(saver, "old")
        store(saver, "new", messages=said("\n  Reverse a\tstring \nplease"))
        store(saver, "old", messages=said("Sort a list", "def ...", "Faster", "def ..."), result=OUTCOME)
        old, new = Sessions(saver).list()
        assert [summary.thread_id for summary in Sessions(saver).list(limit=1)] == ["old"]
    assert (old.thread_id, old.title, old.turns, old.status) == ("old", "Sort a list", 2, "done")
    assert (new.thread_id, new.title, new.turns, new.status) == ("new", "Reverse a string", 1, None)
    assert old.created_at < new.created_at <= new.updated_at < old.updated_at
    assert old.updated_at.utcoffset() == timedelta(0)


def test_of_a_graph_without_results_it_is_told_whether_its_turn_has_ended(tmp_path: Path) -> None:
    for target in (":memory:", tmp_path / "s.db"):
        with open_saver(target) as saver:
            counted = Counted(saver)
            counted.ask("ended", "hello")
            counted.asks = True
            counted.ask("waits", "hello")
            builder = StateGraph(MessagesState)
            builder.add_node("answer", lambda _: {"messages": [("ai", "yes")]})
            builder.add_node("file", lambda _: {})  # the last step says nothing
            for source, after in ((START, "answer"), ("answer", "file"), ("file", END)):
                builder.add_edge(source, after)
            graph = builder.compile(checkpointer=saver)
            graph.invoke({"messages": [HumanMessage("hello")]}, place("silent"))
            graph.invoke({"messages": [HumanMessage("hello")]}, place("cut"), interrupt_before=["file"])
            standing = {line.thread_id: line.status for line in Sessions(saver).list()}
            assert standing == {"ended": "ended", "waits": None, "silent": "ended", "cut": None}
            assert Sessions(saver).stats().by_status == {"ended": 2, "unfinished": 2}
            assert Sessions(saver).show("ended").status == "ended"


def test_an_empty_database_has_no_sessions(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        assert Sessions(saver).list() == []


def test_checkpoints_of_subgraphs_are_no_sessions_of_their_own() -> None:
    with open_saver(":memory:") as saver:
        store(saver, "t", messages=said("hello"))
        saver.put(
            {"configurable": {"thread_id": "t", "checkpoint_ns": "inner:1"}},
            empty_checkpoint(),
            {"source": "loop", "step": 1, "parents": {}},
            {},
        )
        assert [summary.title for summary in Sessions(saver).list()] == ["hello"]


def test_a_long_title_is_clipped_and_control_characters_do_not_reach_the_terminal() -> None:
    with open_saver(":memory:") as saver:
        store(saver, "t", messages=said("\x1b[31m" + "word " * 40))
        title = Sessions(saver).list()[0].title
    assert len(title) <= 60
    assert title.endswith("…")
    assert title.isprintable()


def test_a_session_is_shown_in_full_and_is_json() -> None:
    block: list[str | dict[Any, Any]] = [
        {"type": "reasoning", "reasoning": "secret"},
        {"type": "text", "text": "answer"},
    ]
    asked = HumanMessage("ask", additional_kwargs={"created_at": "2026-01-02T03:04:05Z"})
    messages = [SystemMessage("be kind"), asked, AIMessage(block), {"role": "user", "content": "plain"}]
    with open_saver(":memory:", allowed_types=(Outcome,)) as saver:
        store(saver, "t", messages=messages, result=OUTCOME)
        session = Sessions(saver).show("t")
    assert [(message.role, message.text) for message in session.messages] == [
        ("system", "be kind"),
        ("user", "ask"),
        ("assistant", "answer"),
        ("user", "plain"),
    ]
    assert [message.when for message in session.messages[:2]] == [
        None,
        datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    ]
    assert session.result == {"status": "done", "when": "2026-01-02T00:00:00Z"}
    assert json.loads(session.model_dump_json())["turns"] == 2


def test_a_result_whose_type_is_not_allowed_here_is_read_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.CRITICAL)
    with open_saver(":memory:") as saver:
        store(saver, "t", result=OUTCOME)
        assert Sessions(saver).list()[0].status == "done"
        assert Sessions(saver).show("t").result == {"status": "done", "when": "2026-01-02T00:00:00Z"}


def test_four_characters_find_a_session_when_no_other_begins_so() -> None:
    with open_saver(":memory:") as saver:
        for thread_id in ("abcd-1", "abcd-2", "wxyz-1", "wxyz-12"):
            store(saver, thread_id)
        sessions = Sessions(saver)
        assert sessions.show("abcd-1").thread_id == "abcd-1"
        assert sessions.show("wxyz-1").thread_id == "wxyz-1"
        with pytest.raises(UnknownThreadError, match=r"2 sessions begin with 'abcd'.*write more of the id"):
            sessions.show("abcd")
        with pytest.raises(UnknownThreadError, match=r"No session has the id 'wxy'"):
            sessions.show("wxy")


def test_an_unknown_session_is_named_with_the_nearest_or_the_way_to_the_list() -> None:
    with open_saver(":memory:") as saver:
        store(saver, "3f2a9c")
        with pytest.raises(UnknownThreadError, match=r"'3f2b9c': did you mean 3f2a9c\?"):
            Sessions(saver).show("3f2b9c")
        with pytest.raises(UnknownThreadError, match=r"'zzzz': `duograph sessions list` shows"):
            Sessions(saver).show("zzzz")


def test_a_new_thread_id_is_a_uuid_and_accepted() -> None:
    first, second = new_thread_id(), new_thread_id()
    assert first != second
    assert str(uuid.UUID(first)) == check_thread_id(first)


@given(st.text(alphabet=string.ascii_letters + string.digits + "_.:-", min_size=1, max_size=128))
def test_plain_ids_are_accepted_as_they_are(value: str) -> None:
    assert check_thread_id(value) == value


@pytest.mark.parametrize("value", ["", "a b", "a\n", "../x/y", "é", "x" * 129, "a\0"])
def test_other_ids_are_refused_with_what_is_allowed(value: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be used: write 1 to 128 letters") as caught:
        check_thread_id(value)
    assert len(str(caught.value)) < 200


def _chat() -> StateGraph[MessagesState, None, MessagesState, MessagesState]:
    builder = StateGraph(MessagesState)
    builder.add_node("answer", lambda _: {"messages": [AIMessage("hi")]})
    builder.add_edge(START, "answer")
    return builder


def test_a_damaged_session_is_said_so_and_hides_no_other(tmp_path: Path) -> None:
    path = tmp_path / "sessions.sqlite"
    with open_saver(path) as saver:
        for thread_id in ("good", "broken"):
            graph = _chat().compile(checkpointer=saver)
            graph.invoke({"messages": [HumanMessage("hello")]}, {"configurable": {"thread_id": thread_id}})
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(
            "UPDATE duograph_checkpoints SET head = x'ff00' "
            "WHERE thread = (SELECT id FROM duograph_threads WHERE name = 'broken')"
        )
        conn.commit()
    with open_saver(path) as saver:
        listed = {summary.thread_id: summary for summary in Sessions(saver).list()}
        assert listed["broken"].status == "damaged"
        assert listed["good"].title == "hello"
        assert abs(listed["broken"].updated_at - listed["good"].updated_at) < timedelta(minutes=1)
        with pytest.raises(DatabaseError, match="the session broken"):
            Sessions(saver).show("broken")
