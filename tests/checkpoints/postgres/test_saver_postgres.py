"""The saver on a real server: graphs, history, the list, pruning, and whoever else writes there."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from subprocess import Popen
from typing import Any, Literal, TypedDict, cast

import psycopg
import pytest
from langgraph.checkpoint.base import Checkpoint, CheckpointMetadata, empty_checkpoint
from langgraph.checkpoint.base.id import uuid6
from langgraph.graph import END, START, StateGraph

from checkpoints import (
    DatabaseError,
    Sessions,
    open_saver,
)
from tests.checkpoints.postgres.servers import count
from tests.checkpoints.test_history import place
from tests.checkpoints.test_saver_graph import TYPES, WRITER, Outcome, Part, ask, build, go, line, thread
from tests.postgres import PostgresServer

pytestmark = pytest.mark.slow

Spawn = Callable[..., "Popen[str]"]
METADATA: CheckpointMetadata = {"source": "input", "step": -1, "parents": {}}


def test_a_turn_is_there_with_its_model_after_the_database_was_opened_again(target: str) -> None:
    with open_saver(target, allowed_types=TYPES) as saver:
        build(saver).invoke(ask("hello"), thread("t"))
    with open_saver(target, allowed_types=TYPES) as saver:
        values = build(saver).get_state(thread("t")).values
    assert values["result"] == Outcome(status="verified", parts=[Part(name="first")])
    assert [message.text for message in values["messages"]] == ["hello", "turn 1"]


def test_a_type_that_was_not_allowed_comes_back_as_plain_data(target: str) -> None:
    with open_saver(target) as saver:
        build(saver).invoke(ask("hello"), thread("t"))
        values = build(saver).get_state(thread("t")).values
    assert values["result"] == {"status": "verified", "parts": [{"name": "first"}]}


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_every_durability_keeps_the_finished_turn(
    target: str, durability: Literal["sync", "async", "exit"]
) -> None:
    async with open_saver(target, allowed_types=TYPES) as saver:
        graph = build(saver)
        await graph.ainvoke(ask("hello"), thread("t"), durability=durability)
        assert (await graph.aget_state(thread("t"))).values["steps"] == ["first", "second"]


def test_threads_and_loops_at_once_lose_nothing(target: str) -> None:
    with open_saver(target, allowed_types=TYPES) as saver:
        graph = build(saver)

        def sync_turns(name: str) -> None:
            for turn in range(3):
                graph.invoke(ask(str(turn)), thread(name))

        async def turns_of(name: str) -> None:
            for turn in range(3):
                await graph.ainvoke(ask(str(turn)), thread(name))

        async def async_turns(name: str) -> None:
            await asyncio.gather(*(turns_of(f"{name}-{part}") for part in range(3)))

        with ThreadPoolExecutor(4) as pool:
            jobs = [pool.submit(sync_turns, f"sync-{part}") for part in range(2)]
            jobs += [pool.submit(asyncio.run, async_turns(f"loop-{part}")) for part in range(2)]
        for job in jobs:
            job.result()
        sessions = Sessions(saver).list()
    assert len(sessions) == 8
    assert {session.turns for session in sessions} == {3}


async def test_the_loop_goes_on_while_the_server_is_asked(target: str) -> None:
    async with open_saver(target) as saver:
        await saver.aput(place("t"), empty_checkpoint(), METADATA, {})
        with psycopg.connect(target) as other:
            other.execute("LOCK TABLE checkpoints IN ACCESS EXCLUSIVE MODE")
            asking = asyncio.create_task(saver.aget_tuple(place("t")))
            for _ in range(20):
                await asyncio.sleep(0.005)
            assert not asking.done()
            asking.cancel()
            await asyncio.sleep(0.01)
            assert not asking.done()  # what was begun ends before the cancellation goes on
        with pytest.raises(asyncio.CancelledError):
            await asking


class Mood(StrEnum):
    GOOD = "good"


class Plain(TypedDict):
    text: str
    number: float


def test_what_the_servers_json_would_refuse_or_change_comes_back_as_it_was(target: str) -> None:
    odd: list[Plain] = [
        {"text": "NUL \0 inside", "number": float("nan")},
        {"text": "\u00e9 \U0001f600", "number": float("inf")},
        {"text": Mood.GOOD, "number": 0.1},
        {"text": "1e22", "number": 1e22},
        {"text": "-0.0", "number": -0.0},
    ]
    with open_saver(target, allowed_types=[Mood]) as saver:
        builder = StateGraph(Plain)
        builder.add_node("same", lambda state: state)
        builder.add_edge(START, "same")
        builder.add_edge("same", END)
        graph = builder.compile(checkpointer=saver)
        for at, state in enumerate(odd):
            graph.invoke(state, thread(str(at)))
            assert repr(graph.get_state(thread(str(at))).values) == repr(state)
        graph.invoke({"text": "half \ud83d of a sign", "number": 1.0}, thread("half"))
        assert graph.get_state(thread("half")).values["text"] == "half ? of a sign"  # as LangGraph writes it


def test_a_write_that_fails_half_way_leaves_nothing(target: str) -> None:
    with open_saver(target) as saver:
        stored = saver.put(place("t"), empty_checkpoint(), METADATA, {})
        checkpoint = {**empty_checkpoint(), "channel_values": {"a": [1]}, "channel_versions": {"a": "1"}}
        odd: Any = {"source": "loop", "step": 1, "odd": object()}
        with pytest.raises(TypeError):
            saver.put(stored, cast("Checkpoint", checkpoint), odd, {"a": "1"})
        with pytest.raises(TypeError):
            saver.put_writes(stored, [("a", 1), ("b", object())], "task")
        found = saver.get_tuple(place("t"))
        assert found is not None
        assert (found.checkpoint["id"], found.pending_writes) == (stored["configurable"]["checkpoint_id"], [])
    assert (count(target, "checkpoints"), count(target, "checkpoint_blobs")) == (1, 0)


def test_what_another_process_pruned_meanwhile_is_stored_again(target: str) -> None:
    with open_saver(target) as saver, open_saver(target) as other:
        first = cast(
            "Checkpoint", {**empty_checkpoint(), "channel_values": {"a": [1]}, "channel_versions": {"a": "1"}}
        )
        stored = saver.put(place("t"), first, METADATA, {"a": "1"})
        other.delete_thread("t")
        second = cast("Checkpoint", {**first, "id": str(uuid6())})
        saver.put(stored, second, METADATA, {})
        found = other.get_tuple(place("t"))
        assert found is not None
        assert found.checkpoint["channel_values"] == {"a": [1]}


def test_after_closing_every_call_says_so(target: str) -> None:
    context = open_saver(target)
    with context as saver:
        pass
    with pytest.raises(DatabaseError, match="is closed"):
        saver.get_tuple(place("t"))
    with pytest.raises(DatabaseError, match="is closed"):
        asyncio.run(saver.aget_tuple(place("t")))
    with pytest.raises(DatabaseError, match="is closed"), saver.locks.hold("t"):
        pytest.fail("held")
    saver.close()


def test_processes_start_on_a_new_database_at_once_and_all_write_everything(
    postgres: PostgresServer, child: Spawn
) -> None:
    target = postgres.new_database()
    processes = [child(WRITER, target, "write", name) for name in "abc"]
    assert [line(process) for process in processes] == ["ready"] * 3
    for process in processes:
        go(process)
    assert [line(process) for process in processes] == ["done"] * 3
    with open_saver(target) as saver:
        steps = [build(saver).get_state(thread(name)).values["steps"] for name in "abc"]
    assert steps == [["first", "second"] * 20] * 3


def test_a_kill_in_the_middle_of_a_turn_leaves_its_finished_supersteps_and_it_goes_on(
    target: str, child: Spawn
) -> None:
    process = child(WRITER, target, "hang", "t")
    assert line(process) == "ready"
    go(process)
    assert line(process) == "second has begun"
    process.kill()
    process.wait()
    with open_saver(target, allowed_types=TYPES) as saver:
        graph = build(saver)
        state = graph.get_state(thread("t"))
        assert state.values["steps"] == ["first"]
        assert state.next == ("second",)
        assert graph.invoke(None, thread("t"))["steps"] == ["first", "second"]
