"""Turns that were cut off: they go on after their last finished step, with their own limits and deadline."""

import asyncio
import time
from collections.abc import Callable

import pytest
from langchain_core.messages import HumanMessage
from langchain_core.runnables import RunnableConfig

from checkpoints import UnknownThreadError
from graph.agent import Agent, RequestError
from graph.events import Event
from graph.resuming import result_of
from graph.state import Context, Input
from nodes import Result, Status
from tests.support import ASK, BAD, GOOD, PLAN, AgentMaker

CONFIG: RunnableConfig = {"configurable": {"thread_id": "t"}}
CUT = ("reason", "code", "verify", "review", "respond")


def cut(agent: Agent, before: str, context: Context | None = None) -> None:
    """Run a turn and stop it before a node, as a crash would."""
    asked = Input(messages=[HumanMessage(ASK)])
    agent.graph.invoke(asked, CONFIG, context=context or Context(), interrupt_before=[before])


@pytest.mark.parametrize("before", CUT)
def test_a_turn_goes_on_in_another_agent_and_repeats_no_finished_call(
    make_agent: AgentMaker, before: str
) -> None:
    first = make_agent([{"content": PLAN}], [{"content": GOOD}])
    cut(first, before)
    first.close()
    # Whoever asks a second time for what was answered gets an error.
    planned, coded = before != "reason", before not in ("reason", "code")
    plan = {"error": "auth", "repeat": True} if planned else {"content": PLAN}
    code = {"error": "auth", "repeat": True} if coded else {"content": GOOD}
    rest = make_agent([plan], [code])
    result = rest.resume("t")
    assert result.status is Status.DONE
    assert result.verification.status == "verified"
    assert [call.role for call in result.calls][:2] == ["reasoning", "coding"]
    assert rest.sessions.show("t").turns == 1


async def test_it_goes_on_asynchronously_too(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}], [{"content": GOOD}])
    asked = Input(messages=[HumanMessage(ASK)])
    await agent.graph.ainvoke(asked, CONFIG, context=Context(), interrupt_before=["code"])
    assert (await agent.aresume("t")).status is Status.DONE


@pytest.mark.parametrize("late", [0, 10_000])
def test_the_time_that_a_turn_lay_still_is_not_its_own(
    make_agent: AgentMaker, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    agent = make_agent([{"content": PLAN}], [{"content": BAD}, {"content": GOOD}])
    cut(agent, "verify", Context(turn_timeout_s=600))
    monkeypatch.setattr(time, "time", later(time.time, late))
    result = agent.resume("t")
    assert result.status is Status.DONE
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.seconds < 600


def later(now: Callable[[], float], seconds: int) -> Callable[[], float]:
    return lambda: now() + seconds


def test_a_turn_goes_on_with_another_model_where_one_is_named(
    make_agent: AgentMaker, script: Callable[..., str]
) -> None:
    agent = make_agent([{"content": PLAN}], [{"error": "auth", "repeat": True}])
    cut(agent, "code")
    other = script("other", [{"content": GOOD}])
    events = agent.graph.loop_thread.run(collect(agent, Context(coding_model=other)))
    assert result_of(events).verification.status == "verified"


async def collect(agent: Agent, context: Context) -> list[Event]:
    return [event async for event in agent.astream_resume("t", context=context)]


def test_a_turn_that_ended_leaves_nothing_to_do(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}], [{"content": GOOD}])
    agent.ask(ASK, thread_id="t")
    with pytest.raises(RequestError, match=r"Nothing is left to do in session t\. Its last turn has ended"):
        agent.resume("t")
    with pytest.raises(RequestError, match="There is no such session: ask something"):
        agent.resume("u")


async def test_of_two_that_go_on_with_a_turn_one_does_and_the_other_says_so(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}], [{"content": GOOD, "delay_s": 1.0}])
    asked = Input(messages=[HumanMessage(ASK)])
    await agent.graph.ainvoke(asked, CONFIG, context=Context(), interrupt_before=["code"])
    found = await asyncio.gather(agent.aresume("t"), agent.aresume("t"), return_exceptions=True)
    (result,) = [one for one in found if isinstance(one, Result)]
    (refused,) = [one for one in found if isinstance(one, RequestError)]
    assert result.verification.status == "verified"
    assert str(refused).startswith("Nothing is left to do in session t. Its turn was ended elsewhere")
    assert agent.sessions.show("t").turns == 1


def test_a_turn_that_had_not_begun_is_to_be_asked_again(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, {"content": PLAN}], [{"content": GOOD}, {"content": GOOD}])
    cut(agent, "classify")
    with pytest.raises(RequestError, match="cut off before its request was noted: ask again"):
        agent.resume("t")
    agent.ask(ASK, thread_id="t")
    cut(agent, "classify")
    # The request of the turn before is not taken for this one's.
    with pytest.raises(RequestError, match="ask again"):
        agent.resume("t")


def test_words_about_a_plan_need_a_decision(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}], [{"content": GOOD}])
    with pytest.raises(RequestError, match="approve=True"):
        agent.resume("t", plan="another")
    waits = agent.ask(ASK, thread_id="t", context=Context(plan_approval=True))
    assert waits.status is Status.WAITING
    with pytest.raises(RequestError, match="waits for your approval"):
        agent.resume("t")


def test_another_question_takes_the_place_of_a_turn_that_was_cut_off(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}, {"content": PLAN}], [{"content": GOOD}, {"content": GOOD}])
    cut(agent, "code")
    assert agent.ask(ASK, thread_id="t").status is Status.DONE
    with pytest.raises(RequestError, match="has ended"):
        agent.resume("t")


def test_a_step_that_is_not_kept_is_named_and_nothing_begins_anew(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": "one", "repeat": True}], [{"content": "none"}])
    agent.ask("What is this?", thread_id="t")
    gone: RunnableConfig = {
        "configurable": {"thread_id": "t", "checkpoint_id": "1f000000-0000-6000-8000-000000000000"}
    }
    with pytest.raises(UnknownThreadError, match="it was pruned, or never was"):
        agent.graph.invoke(Input(messages=[HumanMessage("And this?")]), gone)
    assert agent.sessions.show("t").turns == 1


def test_a_turn_that_runs_keeps_its_session_busy(make_agent: AgentMaker) -> None:
    agent = make_agent([{"content": PLAN}], [{"content": GOOD}])
    run = agent.graph.loop_thread.run
    assert not run(agent.is_busy("t"))
    with agent.graph.locks.hold("t"):
        assert run(agent.is_busy("t"))
        assert not run(agent.is_busy("u"))
    assert not run(agent.is_busy("t"))
