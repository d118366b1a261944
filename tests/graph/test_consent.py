"""Calls that may change something: nobody but a person decides on them, and never twice."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.types import Command

from checkpoints import fork
from graph.agent import Agent, RequestError
from graph.build import build_graph
from graph.events import Finished, Noted
from graph.saver import open_saver
from graph.services import Services
from graph.settings import Settings
from graph.tooling import Tooling
from nodes import CallAnswer, ConsentAnswer, Context, Result, Status, StopReason
from tests.graph.calling import ONE, QUESTION, SAID, TWO, Make, Scripted, call, calls
from toolkit.functions import tool_of

ASKED = Context(consent="ask")


def outcomes(result: Result) -> list[str]:
    return [use.outcome for use in result.tool_uses]


def test_a_turn_that_waits_shows_the_exact_calls_and_makes_none(make: Make, gone: list[str]) -> None:
    agent = make(TWO)
    result = agent.ask(QUESTION, context=ASKED)
    assert (result.status, result.stop_reason) == (Status.WAITING, StopReason.TOOL_CONSENT)
    assert [(one["id"], one["name"], one["arguments"]) for one in result.asked] == [
        ("a", "delete", {"name": "old"}),
        ("b", "delete", {"name": "new"}),
    ]
    assert (result.asked[0]["description"], result.asked[0]["source"]) == ("Delete a thing.", "own")
    assert 'delete {"name": "old"}' in result.answer
    assert gone == []
    assert [call.step for call in result.calls] == ["answer"]


def test_what_is_approved_is_made_once(make: Make, gone: list[str]) -> None:
    agent = make(TWO)
    thread = str(agent.ask(QUESTION, context=ASKED).thread_id)
    result = agent.resume(thread, approve=True)
    assert (result.status, result.answer) == (Status.DONE, SAID["content"])
    assert (sorted(gone), outcomes(result)) == (["new", "old"], ["ok", "ok"])
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.supersteps == 6 + 3
    with pytest.raises(RequestError, match="ask something first"):
        agent.resume(thread, approve=True)


def test_what_is_rejected_is_not_made_and_the_model_is_told_why(make: Make, gone: list[str]) -> None:
    agent = make(ONE)
    result = agent.resume(
        str(agent.ask(QUESTION, context=ASKED).thread_id), approve=False, reason="still used"
    )
    assert (gone, outcomes(result)) == ([], ["refused"])
    assert "did not consent to this call: still used." in result.tool_uses[0].excerpt
    assert result.notes == ['Not called, for want of consent: `delete({"name": "old"})`.']


def test_each_call_has_an_answer_of_its_own_and_arguments_may_be_changed(make: Make, gone: list[str]) -> None:
    agent = make(TWO)
    thread = str(agent.ask(QUESTION, context=ASKED).thread_id)
    answer = ConsentAnswer(calls={"b": CallAnswer(decision="edit", arguments={"name": "other"})})
    plain: Any = {"decision": "approve"}
    with pytest.raises(RequestError, match="The argument consent is a dict: give a ConsentAnswer"):
        agent.resume(thread, consent=plain)
    result = agent.resume(thread, consent=answer)
    assert (gone, outcomes(result)) == (["other"], ["refused", "ok"])
    assert result.tool_uses[1].arguments == '{"name": "other"}'
    assert 'changed the arguments to {"name": "other"}' in result.tool_uses[1].excerpt


def test_a_call_that_was_edited_is_not_said_to_have_been_made_as_it_was(make: Make, gone: list[str]) -> None:
    agent = make(calls(call("delete", "a", name="old"), call("delete", "b", name="old")))
    thread = str(agent.ask(QUESTION, context=ASKED).thread_id)
    edited = CallAnswer(decision="edit", arguments={"name": "other"})
    result = agent.resume(thread, consent=ConsentAnswer(calls={"a": edited}))
    assert (gone, outcomes(result)) == (["other"], ["ok", "repeated"])
    assert result.tool_uses[1].excerpt.startswith("Not made: you asked for this call twice in one round")


def test_always_holds_for_this_session_and_this_tool_alone(
    make: Make, gone: list[str], tmp_path: Path
) -> None:
    agent = make(ONE, SAID, ONE, SAID, ONE)
    thread = str(agent.ask(QUESTION, context=ASKED).thread_id)
    agent.resume(thread, consent=ConsentAnswer(decision="always"))
    again = agent.ask(QUESTION, thread_id=thread, context=ASKED)
    assert (again.status, gone) == (Status.DONE, ["old", "old"])
    assert agent.ask(QUESTION, context=ASKED).status is Status.WAITING  # another session

    def delete(name: str) -> str:
        """Delete a thing."""
        gone.append(f"{name} and its backups")
        return "done"

    with Agent(agent.settings.model_copy(update={"home": tmp_path}), tools=[delete]) as other:
        assert other.ask(QUESTION, thread_id=thread, context=ASKED).status is Status.WAITING  # other code
    assert gone == ["old", "old"]


def test_a_fork_does_not_take_consent_along(make: Make, gone: list[str], tmp_path: Path) -> None:
    agent = make(ONE, SAID, ONE)
    thread = str(agent.ask(QUESTION, context=ASKED).thread_id)
    agent.resume(thread, consent=ConsentAnswer(decision="always"))
    with open_saver(tmp_path / "sessions.sqlite") as saver:
        copy = fork(saver, thread)
    assert agent.ask(QUESTION, thread_id=copy, context=ASKED).status is Status.WAITING
    assert gone == ["old"]


def test_a_new_question_drops_what_waits_and_says_so(make: Make, gone: list[str]) -> None:
    agent = make(TWO, ONE, SAID)
    thread = str(agent.ask(QUESTION, context=ASKED).thread_id)
    again = agent.ask(QUESTION, thread_id=thread, context=ASKED)
    said = 'they were not made: `delete({"name": "old"})`, `delete({"name": "new"})`.'
    assert (again.status, len(again.asked)) == (Status.WAITING, 1)
    assert again.notes[0].endswith(said)
    assert said in again.answer
    events = list(agent.stream(QUESTION, thread_id=thread))
    done = events[-1]
    assert isinstance(done, Finished)
    (note,) = done.result.notes
    assert note.startswith("The turn before waited for consent to calls, which this question dropped;")
    assert [event.text for event in events if isinstance(event, Noted)] == done.result.notes
    with pytest.raises(RequestError, match="and no tool call for consent: ask something first"):
        agent.resume(thread, approve=True)
    assert agent.ask(QUESTION, thread_id=thread).notes == []
    assert gone == []


def test_without_anybody_to_ask_nothing_is_made(make: Make, gone: list[str]) -> None:
    result = make(ONE).ask(QUESTION)
    assert (result.status, outcomes(result), gone) == (Status.DONE, ["refused"], [])
    assert "`consent` = ask" in result.notes[0]


def test_without_a_checkpointer_asking_is_refusing(script: Scripted, tmp_path: Path, gone: list[str]) -> None:
    settings = Settings(home=tmp_path, reasoning_model=script("r", [ONE, SAID]), consent="ask")
    tools = Tooling().with_own([tool_of(lambda_of(gone))])
    services = Services.from_settings(settings)
    services = Services(services.models, services.verifier, tools=tools)
    result = build_graph(settings, services=services).invoke({"messages": [HumanMessage(QUESTION)]})["result"]
    assert (result.status, outcomes(result), gone) == (Status.DONE, ["refused"], [])


def lambda_of(gone: list[str]) -> Callable[[str], str]:
    def delete(name: str) -> str:
        """Delete a thing."""
        gone.append(name)
        return name

    return delete


def test_the_time_of_the_person_does_not_count(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    agent = make(ONE, turn_timeout_s=60)
    thread = str(agent.ask(QUESTION, context=ASKED).thread_id)
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 100_000)
    result = agent.resume(thread, approve=True)
    assert (result.status, outcomes(result)) == (Status.DONE, ["ok"])
    assert result.bounds is not None
    assert result.bounds.used is not None
    assert result.bounds.used.seconds < 60


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("hm", "Invalid JSON"),
        ({"decision": "edit"}, "Input should be"),
        ({"decision": "approve", "shown": "others"}, "other calls wait by now than those that were shown"),
        ({"calls": {"z": {"decision": "approve"}}}, "there is no call 'z'; there are a"),
        ({"calls": {"a": {"decision": "edit"}}}, "an edit brings `arguments`"),
        ({"calls": {"a": {"decision": "approve", "arguments": {}}}}, "an edit brings `arguments`"),
        ({"calls": {"a": {"decision": "edit", "arguments": {"nam": 1}}}}, "name: Field required"),
    ],
)
def test_an_answer_that_cannot_be_used_asks_again_and_the_third_one_refuses(
    make: Make, gone: list[str], answer: object, words: str
) -> None:
    graph = make(ONE).graph
    config: Any = {"configurable": {"thread_id": "t"}}
    graph.invoke({"messages": [HumanMessage(QUESTION)]}, config, context=ASKED)
    for _ in range(2):
        (asked,) = graph.invoke(Command(resume=answer), config, context=ASKED)["__interrupt__"]
        assert words in asked.value["problem"]
        assert set(asked.response_schema["properties"]) == {"decision", "reason", "calls"}
    result = graph.invoke(Command(resume=answer), config, context=ASKED)["result"]
    assert (outcomes(result), gone) == (["refused"], [])


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (None, ""),
        ({}, ""),
        (["approve"], "cannot be used"),
        (3, "cannot be used"),
        (b"approve", "cannot be used"),
    ],
)
def test_garbage_from_a_form_leaves_the_question_standing(
    make: Make, gone: list[str], answer: object, problem: str
) -> None:
    graph = make(ONE).graph
    config: Any = {"configurable": {"thread_id": "t"}}
    graph.invoke({"messages": [HumanMessage(QUESTION)]}, config, context=ASKED)
    (asked,) = graph.invoke(Command(resume=answer), config, context=ASKED)["__interrupt__"]
    assert problem in asked.value["problem"]
    assert (graph.get_state(config).interrupts, gone) == ((asked,), [])
    assert graph.invoke(Command(resume="approve"), config, context=ASKED)["result"].status is Status.DONE
    assert gone == ["old"]


@pytest.mark.parametrize(
    ("answer", "made"), [("approve", ["old"]), (True, ["old"]), ("no: not now", []), (False, [])]
)
def test_plain_words_do_for_forms_that_send_text(
    make: Make, gone: list[str], answer: object, made: list[str]
) -> None:
    graph = make(ONE).graph
    config: Any = {"configurable": {"thread_id": "t"}}
    graph.invoke({"messages": [HumanMessage(QUESTION)]}, config, context=ASKED)
    assert graph.invoke(Command(resume=answer), config, context=ASKED)["result"].status is Status.DONE
    assert gone == made


def test_each_round_asks_anew_and_nobody_is_asked_about_what_is_not_made(make: Make, gone: list[str]) -> None:
    wrong = calls(call("delete", "w", nam="x"), call("nothing", "n"), call("delete", "c", name="old"))
    agent = make(ONE, wrong, calls(call("delete", "d", name="new")))
    thread = str(agent.ask(QUESTION, context=ASKED).thread_id)
    again = agent.resume(thread, approve=True)
    assert (again.status, [one["id"] for one in again.asked]) == (Status.WAITING, ["d"])
    result = agent.resume(thread, approve=True)
    assert (gone, outcomes(result)) == (["old", "new"], ["ok", "error", "no_tool", "repeated", "ok"])


def test_a_plan_is_no_answer_about_calls_and_none_is_an_error(make: Make) -> None:
    agent = make(ONE)
    thread = str(agent.ask(QUESTION, context=ASKED).thread_id)
    with pytest.raises(RequestError, match="tool calls wait, and no plan"):
        agent.resume(thread, approve=True, plan="Do it.")
    with pytest.raises(RequestError, match="wait for your consent"):
        agent.resume(thread)
    with pytest.raises(RequestError, match="says it all"):
        agent.resume(thread, approve=True, consent=ConsentAnswer())
