"""A session's steps, forks of them, and sessions in files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, interrupt

from checkpoints import (
    SessionFileError,
    Sessions,
    SessionSaver,
    UnknownThreadError,
    export_session,
    fork,
    import_session,
    moments,
    open_saver,
)

Graph = CompiledStateGraph[Any, None, Any, Any]


class Counted:
    """Two nodes that count their runs; the second may ask a person."""

    def __init__(self, saver: SessionSaver, *, asks: bool = False) -> None:
        self.runs: list[str] = []
        self.asks = asks
        builder = StateGraph(MessagesState)
        builder.add_node("first", self.first)
        builder.add_node("second", self.second)
        builder.add_edge(START, "first")
        builder.add_edge("first", "second")
        builder.add_edge("second", END)
        self.graph: Graph = builder.compile(checkpointer=saver)

    def first(self, state: MessagesState) -> dict[str, Any]:
        del state
        self.runs.append("first")
        return {"messages": [("ai", f"first {len(self.runs)}")]}

    def second(self, state: MessagesState) -> dict[str, Any]:
        del state
        self.runs.append("second")
        answer = interrupt("well?") if self.asks else "yes"
        return {"messages": [("ai", f"second: {answer}")]}

    def ask(self, thread_id: str, text: str) -> None:
        self.graph.invoke({"messages": [HumanMessage(text)]}, place(thread_id))

    def texts(self, thread_id: str) -> list[str]:
        return [message.content for message in self.graph.get_state(place(thread_id)).values["messages"]]


def place(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}


def test_the_steps_say_their_turn_and_what_comes_next() -> None:
    with open_saver(":memory:") as saver:
        counted = Counted(saver)
        counted.ask("t", "one")
        counted.ask("t", "two")
        found = moments(saver, "t")
    assert [(moment.turn, moment.following) for moment in found] == [
        (2, ()),
        (2, ("second",)),
        (2, ("first",)),
        (1, ()),
        (1, ("second",)),
        (1, ("first",)),
    ]
    assert [moment.when for moment in found] == sorted((moment.when for moment in found), reverse=True)


def test_a_fork_goes_its_own_way_and_the_session_stays() -> None:
    with open_saver(":memory:") as saver:
        counted = Counted(saver)
        counted.ask("t", "one")
        counted.ask("t", "two")
        before = counted.texts("t")
        end_of_first = next(moment for moment in moments(saver, "t") if moment.turn == 1)
        made = fork(saver, "t", at=end_of_first.checkpoint_id, into="other")
        assert made == "other"
        assert counted.texts("other") == before[:3]
        counted.ask("other", "three")
        assert counted.texts("t") == before
        assert counted.texts("other")[:4] == [*before[:3], "three"]


def test_a_fork_from_the_middle_of_a_turn_does_what_followed_anew() -> None:
    with open_saver(":memory:") as saver:
        counted = Counted(saver)
        counted.ask("t", "one")
        middle = next(moment for moment in moments(saver, "t") if moment.following == ("second",))
        made = fork(saver, "t", at=middle.checkpoint_id)
        counted.graph.invoke(None, place(made))
        assert counted.runs == ["first", "second", "second"]
        assert counted.texts(made) == counted.texts("t")


def test_a_fork_of_a_turn_that_waits_can_be_answered_in_another_way() -> None:
    with open_saver(":memory:") as saver:
        counted = Counted(saver, asks=True)
        counted.ask("t", "one")
        made = fork(saver, "t")
        counted.graph.invoke(Command(resume="no"), place(made))
        counted.graph.invoke(Command(resume="yes"), place("t"))
        assert counted.texts(made)[-1] == "second: no"
        assert counted.texts("t")[-1] == "second: yes"


@pytest.mark.parametrize(
    ("at", "message"),
    [("ffff", "No step of session t has an id that begins with 'ffff'"), ("", "No step"), ("1", "3 steps")],
)
def test_a_step_that_is_not_there_or_not_one_is_named(at: str, message: str) -> None:
    with open_saver(":memory:") as saver:
        counted = Counted(saver)
        counted.ask("t", "one")
        kept = len(moments(saver, "t"))
        with pytest.raises(UnknownThreadError, match=message.replace("3", str(kept + 1))):
            fork(saver, "t", at=at)


def test_a_taken_or_impossible_id_is_refused_and_nothing_is_written() -> None:
    with open_saver(":memory:") as saver:
        Counted(saver).ask("t", "one")
        with pytest.raises(ValueError, match="There is a session t already"):
            fork(saver, "t", into="t")
        with pytest.raises(ValueError, match="cannot be used"):
            fork(saver, "t", into="a b")
        with pytest.raises(UnknownThreadError, match="'nobody'"):
            fork(saver, "nobody")
        assert [summary.thread_id for summary in Sessions(saver).list()] == ["t"]


def test_a_session_moves_to_another_database_whole(tmp_path: Path) -> None:
    with open_saver(tmp_path / "a.sqlite") as saver:
        counted = Counted(saver, asks=True)
        counted.ask("t", "one")
        text = export_session(saver, "t").model_dump_json()
    assert [message["text"] for message in json.loads(text)["messages"]] == ["one", "first 1"]
    with open_saver(tmp_path / "b.sqlite") as saver:
        assert import_session(saver, text) == "t"
        counted = Counted(saver, asks=True)
        counted.graph.invoke(Command(resume="yes"), place("t"))
        assert counted.runs == ["second"]
        assert counted.texts("t") == ["one", "first 1", "second: yes"]
        with pytest.raises(ValueError, match="There is a session t already"):
            import_session(saver, text)
        assert import_session(saver, text, into="again") == "again"


def _exported() -> dict[str, Any]:
    with open_saver(":memory:") as saver:
        Counted(saver).ask("t", "one")
        found: dict[str, Any] = export_session(saver, "t").model_dump(mode="json")
        return found


EXPORTED = _exported()


def wrong(change: Callable[[dict[str, Any]], object]) -> str:
    plain: dict[str, Any] = json.loads(json.dumps(EXPORTED))
    change(plain)
    return json.dumps(plain)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no exported session"),
        ("[]", "is no exported session"),
        ("{}", "The field thread_id of the file is wrong"),
        (wrong(lambda plain: plain.update(version=2)), "The field version"),
        (wrong(lambda plain: plain.update(more=1)), "The field more"),
        (wrong(lambda plain: plain["checkpoint"].update(type="pickle")), "The field checkpoint.type"),
        (wrong(lambda plain: plain["checkpoint"].update(data="/w==")), "damaged|no checkpoint"),
        (wrong(lambda plain: plain["checkpoint"].update(data="not base64")), "is damaged"),
        (wrong(lambda plain: plain["checkpoint"].update(type="null", data="")), "holds no checkpoint"),
        (wrong(lambda plain: plain["metadata"].update(type="null", data="")), "holds no metadata"),
    ],
)
def test_a_file_that_is_none_is_refused_and_nothing_is_stored(text: str, message: str) -> None:
    with open_saver(":memory:") as saver:
        with pytest.raises(SessionFileError, match=message):
            import_session(saver, text)
        assert Sessions(saver).list() == []


@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=4))
def test_no_damage_to_the_file_does_more_than_fail(place_in: int, junk: bytes) -> None:
    whole = json.dumps(EXPORTED).encode()
    at = place_in % len(whole)
    text = (whole[:at] + junk + whole[at + len(junk) :]).decode(errors="replace")
    with open_saver(":memory:") as saver:
        try:
            made = import_session(saver, text)
        except (SessionFileError, ValueError):
            assert Sessions(saver).list() == []
        else:
            # What was changed was not the state, or another good value of it.
            assert saver.get_tuple({"configurable": {"thread_id": made, "checkpoint_ns": ""}}) is not None
