"""Two savers on one file: what one prunes or deletes never leaves a hole in what the other one writes."""

import asyncio
import threading
from pathlib import Path
from typing import Annotated

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from checkpoints import DatabaseError, SessionSaver, open_saver


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    plan: str


Graph = CompiledStateGraph[State, None, State, State]
THREAD: RunnableConfig = {"configurable": {"thread_id": "t"}}


def build(saver: SessionSaver, *, between: threading.Event | None = None) -> Graph:
    """A graph that stops between its nodes until it may go on."""

    def answer(state: State) -> State:
        if between is not None:
            between.wait(30)
        return {"messages": [AIMessage(f"answer {len(state['messages'])} " * 40)]}

    builder = StateGraph(State)
    builder.add_node("plan", lambda _: {"plan": "a plan of some length " * 40})
    builder.add_node("answer", answer)
    for source, target in ((START, "plan"), ("plan", "answer"), ("answer", END)):
        builder.add_edge(source, target)
    return builder.compile(checkpointer=saver)


def ask(graph: Graph, text: str, config: RunnableConfig = THREAD) -> list[str]:
    values = graph.invoke({"messages": [HumanMessage(text)]}, config)
    return [message.text for message in values["messages"]]


@pytest.mark.parametrize("how", ["prune", "delete"])
def test_a_run_goes_on_whole_when_another_saver_takes_away_what_it_builds_on(
    tmp_path: Path, how: str
) -> None:
    with open_saver(tmp_path / "s.db", keep_turns=None) as one, open_saver(tmp_path / "s.db") as two:
        for turn in range(3):
            ask(build(one), f"turn {turn}")
        old = [state for state in build(one).get_state_history(THREAD) if not state.next][1]
        between = threading.Event()
        said: list[list[str]] = []
        run = threading.Thread(
            target=lambda: said.append(ask(build(one, between=between), "fork", old.config))
        )
        run.start()
        while one.get_tuple(THREAD).metadata["step"] != old.metadata["step"] + 3:  # type: ignore[union-attr, index]
            pass
        if how == "prune":
            two.prune(["t"])
        else:
            two.delete_thread("t")
        between.set()
        run.join()
        with open_saver(tmp_path / "s.db") as fresh:
            state = build(fresh).get_state(THREAD).values
        assert [message.text for message in state["messages"]] == said[0]
        assert state["plan"].startswith("a plan")
        assert len(said[0]) == 6


def test_a_fork_of_what_was_pruned_meanwhile_keeps_the_values_it_did_not_change(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db", keep_turns=None) as one, open_saver(tmp_path / "s.db") as two:
        for turn in range(3):
            ask(build(one), f"turn {turn}")
        old = [found for found in one.list(THREAD) if found.metadata["source"] == "input"][1]
        two.prune(["t"])
        version = one.get_next_version(max(old.checkpoint["channel_versions"].values()))
        versions = {**old.checkpoint["channel_versions"], "plan": version}
        values = {**old.checkpoint["channel_values"], "plan": "another"}
        checkpoint = {**old.checkpoint, "id": "2" + old.checkpoint["id"][1:]}
        checkpoint |= {"channel_values": values, "channel_versions": versions}
        one.put(old.config, checkpoint, old.metadata, {"plan": version})  # type: ignore[arg-type]
        with open_saver(tmp_path / "s.db") as fresh:
            found = fresh.get_tuple(THREAD)
        assert found is not None
        assert found.checkpoint["channel_values"] == values


async def test_savers_in_many_loops_and_threads_write_one_file_and_nobody_is_told_that_it_is_locked(
    tmp_path: Path,
) -> None:
    async def turns(number: int) -> None:
        async with open_saver(tmp_path / "s.db") as saver:
            graph = build(saver)
            for turn in range(8):
                config: RunnableConfig = {"configurable": {"thread_id": f"thread-{number}"}}
                await graph.ainvoke({"messages": [HumanMessage(f"turn {turn}")]}, config)

    await asyncio.gather(*(asyncio.to_thread(asyncio.run, turns(number)) for number in range(4)))
    with open_saver(tmp_path / "s.db") as saver:
        for number in range(4):
            config: RunnableConfig = {"configurable": {"thread_id": f"thread-{number}"}}
            assert len(build(saver).get_state(config).values["messages"]) == 16


def test_a_copy_onto_a_session_that_exists_is_refused() -> None:
    with open_saver(":memory:") as saver:
        ask(build(saver), "hello")
        saver.copy_thread("t", "copy")
        with pytest.raises(DatabaseError, match="The session copy exists already: copy to another id"):
            saver.copy_thread("t", "copy")
        copied = build(saver).get_state({"configurable": {"thread_id": "copy"}}).values
        assert copied == build(saver).get_state(THREAD).values
