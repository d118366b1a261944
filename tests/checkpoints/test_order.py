"""Checkpoints count in the order of writing, so machines whose clocks differ lose no turn of each other."""

import operator
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph
from langgraph.types import Command
from typing_extensions import TypedDict

from checkpoints import Sessions, SessionSaver, export_session, fork, import_session, moments, open_saver
from tests.checkpoints.clocks import HOUR_S, machine
from tests.checkpoints.test_history import Counted, place


@pytest.fixture(params=["file", pytest.param("server", marks=pytest.mark.slow)])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "file":
        return str(tmp_path / "sessions.sqlite")
    address: str = request.getfixturevalue("postgres_database")
    return address


@contextmanager
def two_machines(target: str, *, turns: int | None = 20) -> Iterator[tuple[SessionSaver, SessionSaver]]:
    with open_saver(target, keep_turns=turns) as one, open_saver(target, keep_turns=turns) as other:
        yield one, other


def turns_by_turns(one: SessionSaver, other: SessionSaver, turns: str = "abcdef") -> list[str]:
    """Two machines take turns on one thread; the second one's clock is an hour behind."""
    here, there = Counted(one), Counted(other)
    for at, text in enumerate(turns):
        with machine(behind_s=HOUR_S * (at % 2)):
            (there if at % 2 else here).ask("t", text)
    return here.texts("t")


def test_no_turn_is_lost_and_each_one_goes_on_from_the_last(target: str) -> None:
    with two_machines(target) as (one, other):
        texts = turns_by_turns(one, other)
        assert [text for text in texts if len(text) == 1] == list("abcdef")
        assert len(texts) == 18
        assert [moment.turn for moment in moments(one, "t")] == sorted(list(range(1, 7)) * 3, reverse=True)
        line = Sessions(other).list()[0]
        assert (line.turns, line.title) == (6, "a")
        assert len(Sessions(other).show("t").messages) == 18


def test_what_was_written_last_is_first_in_the_list_of_sessions(target: str) -> None:
    with two_machines(target) as (one, other):
        Counted(one).ask("early", "hello")
        with machine(behind_s=HOUR_S):
            Counted(other).ask("late", "hello")
            assert [line.thread_id for line in Sessions(one).list()] == ["late", "early"]
            Counted(other).ask("early", "again")
        assert [line.thread_id for line in Sessions(one).list()] == ["early", "late"]
        assert [span.thread_id for span in one.thread_spans(1)] == ["early"]


def test_time_travel_copies_forks_and_files_see_the_last_turn(target: str) -> None:
    with two_machines(target) as (one, other):
        texts = turns_by_turns(one, other)
        counted = Counted(other)
        fork(other, "t", into="branch")
        other.copy_thread("t", "twin")
        import_session(one, export_session(one, "t").model_dump_json(), into="again")
        for name in ("branch", "twin", "again"):
            assert counted.texts(name) == texts
        with machine(behind_s=2 * HOUR_S):
            for name in ("branch", "twin", "again"):
                counted.ask(name, "more")
                assert counted.texts(name)[:-2] == [*texts, "more"]
        steps = moments(one, "t")
        assert [step.turn for step in moments(one, "twin")] == [7] * 3 + [step.turn for step in steps]
        fork(one, "t", at=steps[-3].checkpoint_id, into="first")
        assert counted.texts("first") == texts[:3]


def test_a_page_of_the_history_ends_where_the_next_one_begins(target: str) -> None:
    with two_machines(target) as (one, other):
        turns_by_turns(one, other)
        graph = Counted(one).graph
        whole = [state.config for state in graph.get_state_history(place("t"))]
        paged: list[RunnableConfig] = []
        while page := list(graph.get_state_history(place("t"), before=paged[-1] if paged else None, limit=4)):
            paged += [state.config for state in page]
        assert paged == whole
        assert len(whole) == 24


@pytest.mark.parametrize("keep", [1, 2])
def test_the_last_turns_stay_when_a_thread_is_pruned(target: str, keep: int) -> None:
    with two_machines(target, turns=None) as (one, other), open_saver(target, keep_turns=keep) as pruning:
        texts = turns_by_turns(one, other)
        pruning.prune(["t"], strategy="keep_turns")
        kept = {moment.turn for moment in moments(one, "t")}
        assert kept == set(range(7 - keep, 7))
        one.prune(["t"])
        assert [moment.turn for moment in moments(one, "t")] == [6]
        assert Counted(one).texts("t") == texts


def test_deleting_the_last_run_goes_back_to_the_one_before(target: str) -> None:
    with two_machines(target) as (one, other):
        for at, saver in enumerate((one, other, one)):
            config: RunnableConfig = {"configurable": {"thread_id": "t", "run_id": f"r{at}"}}
            with machine(behind_s=HOUR_S * (at % 2)):
                Counted(saver).graph.invoke({"messages": [("user", f"r{at}")]}, config)
        one.delete_for_runs(["r2"])
        assert Counted(one).texts("t")[3] == "r1"
        assert Sessions(one).list()[0].turns == 2
        one.delete_for_runs(["r1", "r0"])
        assert Sessions(one).list() == []


def test_what_waits_is_answered_on_a_machine_whose_clock_is_behind(target: str) -> None:
    with two_machines(target) as (one, other):
        Counted(one).ask("t", "hello")
        Counted(one, asks=True).ask("t", "wait")
        with machine(behind_s=HOUR_S):
            later = Counted(other, asks=True)
            later.graph.invoke(Command(resume="yes"), place("t"))
        assert later.runs == ["second"]
        assert Counted(one).texts("t")[-1] == "second: yes"


class Logged(TypedDict):
    log: Annotated[list[str], DeltaChannel(lambda old, new: [*old, *(x for part in new for x in part)], list)]
    count: Annotated[int, operator.add]


def logging(saver: Any) -> Any:  # noqa: ANN401  # any of LangGraph's savers
    builder = StateGraph(Logged)
    builder.add_node("note", lambda state: {"log": [f"turn {state['count']}"], "count": 0})
    builder.add_edge(START, "note")
    builder.add_edge("note", END)
    return builder.compile(checkpointer=saver)


def test_a_delta_channel_is_rebuilt_from_what_all_machines_wrote(target: str) -> None:
    with two_machines(target) as (one, other):
        memory = logging(InMemorySaver())
        for at in range(6):
            memory.invoke({"log": [f"asked {at}"], "count": 1}, place("t"))
            with machine(behind_s=HOUR_S * (at % 2)):
                logging((one, other)[at % 2]).invoke({"log": [f"asked {at}"], "count": 1}, place("t"))
        wanted = memory.get_state(place("t")).values
        assert len(wanted["log"]) == 12
        assert logging(one).get_state(place("t")).values == wanted
