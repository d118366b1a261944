"""What a reducer changed in place: stored, unless the saver was told that none does so."""

from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, RemoveMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.func import entrypoint
from langgraph.graph import START, StateGraph
from typing_extensions import TypedDict

from checkpoints import SessionSaver, open_saver
from nodes import add_messages

CONFIG: Any = {"configurable": {"thread_id": "t"}}


def graph_with(reducer: Any, saver: Any, answer: Any = None) -> Any:  # noqa: ANN401  # LangGraph's own types
    class Conversation(TypedDict):
        messages: Annotated[list[AnyMessage], reducer]
        seen: int

    builder: Any = StateGraph(Conversation)
    builder.add_node("answer", answer or (lambda state: {"seen": len(state["messages"])}))
    builder.add_edge(START, "answer")
    return builder.compile(checkpointer=saver)


def shortening(left: list[AnyMessage], right: list[AnyMessage]) -> list[AnyMessage]:
    """Changes what it is given, as a reducer should not."""
    for message in left:
        message.content = message.text[:3]
    return [*left, *right]


def stored(path: Path) -> list[str]:
    with open_saver(path) as saver:
        found = saver.get_tuple(CONFIG)
        assert found
        return [message.text for message in found.checkpoint["channel_values"]["messages"]]


LONG = "too long for a row " * 20


@pytest.mark.parametrize(("trusts", "first"), [(False, "too"), (True, LONG)])
def test_what_a_reducer_changes_in_place_is_stored_unless_reducers_are_trusted(
    tmp_path: Path, first: str, *, trusts: bool
) -> None:
    path = tmp_path / "s.db"
    with open_saver(path, trusts_reducers=trusts) as saver:
        graph = graph_with(shortening, saver)
        for text in (LONG, "another"):
            graph.invoke({"messages": [HumanMessage(text)]}, CONFIG)
    assert stored(path) == [first, "another"]


def test_what_a_reader_changed_is_no_reducers_doing(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    with open_saver(path, trusts_reducers=True) as saver:
        graph = graph_with(add_messages, saver)
        graph.invoke({"messages": [HumanMessage(LONG)]}, CONFIG)
        held = graph.get_state(CONFIG).values["messages"]
        held[0].content = "mine"
        graph.invoke({"messages": [HumanMessage("two")]}, CONFIG)
        held[0].content = "still mine"
        graph.invoke({"messages": [HumanMessage("three")]}, CONFIG)
    assert stored(path) == [LONG, "two", "three"]


@pytest.mark.parametrize("trusts", [False, True])
def test_a_function_that_takes_the_input_itself_is_a_node_like_any_other(
    tmp_path: Path, *, trusts: bool
) -> None:
    path = tmp_path / "s.db"
    with open_saver(path, trusts_reducers=trusts) as saver:

        @entrypoint(checkpointer=saver)
        def talk(text: str, *, previous: list[AnyMessage] | None = None) -> Any:  # noqa: ANN401
            for message in previous or []:
                message.additional_kwargs["seen"] = len(previous or [])
            return entrypoint.final(value=1, save=[*(previous or []), HumanMessage(text)])

        for number in range(3):
            talk.invoke(f"{number}{LONG}", CONFIG)
        found = saver.get_tuple(CONFIG)
        assert found
        kept = [one.additional_kwargs for one in found.checkpoint["channel_values"]["__previous__"]]
    assert kept == [{"seen": 2}, {"seen": 2}, {}]


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5), st.sampled_from("eads-")), max_size=12))
def test_a_trusting_saver_keeps_what_any_saver_keeps(turns: list[tuple[bool, int, str]]) -> None:
    """Our reducer, and nodes that edit, add, drop or change a message in place, beside LangGraph's memory."""

    def answer(state: Any) -> Any:  # noqa: ANN401  # the state's shape is no matter
        messages, (_, place, what) = state["messages"], turn
        old = messages[place % len(messages)]
        if what == "e":
            return {"messages": [AIMessage("edited", id=old.id)]}
        if what == "d" and len(messages) > 1:
            return {"messages": [RemoveMessage(id=old.id)]}
        if what == "s":
            old.additional_kwargs["said"] = "in place"
        return {"messages": [AIMessage("added")]} if what in "as" else {"seen": 1}

    with open_saver(":memory:", trusts_reducers=True) as saver:
        ours, theirs = (graph_with(add_messages, one, answer) for one in (saver, InMemorySaver()))
        for number, turn in enumerate(turns):
            told = [
                graph.invoke({"messages": [HumanMessage(f"{number}{LONG}", id=f"h{number}")]}, CONFIG)
                for graph in (ours, theirs)
            ]
            if turn[0]:  # somebody else reads meanwhile, and changes what was handed out
                reader: SessionSaver = saver
                found = reader.get_tuple(CONFIG)
                assert found
                found.checkpoint["channel_values"]["messages"][0].content = "not stored"
            told = [graph.get_state(CONFIG).values for graph in (ours, theirs)]
            mine, wanted = (
                [(type(one), one.content, one.additional_kwargs) for one in values["messages"]]
                for values in told
            )
            assert mine == wanted
