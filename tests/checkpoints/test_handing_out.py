"""What a saver hands out: the same objects again only when nobody could tell."""

import asyncio
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import pytest
from langchain_core.messages import AIMessage, AnyMessage, BaseMessage, HumanMessage, ToolMessage
from langgraph.checkpoint.base import empty_checkpoint
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from checkpoints import SessionSaver, open_saver
from checkpoints.sqlite.receipts import Receipt, ThreadReceipt
from checkpoints.sqlite.saver import SqliteSessionSaver
from checkpoints.sqlite.worker import Worker

TEXTS = ["one", "two", "three"]
LONG = "more than stands in a row " * 20


def put(saver: SessionSaver, messages: list[AnyMessage]) -> None:
    versions: dict[str, str | int | float] = {"messages": saver.get_next_version(None)}
    checkpoint = {
        **empty_checkpoint(),
        "channel_values": {"messages": messages},
        "channel_versions": versions,
    }
    config = {"configurable": {"thread_id": "t", "checkpoint_ns": ""}}
    saver.put(config, checkpoint, {"source": "input", "step": -1, "parents": {}}, versions)  # type: ignore[arg-type]


def read(saver: SessionSaver) -> list[BaseMessage]:
    found = saver.get_tuple({"configurable": {"thread_id": "t"}})
    assert found
    messages: list[BaseMessage] = found.checkpoint["channel_values"]["messages"]
    return messages


def keep_a_message(message: BaseMessage) -> object:
    return message


def keep_its_mapping(message: BaseMessage) -> object:
    return message.additional_kwargs


def keep_its_fields(message: BaseMessage) -> object:
    return vars(message)


def keep_what_a_copy_shares(message: BaseMessage) -> object:
    return message.model_copy()


@pytest.mark.parametrize("keep", [keep_a_message, keep_its_mapping, keep_its_fields, keep_what_a_copy_shares])
def test_what_somebody_kept_is_never_handed_out_again(keep: Callable[[BaseMessage], object]) -> None:
    with open_saver(":memory:") as saver:
        put(saver, [HumanMessage(text) for text in TEXTS])
        kept = [keep(message) for message in read(saver)]
        again = read(saver)
        for mine, message in zip(kept, again, strict=True):
            assert message is not mine
            held = mine if isinstance(mine, dict) else vars(mine)
            held.get("additional_kwargs", held)["note"] = "mine"
            held["content"] = "mine"
        assert [message.text for message in again] == TEXTS
        assert [message.additional_kwargs for message in again] == [{}] * len(TEXTS)


def test_what_was_changed_and_let_go_comes_back_as_it_is_stored() -> None:
    with open_saver(":memory:") as saver:
        put(saver, [HumanMessage(text) for text in TEXTS])
        for _ in range(3):
            messages = read(saver)
            assert [message.text for message in messages] == TEXTS
            assert not any(message.additional_kwargs for message in messages)
            messages[0].content = "changed"
            messages[1].additional_kwargs["changed"] = True
            assert "content" in messages[2].model_fields_set
            messages[2].model_fields_set.clear()
            del messages


def test_what_nobody_kept_is_handed_out_without_a_copy() -> None:
    with open_saver(":memory:") as saver:
        put(saver, [HumanMessage("one"), AIMessage("two")])
        read(saver)
        before = [id(message) for message in read(saver)]
        assert [id(message) for message in read(saver)] == before


def test_a_worker_at_rest_holds_nothing_of_what_it_did() -> None:
    class Result:
        """Can be watched."""

    is_at_rest = threading.Event()

    def handle(group: list[tuple[None, Receipt[Result]]]) -> None:
        is_at_rest.clear()
        for _, receipt in group:
            receipt.result = Result()

    def at_rest() -> bool:
        is_at_rest.set()
        return False

    worker: Worker[None] = Worker(handle, name="test", at_rest=at_rest)
    try:
        receipt: ThreadReceipt[Result] = ThreadReceipt()
        worker.submit(None, receipt, None)
        watched = weakref.ref(receipt.wait())
        del receipt
        assert is_at_rest.wait(30)
        assert watched() is None
    finally:
        worker.close()


def test_what_is_left_of_a_shortened_conversation_is_not_looked_at_anew() -> None:
    with open_saver(":memory:") as saver:
        put(saver, [HumanMessage(f"{at}") for at in range(100)])
        put(saver, cast("list[AnyMessage]", [*read(saver), *map(HumanMessage, TEXTS)]))
        messages = read(saver)
        blocks = cast("SqliteSessionSaver", saver).memory.of(("t", ""))["messages"].blocks
        assert [len(block.items) for block in blocks] == [100, 3]
        put(saver, cast("list[AnyMessage]", [*messages[1:], HumanMessage("more")]))
        after = cast("SqliteSessionSaver", saver).memory.of(("t", ""))["messages"].blocks
        assert [len(block.items) for block in after] == [99, 3, 1]
        assert after[1] is blocks[1]


def test_what_is_referred_to_weakly_is_never_handed_out_again() -> None:
    with open_saver(":memory:") as saver:
        put(saver, [HumanMessage(text) for text in TEXTS])
        read(saver)
        weak = [weakref.ref(message) for message in read(saver)]
        again = read(saver)
        assert not {id(one()) for one in weak} & set(map(id, again))


def test_an_artifact_that_does_not_compare_is_stored_and_so_is_a_change_in_it() -> None:
    with open_saver(":memory:") as saver:
        put(saver, [HumanMessage(LONG), ToolMessage("found", tool_call_id="1", artifact=np.arange(5))])
        for at in range(3):
            messages = read(saver)
            cast("ToolMessage", messages[1]).artifact[at] = 9
            put(saver, cast("list[AnyMessage]", [*messages, HumanMessage("more")]))
        assert cast("ToolMessage", read(saver)[1]).artifact.tolist() == [9, 9, 9, 3, 4]


def test_many_threads_read_and_change_a_conversation_at_once(tmp_path: Path) -> None:
    wrong: list[str] = []

    def read_and_change() -> None:
        for _ in range(25):
            messages = read(saver)
            if any(message.content != LONG or message.additional_kwargs for message in messages):
                wrong.append("somebody else's change")
            for message in messages[::7]:
                message.content = "mine"
                message.additional_kwargs["mine"] = [1]

    with open_saver(tmp_path / "s.db") as saver:
        put(saver, [HumanMessage(LONG) for _ in range(100)])
        threads = [threading.Thread(target=read_and_change) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert not wrong


def test_an_equal_part_put_in_its_place_is_not_shared() -> None:
    with open_saver(":memory:") as saver:
        put(saver, [AIMessage(LONG, response_metadata={"model": "m"}), AIMessage("two")])
        for _ in range(3):
            read(saver)  # by now it is known what hangs on the messages
        mine = {"model": "m"}
        read(saver)[0].response_metadata = mine
        again = read(saver)[0]
        mine["model"] = "mine"
        assert again.response_metadata == {"model": "m"}


def test_a_message_with_parts_within_parts_is_handed_out_without_a_copy_when_nobody_kept_any() -> None:
    with open_saver(":memory:") as saver:
        put(saver, [AIMessage(LONG, response_metadata={"usage": {"in": [1, 2]}, "logs": []})])
        before = [[id(message), id(message.response_metadata)] for message in read(saver)]
        assert [[id(message), id(message.response_metadata)] for message in read(saver)] == before
        kept = read(saver)[0].response_metadata["usage"]["in"]
        again = read(saver)[0]
        kept.append(3)
        assert again.response_metadata == {"usage": {"in": [1, 2]}, "logs": []}


class Long(TypedDict):
    """A conversation."""

    messages: Annotated[list[AnyMessage], add_messages]


async def talk(graph: Any, turns: int) -> None:  # noqa: ANN401  # a compiled graph
    for turn in range(turns):
        await graph.ainvoke({"messages": [HumanMessage(f"{turn}")]}, {"configurable": {"thread_id": "t"}})


async def test_a_long_conversation_is_looked_at_between_two_turns(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db") as saver:
        assert isinstance(saver, SqliteSessionSaver)
        builder: Any = StateGraph(Long)
        builder.add_node("answer", lambda state: {"messages": [AIMessage(f"to {len(state['messages'])}")]})
        builder.add_edge(START, "answer")
        graph = builder.compile(checkpointer=saver)
        await talk(graph, 20)
        async with asyncio.timeout(30):
            while not saver.memory.of(("t", ""))["messages"].is_ready:  # noqa: ASYNC110  # no event tells it
                await asyncio.sleep(0.001)
        held = (await graph.aget_state({"configurable": {"thread_id": "t"}})).values["messages"]
        assert not saver.memory.of(("t", ""))["messages"].is_ready
        held[0].content = "mine"
        await talk(graph, 1)
        await asyncio.sleep(0.02)
        again = (await graph.aget_state({"configurable": {"thread_id": "t"}})).values["messages"]
        assert [message.text for message in again[:2]] == ["0", "to 1"]


async def test_what_a_turn_under_way_holds_is_left_alone(tmp_path: Path) -> None:
    known: list[bool] = []

    async def answer(state: Long) -> dict[str, Any]:
        before = [id(message) for message in state["messages"]]
        await asyncio.sleep(0.03)  # a model thinks, while the question was stored long ago
        if seen := cast("SqliteSessionSaver", saver).memory.of(("t", "")).get("messages"):
            known.append([id(item) for block in seen.blocks for item in block.items] == before)
        return {"messages": [AIMessage("yes")]}

    async with open_saver(tmp_path / "s.db") as saver:
        assert isinstance(saver, SqliteSessionSaver)
        builder: Any = StateGraph(Long)
        builder.add_node("answer", answer)
        builder.add_edge(START, "answer")
        await talk(builder.compile(checkpointer=saver), 12)
    assert known == [True] * len(known)
    assert len(known) > 6


@pytest.mark.parametrize("trusts", [False, True])
@pytest.mark.parametrize("change", ["a field", "a mapping", "all fields", "another mapping"])
async def test_a_change_in_place_far_up_in_a_long_conversation_is_stored(
    tmp_path: Path, change: str, *, trusts: bool
) -> None:
    def answer(state: Long) -> dict[str, Any]:
        message = state["messages"][0]
        if len(state["messages"]) > 150:
            if change == "a field":
                message.content = "changed"
            elif change == "a mapping":
                message.response_metadata["by"] = "changed"
            elif change == "another mapping":
                message.response_metadata = {"by": "changed"}
            else:
                message.__dict__ = {**vars(message), "content": "changed"}
        return {"messages": [AIMessage("yes")]}

    async with open_saver(tmp_path / "s.db", trusts_reducers=trusts) as saver:
        builder: Any = StateGraph(Long)
        builder.add_node("answer", answer)
        builder.add_edge(START, "answer")
        await talk(builder.compile(checkpointer=saver), 77)
    async with open_saver(tmp_path / "s.db") as saver:
        found = await saver.aget_tuple({"configurable": {"thread_id": "t"}})
        assert found
        first, second = found.checkpoint["channel_values"]["messages"][:2]
        assert "changed" in {first.content, first.response_metadata.get("by")}
        assert second.text == "yes"
