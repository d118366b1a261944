"""Our reducer beside LangGraph's: the same conversation, and the old messages are left as they were."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import (
    AIMessage,
    AIMessageChunk,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.graph.message import REMOVE_ALL_MESSAGES
from langgraph.graph.message import add_messages as add_any_messages

from nodes import add_messages

_ids = st.one_of(st.none(), st.sampled_from(("a", "b", "c", "")))
_texts = st.sampled_from(("", "hello", "another"))


@st.composite
def _new(draw: st.DrawFn) -> Any:  # noqa: ANN401  # whatever the reducer takes
    text, given_id = draw(_texts), draw(_ids)
    return draw(
        st.sampled_from(
            (
                HumanMessage(text, id=given_id),
                AIMessage(text, id=given_id, additional_kwargs={"n": [1]}),
                SystemMessage(text, id=given_id),
                ToolMessage(text, id=given_id, tool_call_id="call"),
                AIMessageChunk(content=text, id=given_id),
                RemoveMessage(id=given_id or "a"),
                RemoveMessage(id=REMOVE_ALL_MESSAGES),
                {"role": "user", "content": text},
                ("assistant", text),
                text,
                17,
            )
        )
    )


_updates = st.one_of(_new(), st.lists(_new(), max_size=4))


def _told(messages: list[Any]) -> list[Any]:
    """A conversation without the ids that were drawn."""
    return [
        (type(one), one.content, one.additional_kwargs, one.id if len(one.id or "") < 2 else "drawn")
        for one in messages
    ]


def _outcome(reducer: Any, left: Any, right: Any) -> Any:  # noqa: ANN401  # a list, or the error's class
    try:
        return reducer(left, right)
    except (ValueError, NotImplementedError) as error:
        return type(error)


@given(st.lists(_updates, max_size=8))
def test_it_gives_what_langgraphs_gives(updates: list[Any]) -> None:
    ours: Any = []
    theirs: Any = []
    for update in updates:
        before, was = list(ours), deepcopy(ours)
        made = _outcome(add_messages, ours, deepcopy(update))
        wanted = _outcome(add_any_messages, theirs, deepcopy(update))
        assert ours == before == was
        if isinstance(wanted, type):
            assert made is wanted
            continue
        assert _told(made) == _told(wanted)
        ours, theirs = made, wanted


@given(st.lists(_new().filter(lambda one: not isinstance(one, int | RemoveMessage)), max_size=4), _updates)
def test_a_conversation_that_no_reducer_made_is_taken_too(
    left: list[Any],
    update: Any,  # noqa: ANN401  # whatever the reducer takes
) -> None:
    if left and all(getattr(one, "id", None) is not None for one in left[-1:]):
        left = [one for one in left if getattr(one, "id", None) is not None]
    made = _outcome(add_messages, deepcopy(left), deepcopy(update))
    wanted = _outcome(add_any_messages, deepcopy(left), deepcopy(update))
    assert made is wanted if isinstance(wanted, type) else _told(made) == _told(wanted)


def test_old_messages_stay_the_same_objects() -> None:
    left = add_messages([], [HumanMessage("one"), AIMessage("two")])
    made = add_messages(left, HumanMessage("three"))
    assert made[:2] == left
    assert all(one is other for one, other in zip(made, left, strict=False))
    assert len({one.id for one in made}) == 3


def test_a_message_that_comes_twice_is_one() -> None:
    twice = HumanMessage("again")
    assert len(add_messages([], [twice, twice])) == 1


def test_a_message_that_is_there_already_is_not_added_again() -> None:
    for old in (HumanMessage("again"), HumanMessage("again", id="a")):
        assert len(add_messages([old], [old])) == 1


def test_one_message_in_place_of_a_list_is_left_alone_too() -> None:
    old = HumanMessage("alone")
    assert [one.content for one in add_messages(old, "and more")] == ["alone", "and more"]
    assert old.id is None


def test_an_old_message_without_an_id_is_not_changed() -> None:
    old = HumanMessage("put there by hand")
    made = add_messages([old], [AIMessage("new")])
    assert old.id is None
    assert [one.content for one in made] == ["put there by hand", "new"]
    assert all(one.id for one in made)


def test_what_is_not_there_cannot_be_removed() -> None:
    with pytest.raises(ValueError, match="doesn't exist"):
        add_messages([HumanMessage("one", id="a")], [RemoveMessage(id="b")])
