"""What is pruned as a thread grows, what never is, and what the file is left with."""

import asyncio
import operator
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Command, StateSnapshot, interrupt
from typing_extensions import TypedDict

from checkpoints import SessionSaver, open_saver
from checkpoints.sqlite.ledger import Ledger
from checkpoints.sqlite.saver import SqliteSessionSaver
from checkpoints.sqlite.writes import Call

THREAD: RunnableConfig = {"configurable": {"thread_id": "t"}}


class State(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    plan: str


class Inner(TypedDict, total=False):
    plan: str
    notes: Annotated[list[str], operator.add]


Graph = CompiledStateGraph[State, None, State, State]


def answer(state: State) -> State:
    text = state["messages"][-1].text
    said = interrupt("go on?") if text == "wait" else f"answer to {text} " * 50
    return {"messages": [AIMessage(said)]}


def build(saver: SessionSaver, *, remembers: bool | None = None) -> Graph:
    inner = StateGraph(Inner)
    inner.add_node("note", lambda state: {"notes": [state["plan"][:20]], "plan": "inner plan " * 40})
    inner.add_edge(START, "note")
    builder = StateGraph(State)
    builder.add_node("plan", lambda state: {"plan": f"plan for {state['messages'][-1].text} " * 50})
    builder.add_node("inner", inner.compile(checkpointer=remembers))
    builder.add_node("answer", answer)
    for source, target in ((START, "plan"), ("plan", "inner"), ("inner", "answer"), ("answer", END)):
        builder.add_edge(source, target)
    return builder.compile(checkpointer=saver)


def ask(graph: Graph, text: str, **choices: Any) -> dict[str, Any]:  # noqa: ANN401
    values: dict[str, Any] = graph.invoke({"messages": [HumanMessage(text)]}, THREAD, **choices)
    return values


def turns_in(graph: Graph) -> list[str]:
    """The requests that one can still travel to, newest first."""
    ends = [state for state in graph.get_state_history(THREAD) if not state.next]
    return [state.values["messages"][-2].text for state in ends]


def rows(saver: SessionSaver, table: str) -> int:
    assert isinstance(saver, SqliteSessionSaver)
    return int(
        saver.writer.run(
            Call(lambda ledger: ledger.conn.execute(f"SELECT count(*) FROM duograph_{table}").fetchone()[0])  # noqa: S608
        )
    )


def inner_of(saver: SessionSaver) -> list[str]:
    return [place for item in saver.list(THREAD) if (place := item.config["configurable"]["checkpoint_ns"])]


@pytest.mark.parametrize("durability", ["sync", "async", "exit"])
def test_the_last_turns_stay_open_and_the_conversation_stays_whole(
    durability: Literal["sync", "async", "exit"],
) -> None:
    with open_saver(":memory:", keep_turns=4) as saver:
        graph = build(saver)
        for turn in range(20):
            ask(graph, f"turn {turn}", durability=durability)
        assert len(graph.get_state(THREAD).values["messages"]) == 40
        open_turns = turns_in(graph)
        assert open_turns[:4] == [f"turn {turn}" for turn in (19, 18, 17, 16)]
        assert len(open_turns) <= 5
        # An old turn of these can be gone on from.
        old = [state for state in graph.get_state_history(THREAD) if not state.next][3]
        again = graph.invoke({"messages": [HumanMessage("other")]}, old.config)
        assert [message.text for message in again["messages"][-4::2]] == ["turn 16", "other"]
        assert len(graph.get_state(THREAD).values["messages"]) == 36


def test_what_is_stored_does_not_grow_but_by_the_conversation() -> None:
    with open_saver(":memory:", keep_turns=3) as saver:
        graph = build(saver)
        found = []
        for turn in range(60):
            ask(graph, f"turn {turn}")
            if turn % 12 == 11:
                found.append(
                    {table: rows(saver, table) for table in ("checkpoints", "values", "writes", "pieces")}
                )
        for table in ("checkpoints", "values", "writes"):
            assert len({counts[table] for counts in found}) == 1
        # Two messages a turn, each of them once; a plan that repeats is stored again after each pruning.
        grown = found[-1]["pieces"] - found[0]["pieces"]
        assert abs(grown - 2 * 48) <= 4


def test_none_keeps_everything() -> None:
    with open_saver(":memory:", keep_turns=None) as saver:
        graph = build(saver)
        for turn in range(30):
            ask(graph, f"turn {turn}")
        assert len(turns_in(graph)) == 30


def test_a_number_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"keep_turns is 0: keep at least 1 turn, or all of them with None\."
    ):
        open_saver(":memory:", keep_turns=0)


def test_a_waiting_interrupt_stays_however_many_turns_go_by_on_another_branch() -> None:
    with open_saver(":memory:", keep_turns=2) as saver:
        graph = build(saver)
        ask(graph, "before")
        before = graph.get_state(THREAD).config
        ask(graph, "wait")
        waiting = graph.get_state(THREAD)
        assert waiting.interrupts
        config = before
        for turn in range(20):
            graph.invoke({"messages": [HumanMessage(f"turn {turn}")]}, config)
            config = THREAD
        assert graph.get_state(waiting.config).interrupts == waiting.interrupts
        resumed = graph.invoke(Command(resume="yes"), waiting.config)
        assert [message.text for message in resumed["messages"]][-2:] == ["wait", "yes"]


def test_the_turn_that_a_kept_one_was_forked_from_stays() -> None:
    with open_saver(":memory:", keep_turns=2) as saver:
        graph = build(saver)
        ask(graph, "origin")
        origin = graph.get_state(THREAD).config
        ask(graph, "next")
        for turn in range(6):
            graph.update_state(origin, {"plan": f"changed {turn}"})
            ask(graph, f"turn {turn}")
        assert graph.get_state(origin).values["messages"][0].text == "origin"
        assert graph.get_state(THREAD).values["messages"][-2].text == "turn 5"


def test_a_subgraph_goes_with_its_turn_unless_it_remembers() -> None:
    for remembers in (None, True):
        with open_saver(":memory:", keep_turns=2) as saver:
            graph = build(saver, remembers=remembers)
            for turn in range(12):
                ask(graph, f"turn {turn}")
            assert len(inner_of(saver)) <= 3 * 3 + 3
            if remembers:
                notes = saver.get_tuple({"configurable": {"thread_id": "t", "checkpoint_ns": "inner"}})
                assert notes is not None
                assert len(notes.checkpoint["channel_values"]["notes"]) == 12


class Deltas(TypedDict, total=False):
    log: Annotated[list[str], DeltaChannel(lambda old, new: [*old, *(x for part in new for x in part)], list)]


def test_a_delta_channel_is_whole_in_every_turn_that_is_kept() -> None:
    builder = StateGraph(Deltas)
    builder.add_node("add", lambda state: {"log": [f"step {len(state['log'])}"]})
    builder.add_edge(START, "add")
    builder.add_edge("add", END)
    for strategy in (None, "keep_latest", "keep_turns"):
        with open_saver(":memory:", keep_turns=2) as saver:
            graph, expected = builder.compile(checkpointer=saver), list[str]()
            for turn in range(15):
                expected = graph.invoke({"log": [f"turn {turn}"]}, THREAD)["log"]
            if strategy:
                saver.prune(["t"], strategy=strategy)
            assert len(expected) == 30
            assert graph.get_state(THREAD).values["log"] == expected
            kept: list[StateSnapshot] = list(graph.get_state_history(THREAD))
            assert kept[0].values["log"] == expected
            if strategy != "keep_latest":
                assert [state.values["log"] for state in kept if not state.next][1] == expected[:-2]


def test_an_unknown_strategy_is_refused() -> None:
    with open_saver(":memory:") as saver, pytest.raises(ValueError, match="'oldest' does not exist: use one"):
        saver.prune(["t"], strategy="oldest")


async def test_space_is_given_back_to_the_system(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    async with open_saver(path) as saver:
        graph = build(saver)
        for turn in range(3):
            await graph.ainvoke({"messages": [HumanMessage("long " * 4_000 + str(turn))]}, THREAD)
        assert isinstance(saver, SqliteSessionSaver)
        assert path.stat().st_size > 3_000_000
        await saver.adelete_thread("t")
        while saver.writer.run(Call(free_pages)) > 100:  # noqa: ASYNC110  # nobody tells
            await asyncio.sleep(0.01)  # the writer gives space back when nothing else is to do
    assert path.stat().st_size < 600_000
    with closing(sqlite3.connect(path)) as conn:
        assert conn.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def free_pages(ledger: Ledger) -> int:
    return int(ledger.conn.execute("PRAGMA freelist_count").fetchone()[0])


def test_a_damaged_old_checkpoint_is_no_reason_to_refuse_a_new_one(tmp_path: Path) -> None:
    with open_saver(tmp_path / "s.db", keep_turns=2) as saver:
        graph = build(saver)
        for turn in range(2):
            ask(graph, f"turn {turn}")
        with closing(sqlite3.connect(tmp_path / "s.db")) as conn, conn:
            conn.execute("UPDATE duograph_checkpoints SET head = x'c1' WHERE number = 1")
        for turn in range(2, 8):
            assert ask(graph, f"turn {turn}")["messages"][-2].text == f"turn {turn}"
        with pytest.raises(RuntimeError, match="A checkpoint of the session t"):
            saver.prune(["t"])


def test_a_message_changed_in_place_and_handed_in_again_is_stored_as_it_is_now(tmp_path: Path) -> None:
    def edit(state: State) -> State:
        first = state["messages"][0]
        first.content = f"{first.content} edited"
        first.additional_kwargs.setdefault("seen", []).append(len(state["messages"]))
        return {"messages": [first, AIMessage("done")]}

    builder = StateGraph(State)
    builder.add_node("edit", edit)
    builder.add_edge(START, "edit")
    builder.add_edge("edit", END)
    with open_saver(tmp_path / "s.db") as saver:
        graph = builder.compile(checkpointer=saver)
        for turn in range(3):
            ask(graph, f"turn {turn}")
        warm = graph.get_state(THREAD).values["messages"]
        warm[0].content = "changed by a reader"
        warm = graph.get_state(THREAD).values["messages"]
        old = [state for state in graph.get_state_history(THREAD) if not state.next][-1].values["messages"]
    with open_saver(tmp_path / "s.db") as saver:
        cold = builder.compile(checkpointer=saver).get_state(THREAD).values["messages"]
    assert warm == cold
    assert cold[0].content == "turn 0 edited edited edited"
    assert cold[0].additional_kwargs == {"seen": [1, 3, 5]}
    assert old[0].content == "turn 0 edited"
