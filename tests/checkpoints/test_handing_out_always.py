"""Whatever is held, changed and put back: a saver that hands out again reads what one that decodes would."""

import asyncio
import tempfile
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from checkpoints import SessionSaver, open_saver

USAGE = {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3, "input_token_details": {"cache_read": 1}}
CALL = {"name": "look", "args": {"at": ["a", {"b": 1}], "empty": {}}, "id": "1", "type": "tool_call"}
MESSAGES: list[AnyMessage] = [
    HumanMessage("hello"),
    AIMessage("yes"),
    AIMessage("", tool_calls=[CALL], usage_metadata=USAGE, response_metadata={"model": "m", "logs": []}),
    ToolMessage(
        [{"type": "text", "text": "found"}, "more"], tool_call_id="1", artifact={"rows": [[1, 2], []]}
    ),
    HumanMessage([{"type": "text", "text": "look"}], additional_kwargs={"n": 1, "deep": {"deeper": [{}]}}),
    AIMessage("odd", additional_kwargs={"set": {1, 2}}),
]
EDITS = ("text", "add", "same", "other type", "replace", "names", "turn", "equal", "fields", "extra")
MOVES = ("nothing", "nothing", "first away", "one away", "one twice", "one last", "back to front")
HOLDS = ("nothing", "nothing", "message", "part", "deep part", "all", "fields")
STEPS = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 500), st.sampled_from(EDITS)), max_size=2),
        st.lists(st.tuples(st.integers(0, 500), st.sampled_from(HOLDS)), max_size=2),
        st.lists(st.integers(0, len(MESSAGES) - 1), max_size=2),
        st.tuples(st.integers(0, 500), st.sampled_from(MOVES)),
        st.booleans(),
        st.booleans(),
    ),
    min_size=2,
    max_size=8,
)
SERDE = JsonPlusSerializer(allowed_msgpack_modules=())
PLACE: RunnableConfig = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}


def containers(value: object) -> Iterator[Any]:
    """All dicts, lists and sets below a message's fields, or below a part of it, itself included."""
    if isinstance(value, BaseMessage):
        yield value.model_fields_set
        yield from containers(vars(value))
    elif isinstance(value, (dict, list, set)):
        yield value
        for one in value.values() if isinstance(value, dict) else value:
            yield from containers(one)


def told(messages: list[BaseMessage]) -> list[Any]:
    """Everything that can be seen of messages, types included."""
    return [(type(one), repr(vars(one)), one.model_fields_set, repr(one.model_extra)) for one in messages]


def read(saver: SessionSaver) -> list[BaseMessage]:
    found = saver.get_tuple(PLACE)
    return list(found.checkpoint["channel_values"]["messages"]) if found else []


async def put(saver: SessionSaver, parent: RunnableConfig, messages: list[Any]) -> RunnableConfig:
    versions: dict[str, str | int | float] = {"messages": saver.get_next_version(None)}
    checkpoint: Any = {
        **empty_checkpoint(),
        "channel_values": {"messages": messages},
        "channel_versions": versions,
    }
    return await saver.aput(parent, checkpoint, {"source": "loop", "step": 0, "parents": {}}, versions)


def edit(message: Any, at: int, how: str) -> object:  # noqa: ANN401  # any class of messages
    """Change a message in place; gives a part of it that the one who changed it still holds."""
    fields, more = vars(message), message.additional_kwargs
    if how == "text":
        message.content = "edited"
    elif how == "names":
        message.model_fields_set.clear()
    elif how == "replace":
        message.additional_kwargs = {"mine": {"deep": []}}
    elif how == "add":
        message.additional_kwargs[f"new {at}"] = [1]
    elif how == "equal":
        message.additional_kwargs = {name: True if value == 1 else value for name, value in more.items()}
    elif how == "fields":
        message.__dict__ = {**fields, "content": "of others"}
        return fields
    elif how == "extra":
        message.__pydantic_extra__ = {"more": [1]}
    parts = [part for part in containers(fields) if part and not isinstance(part, set)]
    return edit_part(parts[at % len(parts)], at, how)


def edit_part(part: Any, at: int, how: str) -> object:  # noqa: ANN401  # a dict or a list
    """Change a part of a message, or put an equal one in the place of one of its parts, and give that."""
    inside = list(part.items() if isinstance(part, dict) else enumerate(part))
    if how == "turn" and isinstance(part, dict):
        part.update({name: part.pop(name) for name in list(part)[:1]})
    elif how == "other type":
        for name in [name for name, value in inside if value == 1]:
            part[name] = True
    elif how == "same":
        name, value = inside[at % len(inside)]
        part[name] = deepcopy(value)
        return part[name]
    return None


def moved(messages: list[BaseMessage], at: int, how: str) -> list[BaseMessage]:
    """The same objects as a list of its own: without some, in another order."""
    one, others = messages[at], [*messages[:at], *messages[at + 1 :]]
    return {
        "nothing": messages.copy(),
        "first away": messages[at // 2 :],
        "one away": others or messages,
        "one twice": [*messages, one],
        "one last": [*others, one],
        "back to front": messages[::-1],
    }[how]


def part_of(messages: list[BaseMessage], at: int, how: str) -> object:
    message = messages[at % len(messages)]
    parts = list(containers(message))
    return {
        "nothing": None,
        "message": message,
        "part": message.additional_kwargs,
        "deep part": parts[at % len(parts)],
        "all": messages,
        "fields": vars(message),
    }[how]


async def compare(steps: Any, times: int) -> None:  # noqa: ANN401  # drawn
    with tempfile.TemporaryDirectory() as folder, open_saver(Path(folder) / "s.db") as saver:
        latest = await put(saver, PLACE, deepcopy(MESSAGES * times))
        kept: list[object] = []
        for edits, holds, more, (which, move), puts, pauses in steps:
            messages = read(saver)
            with open_saver(Path(folder) / "s.db", read_only=True) as decoding:
                assert told(messages) == told(read(decoding))
            # No two holders share a part that can be changed.
            mine = {id(part) for one in messages for part in containers(one)}
            assert mine.isdisjoint(id(part) for one in kept for part in containers(one))
            assert len(mine) == sum(1 for one in messages for _ in containers(one))
            for at, how in edits:
                kept.append(edit(messages[at % len(messages)], at, how))
            if puts:
                messages = moved(messages, which % len(messages), move)
                messages += [deepcopy(MESSAGES[at]) for at in more]
                latest = await put(saver, latest, messages)
                with open_saver(Path(folder) / "s.db", read_only=True) as decoding:
                    assert told(read(decoding)) == told(SERDE.loads_typed(SERDE.dumps_typed(messages)))
            kept += [part_of(messages, at, how) for at, how in holds]
            del messages
            if pauses:
                await asyncio.sleep(0.007)  # it looks at the messages between two turns


@settings(max_examples=40)
@given(steps=STEPS, times=st.sampled_from([1, 3]))
def test_a_saver_that_hands_out_again_reads_what_one_that_decodes_would(steps: Any, times: int) -> None:  # noqa: ANN401  # drawn
    asyncio.run(compare(steps, times))


@pytest.mark.slow
@settings(max_examples=75)
@given(steps=STEPS, times=st.sampled_from([1, 3, 11, 30]))
def test_it_does_so_for_longer(steps: Any, times: int) -> None:  # noqa: ANN401  # drawn
    asyncio.run(compare(steps, times))
