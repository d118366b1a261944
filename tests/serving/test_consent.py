"""A person at the terminal decides on calls, and sees them exactly as they would be made."""

from __future__ import annotations

import io
import sys
from typing import TYPE_CHECKING

import pytest

from graph.agent import Agent
from graph.settings import Settings
from nodes import CallAnswer, ConsentAnswer, Context, Result
from nodes.consents import AskedCall
from serving.consent import ask_about_calls
from tests.graph.calling import QUESTION, SAID, call, calls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.serving.commandline import CommandLine

CALLS = [
    AskedCall(id=one, name="delete", arguments={"name": one}, description="Delete a thing.", source="own")
    for one in ("a", "b", "c")
]


def answered(
    monkeypatch: pytest.MonkeyPatch, typed: str, asked: list[AskedCall] = CALLS
) -> dict[str, str] | None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
    answer = ask_about_calls(asked)
    return None if answer is None else {one["id"]: answer.about(one["id"]).decision for one in asked}


@pytest.mark.parametrize(
    ("typed", "decisions"),
    [
        ("a\nr too new\ns\n", ["approve", "reject", "always"]),
        ("a all\n", ["approve"] * 3),
        ("y\nr all\n", ["approve", "reject", "reject"]),
        ("what?\na please\na\nalways all\n", ["approve", "always", "always"]),
    ],
)
def test_each_call_is_asked_about_or_all_that_are_left(
    monkeypatch: pytest.MonkeyPatch, typed: str, decisions: list[str]
) -> None:
    assert answered(monkeypatch, typed) == dict(zip("abc", decisions, strict=True))


@pytest.mark.parametrize("typed", ["", "a\n", "x\nx\nx\n"])
def test_no_answer_leaves_the_calls_waiting(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    assert answered(monkeypatch, typed) is None


def test_a_call_is_edited_in_the_persons_editor(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor = tmp_path / "editor.sh"
    editor.write_text('#!/bin/sh\necho \'{"name": "other"}\' > "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("EDITOR", str(editor))
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setattr(sys, "stdin", io.StringIO("e\n"))
    answer = ask_about_calls(CALLS[:1])
    assert answer is not None
    assert answer.about("a") == CallAnswer(decision="edit", arguments={"name": "other"})


def test_what_is_shown_cannot_drive_the_terminal_or_hide_an_argument(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = AskedCall(
        id="a",
        name="delete",
        arguments={"name\x1b[2K": "all\x1b[8m\u202e\nname = nothing", "force": True},
        description="Harmless.\x1b]0;title\x07\x1b[2J",
        source="\x1b[31mmcp",
    )
    answered(monkeypatch, "r\n", [evil])
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert 'name = "all\\u001b[8m\\u202e\\nname = nothing"' in shown
    assert "force = true" in shown


def test_calls_that_wait_are_shown_and_rejected_from_a_shell(
    cli: CommandLine, script: Callable[..., str]
) -> None:
    def delete(name: str) -> str:
        """Delete a thing."""
        raise AssertionError(name)

    home = cli.environment["DUOGRAPH_HOME"]
    model = script("asked", [calls(call("delete", "a", name="old")), SAID])
    with Agent(Settings(home=home, reasoning_model=model), tools=[delete]) as agent:
        agent.ask(QUESTION, thread_id="wait", context=Context(consent="ask"))
    rest = ("--reasoning-model", script("rest", [SAID]))
    shown = cli.run("resume", "wait", "--json")
    assert (shown.code, shown.json["stop_reason"]) == (6, "tool_consent")
    assert shown.json["asked"] == [
        {
            "id": "a",
            "name": "delete",
            "arguments": {"name": "old"},
            "description": "Delete a thing.",
            "source": "own",
        }
    ]
    done = cli.run("resume", "wait", "--reject", "--reason", "not now", "--json", *rest)
    assert (done.code, done.json["tool_uses"][0]["outcome"]) == (0, "refused")
    assert "not now" in done.json["tool_uses"][0]["excerpt"]
    again = cli.run("resume", "wait", "--always", "--json")
    assert again.code == 2
    wrong = cli.run("resume", "wait", "--always", "--reject")
    assert "give one of --approve, --always" in wrong.err


def test_a_session_from_a_file_brings_no_consent_along(cli: CommandLine, script: Callable[..., str]) -> None:
    gone: list[str] = []

    def delete(name: str) -> str:
        """Delete a thing."""
        gone.append(name)
        return name

    def asked(name: str) -> Result:
        settings = Settings(
            home=cli.environment["DUOGRAPH_HOME"],
            reasoning_model=script(name, [calls(call("delete", "a", name=name)), SAID]),
        )
        with Agent(settings, tools=[delete]) as agent:
            result = agent.ask(QUESTION, thread_id="sent", context=Context(consent="ask"))
            if name == "first":
                agent.resume("sent", consent=ConsentAnswer(decision="always"))
            return result

    asked("first")
    file = cli.write("sent.json", cli.run("sessions", "export", "sent").out)
    assert asked("second").status == "done"
    assert cli.run("sessions", "delete", "sent", "--yes").code == 0
    assert cli.run("sessions", "import", file).out == "sent\n"
    assert asked("third").stop_reason == "tool_consent"
    assert gone == ["first", "second"]


def test_tools_are_shown_as_they_are_called(cli: CommandLine) -> None:
    models = cli.models([calls(call("calculator", expression="6*7"), call("x\x1b[2J")), SAID])
    done = cli.run("ask", QUESTION, env=models | {"DUOGRAPH_TOOLS": "calculator,date_time"})
    assert done.code == 0
    assert 'tools: calculator({"expression": "6*7"}) ✓ 2 characters\n' in done.err
    assert "\x1b" not in done.err + done.out
    bounds = cli.run("bounds", "--json", env=models | {"DUOGRAPH_TOOLS": "calculator"})
    assert (bounds.json["tool_calls"], [one["guard"] for one in bounds.json["cycles"]]) == (
        32,
        ["repairs", "tools"],
    )


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"DUOGRAPH_TOOLS": "calculater"}, "There is no tool 'calculater': choose from"),
        ({"DUOGRAPH_TOOLS": "neo4j_query"}, "neo4j_query needs the environment: set NEO4J_URI."),
        ({"DUOGRAPH_TOOLS": "read_file"}, "read_file needs the setting tool_roots: name a folder"),
        ({"DUOGRAPH_TOOLS": "fetch_page"}, "fetch_page needs the setting tool_hosts: name the hosts"),
        ({"DUOGRAPH_TOOLS": "run_python", "DUOGRAPH_SANDBOX": "none"}, "run_python needs a sandbox"),
        ({"DUOGRAPH_CONSENT": "maybe"}, "The setting consent"),
        ({"DUOGRAPH_MAX_TOOL_ROUNDS": "51"}, "The setting max_tool_rounds"),
    ],
)
def test_a_tool_that_cannot_be_used_is_one_sentence_and_exit_code_2(
    cli: CommandLine, environment: dict[str, str], words: str
) -> None:
    done = cli.run("ask", QUESTION, env=environment)
    assert (done.code, done.out) == (2, "")
    assert words in done.err.replace("\n", " ")
