"""The loop `reason ⇄ tools`: whatever a model calls, and whatever tools give, it ends in an answer."""

import asyncio
import threading
from pathlib import Path
from typing import Any

from langchain_core.messages import HumanMessage, ToolMessage

from graph.agent import Agent
from graph.settings import Settings
from nodes import Status
from tests.graph.calling import QUESTION, SAID, Ask, Scripted, call, calls, outcomes, population
from tests.graph.test_limits_everywhere import Listener
from tests.support import ASK, GOOD, PLAN
from toolkit.functions import has_effect
from toolkit.registry import make


def test_what_a_tool_gave_reaches_the_model_and_the_result(ask: Ask) -> None:
    result = ask([calls(call("population", "a", city="Berlin")), SAID])
    assert (result.status, result.answer) == (Status.DONE, "Some 3.7 million.")
    (use,) = result.tool_uses
    assert (use.id, use.name, use.arguments, use.outcome) == ("a", "population", '{"city": "Berlin"}', "ok")
    assert (use.excerpt, use.chars, use.clipped) == ("3700000", 7, False)
    assert [call.step for call in result.calls] == ["answer", "answer"]
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert (result.bounds.used.tool_calls, result.bounds.tool_calls) == (1, 32)


def test_calls_of_a_round_run_side_by_side(ask: Ask) -> None:
    both = threading.Barrier(2, timeout=10)

    @has_effect("read")
    def meet(name: str) -> str:
        """Wait for the other one."""
        both.wait()
        return name

    result = ask([calls(call("meet", name="a"), call("meet", name="b")), SAID], meet)
    assert [use.excerpt for use in result.tool_uses] == ["a", "b"]


def test_no_more_of_them_run_at_once_than_may(ask: Ask) -> None:
    running, most = [0], [0]
    lock = threading.Lock()

    @has_effect("read")
    async def count(n: int) -> str:
        """Count who is here."""
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        await asyncio.sleep(0.02)
        with lock:
            running[0] -= 1
        return str(n)

    ask([calls(*(call("count", n=n) for n in range(8))), SAID], count, parallel_tools=2)
    assert most == [2]


def test_whatever_goes_wrong_goes_back_to_the_model(ask: Ask) -> None:
    wanted = [
        call("population", city="Atlantis"),
        call("population", town="Berlin"),
        call("population", city="Rome"),
        call("weather", city="Berlin"),
    ]
    result = ask([calls(*wanted), SAID])
    assert [use.outcome for use in result.tool_uses] == ["error", "error", "error", "no_tool"]
    assert [use.excerpt for use in result.tool_uses] == [
        "Atlantis is not on the map.",
        "Wrong arguments for population: city: Field required; town: Extra inputs are not permitted.",
        "The tool population failed (KeyError).",
        "There is no tool weather. There are: population.",
    ]
    assert result.status is Status.DONE


def test_every_call_gets_exactly_one_message_whatever_its_id_and_name(
    script: Scripted, tmp_path: Path
) -> None:
    wanted = [
        call("population", "a", city="Berlin"),
        call("population", "a", city="Paris"),
        call("population", "x" * 300, city="Rome"),
        call("\x1b[31mrm -rf /\n", "b"),
    ]
    model = script("r", [calls(*wanted), SAID])
    listener = Listener()
    with Agent(Settings(home=tmp_path, reasoning_model=model), tools=[population]) as agent:
        config: Any = {"configurable": {"thread_id": "t"}, "callbacks": [listener]}
        values = agent.graph.invoke({"messages": [HumanMessage(QUESTION)]}, config)
        exchange = agent.graph.get_state(config).values["exchange"]
    asked = [one["id"] for one in exchange[0].tool_calls]
    answered = [message.tool_call_id for message in exchange if isinstance(message, ToolMessage)]
    assert asked == answered == [use.id for use in values["result"].tool_uses]
    assert len(set(asked)) == 4
    assert exchange[0].tool_calls[3]["name"] == "rm_-rf___"
    assert [message.type for message in values["messages"]] == ["human", "ai"]
    assert "<tool_result>\n3700000\n</tool_result>" in listener.told[-1]


def test_the_same_call_is_answered_from_the_turn_and_then_the_loop_stops(ask: Ask) -> None:
    made = []

    @has_effect("read")
    def look(a: int, b: int = 2) -> str:
        """Look."""
        made.append((a, b))
        return "seen"

    same = [calls(call("look", a=1, b=2)), calls(call("look", b="2", a=1)), calls(call("look", a=1))]
    result = ask([*same, SAID], look)
    assert made == [(1, 2)]
    assert [use.outcome for use in result.tool_uses] == ["ok", "repeated", "repeated"]
    assert "seen" in result.tool_uses[1].excerpt
    assert (result.status, result.tool_uses[0].digest) == (Status.DONE, result.tool_uses[2].digest)
    assert "the same tool call again and again" in result.notes[0]


def test_a_plan_may_rest_on_tools_too(ask: Ask, script: Scripted) -> None:
    lines = [calls(call("population", city="Berlin")), {"content": PLAN}, {"content": "VERDICT: PASS"}]
    result = ask(lines, text=ASK, coding_model=script("c", [{"content": GOOD}]))
    assert result.verification.status == "verified"
    assert [call.step for call in result.calls] == ["plan", "plan", "code", "judge"]


def test_a_run_chooses_among_what_is_offered(ask: Ask) -> None:
    two = [population, make("calculator")]
    lines = [calls(call("population", city="Berlin"), call("calculator", expression="2*3")), SAID]
    assert outcomes(ask(lines, *two, tools=["calculator"])) == [
        ("population", "no_tool"),
        ("calculator", "ok"),
    ]
    none = ask([SAID], *two, tools=[])
    assert none.bounds is not None
    assert (none.bounds.tool_calls, none.bounds.supersteps) == (0, 15)
    wrong = ask([SAID], *two, tools=["calculater"])
    assert (wrong.status, wrong.calls) == (Status.REJECTED, [])
    assert wrong.answer == "There is no tool 'calculater' here: choose from population, calculator."


def test_memory_is_that_of_the_user_whose_turn_it_is(ask: Ask) -> None:
    ask([], text="remember that our deploys are on Fridays", user_id="ann")
    lines = [calls(call("memory_search", query="deploys")), SAID]
    of_ann = ask(lines, tools_named=["memory_search"], user_id="ann")
    assert "Fridays" in of_ann.tool_uses[0].excerpt
    of_bob = ask(lines, tools_named=["memory_search"], user_id="bob")
    assert of_bob.tool_uses[0].excerpt == "Nothing in memory fits."


def test_the_offline_model_takes_no_tools_and_answers_all_the_same(tmp_path: Path) -> None:
    with Agent(Settings(home=tmp_path, tools=["calculator"])) as agent:
        result = agent.ask("Write a Python function that checks if a word is a palindrome")
    assert result.verification.status == "verified"
    assert result.notes == ["The model offline takes no tools, so it was asked without them."]


def test_a_backup_that_takes_no_tools_reads_what_they_gave(script: Scripted, tmp_path: Path) -> None:
    chain = (
        script("r", [calls(call("population", city="Berlin")), {"error": "auth", "repeat": True}])
        + ",offline"
    )
    with Agent(Settings(home=tmp_path, reasoning_model=chain), tools=[population]) as agent:
        result = agent.ask("hello")
    assert (result.calls[-1].backend, result.calls[-1].error) == ("offline", None)
    assert "takes no tools" in result.notes[0]


def test_the_state_of_the_loop_does_not_outlive_the_turn(script: Scripted, tmp_path: Path) -> None:
    model = script("r", [calls(call("population", city="Berlin")), SAID, {"content": "No tools."}])
    with Agent(Settings(home=tmp_path, reasoning_model=model), tools=[population]) as agent:
        thread = agent.ask(QUESTION).thread_id
        assert agent.ask("And who says so?", thread_id=thread).tool_uses == []
