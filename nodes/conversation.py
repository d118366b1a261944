"""The reducer of the conversation: what LangGraph's `add_messages` does, at the price of what is new."""

from __future__ import annotations

import uuid
from copy import copy
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langgraph.graph.message import add_messages as add_any_messages

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import AnyMessage, MessageLikeRepresentation

    Incoming: TypeAlias = Sequence[MessageLikeRepresentation] | MessageLikeRepresentation
    """Messages in any form that LangGraph takes, or one of them."""

_WHOLE: Final = frozenset((AIMessage, ChatMessage, FunctionMessage, HumanMessage, SystemMessage, ToolMessage))
"""The classes of messages that are appended as they are: no chunk of one, and nothing that removes others."""

_id_of: Final = attrgetter("id")


def add_messages(left: Incoming, right: Incoming) -> list[AnyMessage]:
    """Append messages, or replace and remove some by their ids.

    Gives what LangGraph's reducer of this name gives. That one walks through all messages several times;
    this one leaves the old messages alone when the new ones are no edits of them. It never changes a message
    that was there before. Its argument `format` is not offered.

    Args:
        left: The conversation, as this reducer or LangGraph's left it: each message with an id. One that an
            `Overwrite` put there without an id gets it when the next edit comes.
        right: What comes to it, in any form that LangGraph takes; a new message without an id gets one.

    Raises:
        ValueError: When a message is to be removed that is not there.
        NotImplementedError: When something is no message.
    """
    new: list[Any] = right if isinstance(right, list) else [right]
    if isinstance(left, list) and _are_whole(left) and _are_whole(new) and _are_new(new, left):
        for message in new:
            if message.id is None:
                message.id = str(uuid.uuid4())
        return [*left, *new]
    # LangGraph's gives ids to old messages in place.
    old: list[Any] = left if isinstance(left, list) else [left]
    apart = {id(one): _copied(one) for one in old}
    added: Any = add_any_messages([apart[id(one)] for one in old], [apart.get(id(one), one) for one in new])
    return list(added)


def _are_whole(messages: Sequence[object]) -> bool:
    return _WHOLE.issuperset(map(type, messages))


def _are_new(messages: list[Any], left: list[Any]) -> bool:
    """Whether none of these messages is an edit, of an old one or of another."""
    given = [message.id for message in messages if message.id is not None]
    if len(set(given)) < len(given) or len(set(map(id, messages))) < len(messages):
        return False
    # Every message got its id when it came, so where there is nothing to compare two stand for all.
    known = set(map(_id_of, left if given else (*left[:1], *left[-1:])))
    return None not in known and known.isdisjoint(given)


def _copied(message: Any) -> Any:  # noqa: ANN401  # whatever LangGraph takes for a message
    return copy(message) if isinstance(message, BaseMessage) and message.id is None else message
