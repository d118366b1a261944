"""A real graph on the saver: sync, async, loops, threads, processes, and a kill in the middle."""

import asyncio
import operator
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from subprocess import Popen
from typing import Annotated, Literal, TypedDict

import pytest
from blockbuster import blockbuster_ctx
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from pydantic import BaseModel

from checkpoints import Sessions, SessionSaver, open_saver
from checkpoints.ids import ThreadIdError


class Part(BaseModel):
    name: str


class Outcome(BaseModel):
    status: str
    parts: list[Part]


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    steps: Annotated[list[str], operator.add]
    result: Outcome


Spawn = Callable[..., Popen[str]]
Graph = CompiledStateGraph[State, None, State, State]

TYPES = (Outcome,)


def first(state: State) -> State:
    return {"steps": ["first"], "messages": [AIMessage(f"turn {len(state['messages'])}")]}


def second(state: State) -> State:
    return {"steps": ["second"], "result": Outcome(status="verified", parts=[Part(name=state["steps"][0])])}


def build(saver: SessionSaver) -> Graph:
    builder = StateGraph(State)
    builder.add_node("first", first)
    builder.add_node("second", second)
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    builder.add_edge("second", END)
    return builder.compile(checkpointer=saver)


def thread(name: str) -> RunnableConfig:
    return {"configurable": {"thread_id": name}}


def ask(text: str) -> State:
    return {"messages": [HumanMessage(text)]}


def test_a_turn_is_there_with_its_model_after_the_file_was_closed_and_opened_again(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db", allowed_types=TYPES) as saver:
        build(saver).invoke(ask("hello"), thread("t"))
    with open_saver(tmp_path / "s.db", allowed_types=TYPES) as saver:
        values = build(saver).get_state(thread("t")).values
    assert values["result"] == Outcome(status="verified", parts=[Part(name="first")])
    assert [message.text for message in values["messages"]] == ["hello", "turn 1"]


def test_a_type_that_was_not_allowed_comes_back_as_plain_data(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db") as saver:
        build(saver).invoke(ask("hello"), thread("t"))
        values = build(saver).get_state(thread("t")).values
    assert values["result"] == {"status": "verified", "parts": [{"name": "first"}]}


def test_a_copy_that_allows_more_types_shares_the_connection_and_works_async_too() -> None:
    async def read() -> object:
        async with open_saver(":memory:") as saver:
            await build(saver).ainvoke(ask("hello"), thread("t"))
            wider = saver.with_allowlist([(Outcome.__module__, "Outcome")])
            assert wider is not saver
            assert isinstance(wider, SessionSaver)
            await build(wider).ainvoke(ask("again"), thread("t"))
            state = await build(wider).aget_state(thread("t"))
            assert len([found async for found in saver.alist(thread("t"))]) > 4
            return state.values["result"]

    assert asyncio.run(read()) == Outcome(status="verified", parts=[Part(name="first")])


def test_two_loops_one_after_the_other_and_sync_calls_use_one_saver(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db", allowed_types=TYPES) as saver:
        graph = build(saver)
        asyncio.run(graph.ainvoke(ask("one"), thread("t")))
        asyncio.run(graph.ainvoke(ask("two"), thread("t")))
        graph.invoke(ask("three"), thread("t"))
        assert graph.get_state(thread("t")).values["steps"] == ["first", "second"] * 3


async def test_a_sync_turn_on_the_loop_s_own_thread_does_not_deadlock(tmp_path: Path) -> None:
    async with open_saver(tmp_path / "s.db", allowed_types=TYPES) as saver:
        graph = build(saver)
        running = asyncio.create_task(graph.ainvoke(ask("async"), thread("a")))
        await asyncio.sleep(0)
        graph.invoke(ask("sync"), thread("s"))
        await running
        assert graph.get_state(thread("s")).values["steps"] == ["first", "second"]


def test_threads_and_loops_at_once_lose_nothing(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db", allowed_types=TYPES) as saver:
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


WRITER = """
    import operator, sys, time
    from typing import Annotated, TypedDict
    from langgraph.graph import END, START, StateGraph
    from checkpoints import open_saver

    class State(TypedDict, total=False):
        steps: Annotated[list[str], operator.add]

    def second(_):
        if mode == "hang":
            print("second has begun", flush=True)
            time.sleep(600)
        return {"steps": ["second"]}

    path, mode, name = sys.argv[1:]
    builder = StateGraph(State)
    builder.add_node("first", lambda _: {"steps": ["first"]})
    builder.add_node("second", second)
    builder.add_edge(START, "first")
    builder.add_edge("first", "second")
    builder.add_edge("second", END)
    print("ready", flush=True)
    sys.stdin.readline()
    with open_saver(path) as saver:
        graph = builder.compile(checkpointer=saver)
        for turn in range(1 if mode == "hang" else 20):
            graph.invoke({"steps": []}, {"configurable": {"thread_id": name}}, durability="sync")
    print("done", flush=True)
"""


def go(process: Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def line(process: Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def test_a_kill_in_the_middle_of_a_turn_leaves_its_finished_supersteps_and_it_goes_on(
    tmp_path: Path, child: Spawn
) -> None:
    process = child(WRITER, tmp_path / "s.db", "hang", "t")
    assert line(process) == "ready"
    go(process)
    assert line(process) == "second has begun"
    process.kill()
    process.wait()
    with open_saver(tmp_path / "s.db", allowed_types=TYPES) as saver:
        graph = build(saver)
        state = graph.get_state(thread("t"))
        assert state.values["steps"] == ["first"]
        assert state.next == ("second",)
        assert graph.invoke(None, thread("t"))["steps"] == ["first", "second"]


def test_two_processes_start_on_a_new_file_at_once_and_both_write_everything(
    tmp_path: Path, child: Spawn
) -> None:
    processes = [child(WRITER, tmp_path / "s.db", "write", name) for name in ("a", "b")]
    assert [line(process) for process in processes] == ["ready", "ready"]
    for process in processes:
        go(process)
    assert [line(process) for process in processes] == ["done", "done"]
    with open_saver(tmp_path / "s.db") as saver:
        steps = [build(saver).get_state(thread(name)).values["steps"] for name in ("a", "b")]
    assert steps == [["first", "second"] * 20] * 2


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
async def test_every_durability_keeps_the_finished_turn(durability: Literal["sync", "async", "exit"]) -> None:
    async with open_saver(":memory:", allowed_types=TYPES) as saver:
        graph = build(saver)
        await graph.ainvoke(ask("hello"), thread("t"), durability=durability)
        assert (await graph.aget_state(thread("t"))).values["steps"] == ["first", "second"]


async def test_nothing_blocks_the_event_loop(tmp_path: Path) -> None:
    """With the guard that `langgraph dev` puts up; one blocking call in a loop raises."""
    async with open_saver(tmp_path / "s.db", allowed_types=TYPES, keep_turns=1) as saver:
        graph = build(saver)
        await graph.ainvoke(ask("warm"), thread("t"))  # imports what is imported late
        with blockbuster_ctx():
            for turn in range(4):
                await graph.ainvoke(ask(f"turn {turn}"), thread("t"), durability="sync")
            assert len([found async for found in saver.alist(thread("t"))]) > 3
            await saver.acopy_thread("t", "copy")
            await saver.aprune(["t"])
            await saver.adelete_for_runs(["none"])
            await saver.adelete_thread("t")
            assert (await graph.aget_state(thread("copy"))).values["steps"] == ["first", "second"] * 5


def test_a_clock_that_is_set_back_loses_no_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config: RunnableConfig = {"configurable": {"thread_id": "t"}}
    now = time.time_ns
    with open_saver(tmp_path / "s.db") as saver:
        builder = StateGraph(MessagesState)
        builder.add_node("answer", lambda _: {"messages": [("ai", "yes")]})
        builder.add_edge(START, "answer")
        graph = builder.compile(checkpointer=saver)
        for turn, shift_s in enumerate((0, -60, 0, -3600, 0)):
            # As in another process, which knows nothing of the ids made here.
            monkeypatch.setattr("langgraph.checkpoint.base.id._last_v6_timestamp", None)
            monkeypatch.setattr(time, "time_ns", lambda shift_s=shift_s: now() + shift_s * 1_000_000_000)
            graph.invoke({"messages": [HumanMessage(str(turn))]}, config)
        asked = [one.content for one in graph.get_state(config).values["messages"] if one.type == "human"]
        assert asked == ["0", "1", "2", "3", "4"]
        assert Sessions(saver).list()[0].turns == 5
        saver.prune(["t"])
        assert len(graph.get_state(config).values["messages"]) == 10


def test_a_run_without_a_thread_is_told_how_to_name_one() -> None:
    nowhere: RunnableConfig = {"configurable": {"user": "anna"}}
    with open_saver(":memory:", allowed_types=TYPES) as saver:
        graph = build(saver)
        for call in (
            lambda: graph.invoke({"messages": [HumanMessage("hello")]}, nowhere),
            lambda: asyncio.run(graph.ainvoke({"messages": [HumanMessage("hello")]}, nowhere)),
            lambda: saver.get_tuple({}),
            lambda: list(saver.list(nowhere)),
            lambda: saver.put_writes(nowhere, [], "task"),
        ):
            with pytest.raises(ThreadIdError, match=r"names no thread.*\"thread_id\": \"any-id\""):
                call()
        assert saver.thread_spans() == []
