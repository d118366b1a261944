"""Consent at a terminal: odd answers, a window that is narrow, people and terminals that go away."""

from __future__ import annotations

import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.graph.calling import SAID, call, calls
from tests.processes import wait_for

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine
    from tests.serving.terminals import Terminal, Terminals

SERVER = Path(__file__).parent / "payments.py"
ASKS = "approve, edit, reject"
SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")


class Till:
    """A terminal on which a model wants to pay, and the book of what was paid."""

    def __init__(self, cli: CommandLine, terminals: Terminals) -> None:
        self.cli = cli
        self.book = cli.folder / "paid"
        self._terminals = terminals
        server = {"command": sys.executable, "args": ["-I", "-S", str(SERVER), str(self.book)]}
        self._file = cli.write("mcp.json", json.dumps({"mcpServers": {"till": server}}))
        assert cli.run("tools", "trust", self._file, "--yes").code == 0

    @property
    def paid(self) -> list[str]:
        return self.book.read_text().splitlines() if self.book.exists() else []

    def environment(self, *lines: Any) -> dict[str, str]:  # noqa: ANN401  # replies
        return self.cli.models([*lines, SAID]) | {"DUOGRAPH_MCP_SERVERS": self._file}

    def chat(self, *payments: str) -> Terminal:
        """A chat in which the model wants one payment each turn."""
        turns = [(calls(call("till__pay", f"c{at}", to=to)), SAID) for at, to in enumerate(payments)]
        lines = [line for turn in turns for line in turn]
        # What waited is not answered, so that turn's last reply goes to the next one.
        return self._terminals.start("chat", env=self.environment(*lines))

    def ask(self, *payments: str, columns: int = 100, **env: str) -> Terminal:
        wanted = calls(*(call("till__pay", f"c{at}", to=to) for at, to in enumerate(payments)))
        words = ("ask", "Pay them", "--thread", "t")
        return self._terminals.start(*words, env=self.environment(wanted) | env, columns=columns)


@pytest.fixture
def till(cli: CommandLine, terminals: Terminals) -> Till:
    return Till(cli, terminals)


def test_odd_answers_ask_again_and_nothing_hostile_reaches_a_narrow_terminal(till: Till) -> None:
    editor = Path(till.cli.write("editor.sh", '#!/bin/sh\necho \'{"to": \' > "$1"\n'))
    editor.chmod(0o700)
    long = "x" * 3000 + "end"
    terminal = till.ask(
        "ann", "b\x1b]0;owned\x07\x1b[2J\u202e", long, columns=20, EDITOR=str(editor), VISUAL=""
    )
    for typed in ("a", "\x1b[A", "e", "a", "maybe", "r all"):
        terminal.read(ASKS)
        terminal.type(f"{typed}\n")
    assert terminal.end() == 0
    shown = terminal.seen
    assert '"b\\u001b]0;owned\\u0007\\u001b[2J\\u202e"' in shown
    assert "\x1b]0;" not in shown
    assert "\x1b[2J" not in shown
    assert f'to = "{long}"' in shown  # whole
    assert "the arguments are no JSON" in shown
    assert sorted(till.paid) == ["ann", "b\x1b]0;owned\x07\x1b[2J\u202e"]


@pytest.mark.parametrize("gone", ["\x04", "\x03", "SIGHUP"])
def test_whoever_leaves_the_question_leaves_the_call_waiting(till: Till, gone: str) -> None:
    terminal = till.ask("ann")
    terminal.read("left] ")
    if gone == "SIGHUP":
        os.kill(terminal.process.pid, signal.SIGHUP)
    else:
        terminal.type(gone)
    code = terminal.end()
    assert (code, till.paid) == ({"\x04": 6, "\x03": 130, "SIGHUP": 129}[gone], [])
    assert "duograph resume t" in SEQUENCE.sub("", terminal.seen)
    done = till.cli.run("resume", "t", "--approve", "--json", env=till.environment())
    assert (done.code, done.json["tool_uses"][0]["outcome"], till.paid) == (0, "ok", ["ann"])


def test_consent_holds_for_the_calls_that_were_shown_and_no_others(till: Till) -> None:
    first = till.ask("ann")
    first.read("left] ")
    second = till.ask("eve")  # drops what waits, and its call has the same id
    second.read("left] ")
    first.type("a\n")
    assert first.end() == 2
    assert "other calls wait by now than those that were shown" in " ".join(first.seen.split())
    assert till.paid == []
    second.type("a\n")
    assert (second.end(), till.paid) == (0, ["eve"])


def test_in_a_chat_ctrl_c_leaves_the_question_and_commands_answer_it(till: Till) -> None:
    terminal = till.chat("ann", "bob")
    terminal.read("> ")
    terminal.type("Pay ann\n")
    terminal.read("left] ")
    terminal.type("\x03")
    terminal.read("calls wait for your consent")
    terminal.type("/reject not now\n")
    terminal.read("Some 3.7 million.")
    terminal.read("> ")
    terminal.type("Pay bob\n")
    terminal.read("left] ")
    terminal.type("\x04")
    terminal.read("calls wait for your consent")
    terminal.type("And now?\n")
    terminal.read("which this question dropped")
    terminal.type("/approve\n")
    terminal.read("no tool call for consent")
    terminal.type("/quit\n")
    assert (terminal.end(), till.paid) == (0, [])


@pytest.mark.parametrize("ends", ["\x03", "SIGHUP", "SIGKILL"])
def test_a_call_that_was_cut_off_is_not_made_again_and_the_user_is_told(till: Till, ends: str) -> None:
    terminal = till.ask("slow")
    terminal.read("left] ")
    terminal.type("a\n")
    wait_for(lambda: bool(till.paid), "the payment")
    if ends == "\x03":
        terminal.type(ends)
    else:
        os.kill(terminal.process.pid, getattr(signal, ends))
    assert terminal.end() == {"\x03": 130, "SIGHUP": 129, "SIGKILL": -9}[ends]
    done = till.cli.run("resume", "t", "--json", env=till.environment())
    assert (done.code, done.json["tool_uses"][0]["outcome"], till.paid) == (0, "uncertain", ["slow"])
    assert "may have been made: `till__pay" in done.json["answer"]
