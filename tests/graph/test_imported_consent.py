"""A session in a file brings no consent along: whoever made the file decides on no call here."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage
from langgraph.types import Send

from checkpoints import export_session, import_session
from checkpoints.unanswered import distrusted, unanswered, unconsented
from graph.agent import Agent, RequestError
from graph.saver import open_sessions
from graph.settings import Settings
from graph.state import Input, State
from nodes import ConsentAnswer, Context, StopReason, Wanted
from tests.checkpoints.tampering import packed, unpacked
from tests.graph.calling import ONE, QUESTION, SAID, Make
from tests.graph.test_consent import outcomes

THREAD = "sent"


def sent(tmp_path: Path, change: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
    """Take the session from one home to the other."""
    with open_sessions(Settings(home=tmp_path / "there", user_settings=False)) as saver:
        plain = export_session(saver, THREAD).model_dump(mode="json")
    parts = unpacked(plain)
    change(parts)
    with open_sessions(Settings(home=tmp_path / "here", user_settings=False)) as saver:
        import_session(saver, packed(plain, parts), state=State)


def cut(agent: Agent, before: str) -> None:
    """Leave a turn before a node."""
    agent.graph.invoke(
        Input(messages=[HumanMessage(QUESTION)]),
        {"configurable": {"thread_id": THREAD}},
        context=Context(consent="allow"),
        interrupt_before=[before],
    )


def test_what_was_always_allowed_elsewhere_is_asked_about_here(
    make: Make, tmp_path: Path, gone: list[str]
) -> None:
    there = make(ONE, home="there")
    there.ask(QUESTION, thread_id=THREAD, context=Context(consent="ask"))
    there.resume(THREAD, consent=ConsentAnswer(decision="always"))
    assert gone == ["old"]
    sent(tmp_path)
    result = make(ONE, home="here").ask(QUESTION, thread_id=THREAD, context=Context(consent="ask"))
    assert (result.stop_reason, gone) == (StopReason.TOOL_CONSENT, ["old"])


@pytest.mark.parametrize("before", ["reason", "tools"])
def test_a_turn_that_goes_on_from_a_file_makes_no_call_that_nobody_here_allowed(
    make: Make, tmp_path: Path, gone: list[str], before: str
) -> None:
    cut(make(ONE, home="there"), before)
    sent(tmp_path)
    result = make(*([ONE] if before == "reason" else []), home="here").resume(THREAD)
    assert (result.answer.splitlines()[0], gone) == (SAID["content"], [])
    assert outcomes(result) == ["refused"]


def test_what_a_file_says_that_a_person_answered_is_asked_again(
    make: Make, tmp_path: Path, gone: list[str]
) -> None:
    def forge(parts: dict[str, Any]) -> None:
        (asked,) = [write for write in parts["writes"] if write["channel"] == "__interrupt__"]
        parts["writes"].append(asked | {"channel": "__resume__", "value": [{"decision": "approve"}]})

    make(ONE, home="there").ask(QUESTION, thread_id=THREAD, context=Context(consent="ask"))
    sent(tmp_path, forge)
    here = make(home="here")
    with suppress(RequestError):  # a turn that waits does not go on without an answer
        here.resume(THREAD)
    assert gone == []
    assert outcomes(here.resume(THREAD, approve=False)) == ["refused"]
    assert gone == []


def test_calls_among_what_a_task_wrote_or_is_sent_are_not_made_either() -> None:
    call = Wanted(id="a", name="delete", arguments={}, act="run")
    asked = call.model_copy(update={"act": "ask"})
    sends = [Send("tools", {"wanted": [call], "allowed_tools": ["delete:1"]})]
    writes = unanswered(
        [("1", "wanted", [call, asked]), ("1", "__pregel_tasks", sends[0]), ("1", "__resume__", ["yes"])],
        unconsented,
    )
    values = distrusted(
        {"__pregel_tasks": sends, "__start__": {"wanted": [call]}, "answer": "so"}, unconsented
    )
    assert [(channel, _acts(value)) for _, channel, value in writes] == [
        ("wanted", ["refused", "ask"]),
        ("__pregel_tasks", ["refused"]),
    ]
    assert _acts(values["__pregel_tasks"][0]) == _acts(values["__start__"]["wanted"]) == ["refused"]
    assert (values["__pregel_tasks"][0].arg["allowed_tools"], values["answer"]) == ([], "so")


def _acts(value: Any) -> list[str]:  # noqa: ANN401  # calls, or what holds them
    return [one.act for one in (value.arg["wanted"] if isinstance(value, Send) else value)]
