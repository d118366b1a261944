"""A plan waits for a person: approved, edited or rejected, and never twice paid for."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from graph.agent import Agent, RequestError
from graph.build import build_graph
from graph.compiled import DuoGraph
from graph.settings import Settings
from nodes import Context, Result, Status, StopReason
from tests.graph.test_limits_adversary import STUBBORN
from tests.support import ASK, GOOD, PLAN, AgentMaker, Lines

PASS = {"content": "VERDICT: PASS"}
WANTED = Context(plan_approval=True)
EDITED = "Double it, also text.\n\n```python acceptance\nassert double(3) == 6\n```"


@pytest.fixture
def waiting(make_agent: AgentMaker) -> tuple[Agent, Result]:
    agent = make_agent([{"content": PLAN}, PASS], [{"content": GOOD}], plan_approval=True)
    return agent, agent.ask(ASK)


def test_a_turn_that_waits_says_so_and_how_to_go_on(waiting: tuple[Agent, Result]) -> None:
    _, result = waiting
    assert (result.status, result.stop_reason) == (Status.WAITING, StopReason.PLAN_APPROVAL)
    assert (result.files, result.verification.status) == ([], "not_executed")
    assert [call.step for call in result.calls] == ["plan"]
    assert result.plan == PLAN
    assert f'agent.resume("{result.thread_id}", approve=True)' in result.answer


def test_an_approved_plan_is_carried_out(waiting: tuple[Agent, Result]) -> None:
    agent, before = waiting
    result = agent.resume(str(before.thread_id), approve=True)
    assert (result.status, result.verification.status) == (Status.DONE, "verified")
    assert [call.step for call in result.calls] == ["plan", "code", "judge"]
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.supersteps == 10  # the approval is one, however often it is resumed


def test_an_edited_plan_takes_the_place_of_the_other_with_its_tests(waiting: tuple[Agent, Result]) -> None:
    agent, before = waiting
    result = agent.resume(str(before.thread_id), approve=True, plan=EDITED)
    assert result.plan == "Double it, also text."
    (acceptance,) = [check for check in result.verification.checks if check.name == "acceptance"]
    assert [case.name for case in acceptance.cases] == ["double(3) == 6"]


def test_a_rejected_plan_ends_in_an_answer(waiting: tuple[Agent, Result]) -> None:
    agent, before = waiting
    result = agent.resume(str(before.thread_id), approve=False, reason="too clever")
    assert (result.status, result.stop_reason) == (Status.DECLINED, StopReason.PLAN_REJECTED)
    assert result.answer == "The plan was rejected, so no code was written: too clever"
    assert [call.step for call in result.calls] == ["plan"]
    state = agent.graph.get_state({"configurable": {"thread_id": before.thread_id}})
    assert [message.type for message in state.values["messages"]] == ["human", "ai"]


async def test_the_async_calls_do_the_same(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, PASS], [{"content": GOOD}], plan_approval=True)
    before = await agent.aask(ASK)
    again = await agent.waiting(str(before.thread_id))
    assert again is not None
    assert (again.plan, again.answer) == (before.plan, before.answer)
    result = await agent.aresume(str(before.thread_id), approve=True)
    assert result.status is Status.DONE
    assert await agent.waiting(str(before.thread_id)) is None


def test_another_process_may_go_on(make_agent: AgentMaker) -> None:
    lines: Lines = [{"content": PLAN}, PASS]
    before = make_agent(lines, [{"content": GOOD}], plan_approval=True).ask(ASK)
    other = make_agent([PASS], [{"content": GOOD}])
    assert other.resume(str(before.thread_id), approve=True).verification.status == "verified"


def test_asking_something_else_drops_the_plan(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, {"content": "A monoid."}], [{}], plan_approval=True)
    before = agent.ask(ASK)
    result = agent.ask("What is a monad?", thread_id=before.thread_id)
    assert (result.status, result.answer) == (Status.DONE, "A monoid.")
    with pytest.raises(RequestError, match="No plan waits"):
        agent.resume(str(before.thread_id), approve=True)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"approve": True, "plan": " "}, "an edit brings the whole plan"),
        ({"approve": False, "plan": "x"}, "an edit brings the whole plan"),
        ({"approve": True, "plan": "```python acceptance\nassert (\n```"}, "line 1"),
    ],
)
def test_an_answer_that_cannot_be_used_is_refused_before_anything_runs(
    waiting: tuple[Agent, Result], options: dict[str, Any], words: str
) -> None:
    agent, before = waiting
    with pytest.raises(RequestError, match=words):
        agent.resume(str(before.thread_id), **options)
    assert agent.resume(str(before.thread_id), approve=True).status is Status.DONE


@pytest.mark.parametrize("thread", ["never-used", "a b"])
def test_where_nothing_waits_there_is_nothing_to_resume(make_agent: AgentMaker, thread: str) -> None:
    with pytest.raises(RequestError) as error:
        make_agent([{}], [{}]).resume(thread, approve=True)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("text", ["What is a monad?", "Review this code:\n```python\nx = 1\n```"])
def test_only_code_that_is_to_be_written_needs_approval(make_agent: AgentMaker, text: str) -> None:
    agent = make_agent([{"content": "It is fine."}], [{}], plan_approval=True)
    assert agent.ask(text).status is Status.DONE


def test_the_time_of_the_person_does_not_count(
    make_agent: AgentMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent = make_agent([{"content": PLAN}, PASS], [{"content": GOOD}], plan_approval=True, turn_timeout_s=60)
    before = agent.ask(ASK)
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 100_000)
    result = agent.resume(str(before.thread_id), approve=True)
    assert (result.status, result.stop_reason) == (Status.DONE, StopReason.COMPLETED)
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.seconds < 60


@pytest.fixture
def graph(script: Callable[[str, Lines], str], tmp_path: Path) -> DuoGraph:
    models = {"reasoning_model": script("r", [{"content": PLAN, "repeat": True}]),
              "coding_model": script("c", STUBBORN)}  # fmt: skip
    return build_graph(Settings(home=tmp_path, **models), checkpointer=InMemorySaver())


CONFIG: Any = {"configurable": {"thread_id": "t"}}
START: Any = {"messages": [HumanMessage(ASK)]}


def test_the_interrupt_carries_the_plan_and_the_form_of_an_answer(graph: DuoGraph) -> None:
    (asked,) = graph.invoke(START, CONFIG, context=WANTED)["__interrupt__"]
    assert asked.value["plan"] == PLAN
    assert asked.value["problem"] == ""
    assert set(asked.response_schema["properties"]) == {"decision", "plan", "reason"}


def test_a_wrong_answer_asks_again_and_the_third_one_ends_the_turn(graph: DuoGraph) -> None:
    graph.invoke(START, CONFIG, context=WANTED)
    for answer, problem in (("hm", "Invalid JSON"), ({"decision": "go"}, "Input should be")):
        (asked,) = graph.invoke(Command(resume=answer), CONFIG, context=WANTED)["__interrupt__"]
        assert problem in asked.value["problem"]
    result = graph.invoke(Command(resume=[]), CONFIG, context=WANTED)["result"]
    assert (result.status, result.stop_reason) == (Status.DECLINED, StopReason.PLAN_REJECTED)
    assert "none of 3 answers" in result.answer
    assert [call.step for call in result.calls] == ["plan"]


def test_a_right_answer_after_a_wrong_one_is_taken(graph: DuoGraph) -> None:
    graph.invoke(START, CONFIG, context=WANTED)
    graph.invoke(Command(resume="hm"), CONFIG, context=WANTED)
    result = graph.invoke(Command(resume="approve"), CONFIG, context=WANTED)["result"]
    assert result.stop_reason is StopReason.REPAIRS_EXHAUSTED
    assert sum(call.step == "plan" for call in result.calls) == 1


@pytest.mark.parametrize("repairs", [0, 2, 10])
def test_the_bound_counts_the_approval_only_where_it_is_wanted_and_is_reached(
    graph: DuoGraph, repairs: int
) -> None:
    context = Context(plan_approval=True, max_repairs=repairs)
    graph.invoke(START, CONFIG, context=context)
    used = graph.invoke(Command(resume=True), CONFIG, context=context)["result"].bounds.used
    assert used.supersteps == graph.bounds(context).supersteps == 10 + 3 * repairs
    assert graph.bounds(Context(max_repairs=repairs)).supersteps == 9 + 3 * repairs
    assert [cycle.guard for cycle in graph.bounds(context).cycles] == ["repairs"]


@pytest.mark.parametrize("limit", [1, 3, 4])
def test_a_step_limit_that_is_too_small_ends_in_an_answer(graph: DuoGraph, limit: int) -> None:
    config = CONFIG | {"recursion_limit": limit}
    values = graph.invoke(START, config, context=WANTED)
    if "__interrupt__" in values:
        values = graph.invoke(Command(resume=True), config, context=WANTED)
    assert values["result"].stop_reason in {StopReason.SUPERSTEP_LIMIT, StopReason.REPAIRS_EXHAUSTED}


def test_without_a_checkpointer_the_turn_ends_by_saying_so_before_a_model_is_paid(tmp_path: Path) -> None:
    result = build_graph(Settings(home=tmp_path)).invoke(START, context=WANTED)["result"]
    assert (result.status, result.calls) == (Status.REJECTED, [])
    assert "checkpointer" in result.answer


def test_an_absent_plan_is_shown_as_such(tmp_path: Path) -> None:
    path = tmp_path / "c.jsonl"
    path.write_text('{"content": "x"}\n', encoding="utf-8")
    with Agent(Settings(home=tmp_path, coding_model=f"scripted:{path}", plan_approval=True)) as agent:
        result = agent.ask("Write a Python function that computes a Voronoi diagram of zebras")
    assert result.status is Status.WAITING
    assert "There is no plan" in result.plan
