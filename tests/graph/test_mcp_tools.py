"""Tools of MCP servers in turns: offered when trusted, told when missing, never another in their place."""

import os
import re
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from graph.agent import Agent
from graph.mcp_tools import ServerTools
from graph.services import Services
from graph.settings import Settings, SettingsError
from graph.tooling import Tooling
from nodes import ConsentAnswer, Context, Result, Status, StopReason
from nodes.tool_calls import identity_of, key_of
from tests.graph.calling import QUESTION, SAID, call, calls, outcomes
from tests.graph.test_limits_everywhere import Listener
from tests.support import Lines
from tests.toolkit.mcp.starting import hostile, opened, trusted
from toolkit.functions import tool_of
from toolkit.mcp.limits import McpLimits

Scripted = Callable[[str, Lines], str]
DO = calls(call("notes__do", "a", text="x"))
ALLOWED = Context(consent="allow")


@pytest.fixture
def agent(script: Scripted, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., Agent]:
    """Make agents whose settings name a file of MCP servers that is trusted."""

    def make(servers: dict[str, Any], *lines: dict[str, Any], tools: Any = (), **settings: Any) -> Agent:  # noqa: ANN401
        path, _ = trusted(tmp_path, servers)
        model = script("reasoning", [*lines, SAID | {"repeat": True}])
        chosen = {"home": tmp_path / "home", "reasoning_model": model, "mcp_servers": [path]} | settings
        made = Agent(Settings(**chosen), tools=tools)
        request.addfinalizer(made.close)
        return made

    return make


def with_limits(
    script: Scripted, folder: Path, kind: str, limits: McpLimits, *lines: dict[str, Any]
) -> Agent:
    settings = Settings(home=folder / "home", reasoning_model=script("reasoning", [*lines, SAID]))
    servers = ServerTools(opened(folder, {"notes": hostile(kind)}, limits))
    services = Services.from_settings(settings, remembers=True)
    return Agent(settings, services=replace(services, tools=Tooling(servers=servers)))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_they_stand_beside_those_that_are_built_in_and_end_with_the_agent(
    agent: Callable[..., Agent], tmp_path: Path
) -> None:
    mark = tmp_path / "pid"
    both = calls(call("notes__do", "a", text="x"), call("calculator", "b", expression="2*3"))
    made = agent({"notes": hostile("good", str(mark))}, both)
    with made:
        assert made.graph.bounds().tool_calls == 32
        assert not mark.exists()
        result = made.ask(QUESTION, context=ALLOWED)
        pid = int(mark.read_text())
        assert is_running(pid)
    assert outcomes(result) == [("notes__do", "ok"), ("calculator", "no_tool")]
    assert (result.tool_uses[0].excerpt, result.notes) == ("done", [])
    assert not is_running(pid)


def test_what_they_gave_is_fenced_and_reaches_the_model(script: Scripted, tmp_path: Path) -> None:
    listener = Listener()
    path, _ = trusted(tmp_path, {"notes": hostile("good")})
    model = script(
        "reasoning", [calls(call("notes__do", text="x"), call("calculator", expression="2*3")), SAID]
    )
    settings = Settings(
        home=tmp_path / "home", reasoning_model=model, mcp_servers=[path], tools=["calculator"]
    )
    with Agent(settings) as made:
        config: Any = {"callbacks": [listener], "configurable": {"thread_id": "t"}}
        made.graph.invoke({"messages": [HumanMessage(QUESTION)]}, config, context=ALLOWED)
    assert "<tool_result>\ndone\n</tool_result>" in listener.told[1]
    assert "<tool_result>\n6\n</tool_result>" in listener.told[1]


def test_a_file_that_is_not_trusted_or_has_changed_is_a_sentence_with_the_command(
    agent: Callable[..., Agent], tmp_path: Path
) -> None:
    untrusted = tmp_path / "other.json"
    untrusted.write_text('{"mcpServers": {}}')
    for path, words in (
        (untrusted, f"{untrusted} is not trusted, so none of its servers runs"),
        (tmp_path / "mcp.json", "has changed since it was trusted"),
        (tmp_path / "gone.json", "gone.json"),
    ):
        if words.startswith("has changed"):
            agent({"notes": hostile("good")})
            path.write_text('{"mcpServers": {"evil": {"command": "evil"}}}')
        with pytest.raises(SettingsError, match=re.escape(words)) as error:
            Agent(Settings(home=tmp_path / "home", mcp_servers=[path]))
        assert str(error.value).startswith("The setting mcp_servers cannot be used: ")
        assert ("duograph tools trust" in str(error.value)) == (path.name != "gone.json")


@pytest.mark.parametrize("chosen", [[], ["calculator"]])
def test_a_run_that_chooses_none_of_them_starts_none(
    agent: Callable[..., Agent], tmp_path: Path, chosen: list[str]
) -> None:
    mark = tmp_path / "pid"
    made = agent({"notes": hostile("good", str(mark))}, DO)
    settings = made.settings.model_copy(update={"tools": ["calculator"]})
    with Agent(settings) as other:
        result = other.ask(QUESTION, context=Context(tools=chosen, consent="allow"))
    assert "ok" not in [use.outcome for use in result.tool_uses]
    assert not mark.exists()


@pytest.mark.parametrize("chosen", ["notes__do", "notes__*"])
def test_a_run_can_choose_them_by_name(agent: Callable[..., Agent], chosen: str) -> None:
    two = calls(call("notes__do", text="x"), call("more__do", text="x"))
    made = agent({"notes": hostile("good"), "more": hostile("good")}, two)
    result = made.ask(QUESTION, context=Context(tools=[chosen], consent="allow"))
    assert outcomes(result) == [("notes__do", "ok"), ("more__do", "no_tool")]
    refused = made.ask(QUESTION, context=Context(tools=["other__do"]))
    assert (refused.status, refused.answer) == (
        Status.REJECTED,
        "There is no tool 'other__do' here: choose from notes__*, more__*, calculator, run_python.",
    )


def test_one_that_was_chosen_and_is_not_there_is_told(agent: Callable[..., Agent]) -> None:
    result = agent({"notes": hostile("good")}).ask(QUESTION, context=Context(tools=["notes__sing"]))
    assert result.status is Status.DONE
    assert result.notes == ["The tool notes__sing, which this run chose, could not be offered."]


def test_one_that_dies_in_mid_turn_is_a_message_and_the_turn_goes_on(agent: Callable[..., Agent]) -> None:
    made = agent({"notes": hostile("dies")}, DO, calls(call("notes__do", text="y")))
    result = made.ask(QUESTION, context=ALLOWED)
    assert (result.status, result.answer) == (Status.DONE, SAID["content"])
    assert outcomes(result) == [("notes__do", "error"), ("notes__do", "error")]
    assert "The MCP server notes ended" in result.tool_uses[0].excerpt


def test_one_that_never_answers_is_cut_by_the_time_of_a_call(script: Scripted, tmp_path: Path) -> None:
    with with_limits(script, tmp_path, "deaf", McpLimits(call_s=0.2), DO) as made:
        result = made.ask(QUESTION, context=ALLOWED)
    assert (result.status, outcomes(result)) == (Status.DONE, [("notes__do", "error")])
    assert "did not answer the call of notes__do within 0.2 s" in result.tool_uses[0].excerpt


def test_one_that_never_answers_is_cut_by_the_deadline_of_the_turn(script: Scripted, tmp_path: Path) -> None:
    with with_limits(script, tmp_path, "deaf", McpLimits(call_s=600), SAID, DO) as made:
        made.ask("hello")  # it is started, which may take its time
        result = made.ask(QUESTION, context=Context(consent="allow", turn_timeout_s=3))
    assert (result.stop_reason, outcomes(result)) == (StopReason.DEADLINE, [("notes__do", "given_up")])


def test_one_that_never_starts_costs_a_share_of_the_turn_and_is_told(
    script: Scripted, tmp_path: Path
) -> None:
    with with_limits(script, tmp_path, "silent", McpLimits(startup_s=600)) as made:
        result = made.ask(QUESTION, context=Context(turn_timeout_s=4))
    assert (result.status, result.answer.splitlines()[0]) == (Status.DONE, SAID["content"])
    (note,) = result.notes
    assert note.startswith("The MCP server notes was not ready within ")
    assert note.endswith(" s, so its tools are not offered yet.")


def test_one_that_cannot_start_is_told_and_the_others_work(agent: Callable[..., Agent]) -> None:
    made = agent({"notes": hostile("good"), "broken": hostile("complains")}, DO)
    result = made.ask(QUESTION, context=ALLOWED)
    assert outcomes(result) == [("notes__do", "ok")]
    (note,) = result.notes
    assert note.startswith("The MCP server broken ")
    assert "it ended with code 2" in note


def test_a_name_of_our_own_is_not_taken_by_a_server(agent: Callable[..., Agent]) -> None:
    called = []

    def notes__do(text: str) -> str:
        """Do it here."""
        called.append(text)
        return "here"

    result = agent({"notes": hostile("good")}, DO, tools=[notes__do]).ask(QUESTION, context=ALLOWED)
    assert (called, result.tool_uses[0].excerpt) == (["x"], "here")
    assert result.notes == ["The tool notes__do of an MCP server has the name of another one: left out."]


def asked(result: Result) -> list[str]:
    return [one["source"] for one in result.asked]


def test_always_holds_for_this_server_only(agent: Callable[..., Agent], tmp_path: Path) -> None:
    ask = Context(consent="ask")
    with agent({"notes": hostile("good")}, DO, SAID, DO, SAID) as made:
        waiting = made.ask(QUESTION, context=ask)
        assert asked(waiting) == [f"MCP server notes of {tmp_path / 'mcp.json'}"]
        assert "The tool do." in waiting.asked[0]["description"]
        done = made.resume(str(waiting.thread_id), consent=ConsentAnswer(decision="always"))
        assert outcomes(done) == [("notes__do", "ok")]
        again = made.ask(QUESTION, thread_id=waiting.thread_id, context=ask)
        assert outcomes(again) == [("notes__do", "ok")]
    with agent({"notes": hostile("good", str(tmp_path / "another"))}, DO) as made:
        other = made.ask(QUESTION, thread_id=waiting.thread_id, context=ask)
        assert (other.status, len(other.asked)) == (Status.WAITING, 1)


def test_what_was_approved_of_one_server_is_not_done_by_another(
    agent: Callable[..., Agent], tmp_path: Path
) -> None:
    with agent({"notes": hostile("good")}, DO) as made:
        waiting = made.ask(QUESTION, context=Context(consent="ask"))
        assert waiting.status is Status.WAITING
    with agent({"notes": hostile("good", str(tmp_path / "another"))}, DO) as made:
        done = made.resume(str(waiting.thread_id), consent=ConsentAnswer(decision="always"))
        # The model asks for the same call of what is there now: that is another question.
        assert (done.status, len(done.asked)) == (Status.WAITING, 1)
        last = made.resume(str(waiting.thread_id), approve=False)
    assert outcomes(last) == [("notes__do", "no_tool"), ("notes__do", "refused")]
    assert "no longer what it was when this call was decided on" in last.tool_uses[0].excerpt


@pytest.mark.parametrize(
    "other",
    [
        {"source": "MCP server b of mcp.json"},
        {"fingerprint": "2"},
        {"description": "Do it, and more."},
        {"effect": "read"},
    ],
)
def test_a_tool_is_known_by_source_fingerprint_words_and_effect(other: dict[str, Any]) -> None:
    def do(text: str) -> str:
        """Do it."""
        return text

    tool = tool_of(do)
    one = replace(tool, info=replace(tool.info, source="MCP server a of mcp.json", fingerprint="1"))
    same = replace(one, info=replace(one.info, category="mcp", timeout_s=5))
    two = replace(one, info=replace(one.info, **other))
    assert identity_of(one) == identity_of(same) != identity_of(two)
    assert key_of("do", identity_of(one), "t") != key_of("do", identity_of(one), "u")


def test_what_is_left_out_is_told_once_in_a_session_and_what_fails_each_time(
    agent: Callable[..., Agent],
) -> None:
    made = agent({"notes": hostile("words"), "gone": {"command": "/no/such/program"}})
    first, second, other = (made.ask(QUESTION, thread_id=thread) for thread in ("a", "a", "b"))
    told = [[note.split(":")[0] for note in result.notes] for result in (first, second, other)]
    fails, leaves_out = "The MCP server gone cannot be used", "The MCP server notes"
    assert told == [[fails, leaves_out], [fails], [fails, leaves_out]]


def test_a_turn_that_goes_on_in_another_process_tells_what_its_server_leaves_out_by_now(
    script: Scripted, tmp_path: Path
) -> None:
    path, _ = trusted(tmp_path, {"notes": {"command": "/bin/sh", "args": ["run.sh"]}})
    model = script("reasoning", [DO, SAID])
    settings = Settings(home=tmp_path / "home", mcp_servers=[path], consent="ask", reasoning_model=model)

    def becomes(kind: str) -> None:
        entry = hostile(kind)
        (tmp_path / "run.sh").write_text(shlex.join(["exec", entry["command"], *entry["args"]]))

    becomes("good")
    with Agent(settings) as made:
        assert made.ask(QUESTION, thread_id="a").status is Status.WAITING
    becomes("words")
    with Agent(settings) as made:
        result = made.resume("a", approve=True)
    assert outcomes(result)[0] == ("notes__do", "no_tool")
    assert [note[:33] for note in result.notes] == ["The MCP server notes: left out a "]
