"""The command line on a terminal, through a pseudo-terminal."""

from __future__ import annotations

import re
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.support import ASK, GOOD, PLAN

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine
    from tests.serving.terminals import Terminals

SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")
HOSTILE = "Look:\x1b]0;pwned\x07 \x1b[2Jred &#27;[31m [bold]kept[/bold] **strong**"
PASS = {"content": "VERDICT: PASS"}


def test_a_terminal_sees_nodes_tokens_checks_and_a_rendered_answer(
    cli: CommandLine, terminals: Terminals
) -> None:
    slow = {"content": GOOD, "delay_s": 0.5}
    terminal = terminals.start("ask", ASK, env=cli.models([{"content": PLAN}, PASS], [slow]))
    terminal.read("code")
    assert terminal.end() == 0
    plain = SEQUENCE.sub("", terminal.seen)
    assert "import ✓" in plain
    assert "acceptance ✓" in plain
    assert "\x1b[?25l" in terminal.seen  # the cursor hides while the view is alive
    # What comes after the view; the last thing that it shows is a matter of moments.
    answer = SEQUENCE.sub("", terminal.seen[terminal.seen.rindex("\x1b[?25h") :])
    assert "```" not in answer  # rendered, not plain
    assert "def double" in answer
    assert re.search(r"thread [0-9a-f-]{36} · 3 of at most 7 calls · \d+\.\d s", plain)
    first, erased, _ = terminal.seen.split("\r", 2)
    assert first == "duograph: starting…"
    assert erased == " " * len(first)


def test_what_a_model_writes_cannot_drive_the_terminal(cli: CommandLine, terminals: Terminals) -> None:
    terminal = terminals.start("ask", "What is this?", env=cli.models([{"content": HOSTILE}]))
    assert terminal.end() == 0
    assert "pwned" not in terminal.seen
    assert "\x1b]0;" not in terminal.seen
    assert "\x1b[2J" not in terminal.seen
    plain = SEQUENCE.sub("", terminal.seen)
    assert "[bold]kept[/bold]" in plain
    assert "**strong**" not in plain[plain.rindex("Look:") :]


@pytest.mark.parametrize("setting", [{"TERM": "dumb"}, {"NO_COLOR": "1"}])
def test_dumb_terminals_and_no_color_are_respected(
    cli: CommandLine, terminals: Terminals, setting: dict[str, str]
) -> None:
    models = cli.models([{"content": "```python\nx = 1\n```"}])
    terminal = terminals.start("ask", "What is this?", env=models | setting)
    assert terminal.end() == 0
    if "TERM" in setting:
        assert "\x1b" not in terminal.seen
    assert not re.search(r"\x1b\[[0-9;]*(3[0-9]|4[0-9]|9[0-7])[0-9;]*m", terminal.seen)


def test_chat_survives_ctrl_c_in_a_turn_and_ends_at_the_prompt(
    cli: CommandLine, terminals: Terminals
) -> None:
    models = cli.models([{"content": "never", "delay_s": 600}, {"content": "second answer"}])
    terminal = terminals.start("chat", "--thread", "talk", env=models)
    terminal.read("> ")
    terminal.type("What is one?\n")
    terminal.read("reason")
    time.sleep(0.5)  # the node is named a moment before its model is asked, which must have happened
    terminal.type("\x03")
    terminal.read("the turn was interrupted; /resume goes on with it")
    terminal.read("> ")
    terminal.type("What is two?\n")
    terminal.read("second answer")
    terminal.read("· 1 of at most 7 calls ·")
    terminal.read("> ")
    terminal.type("\x04")
    assert terminal.end() == 0
    assert "go on with: duograph chat --thread talk" in terminal.seen
    assert "Traceback" not in terminal.seen


def test_chat_picks_up_where_it_was(cli: CommandLine, terminals: Terminals) -> None:
    models = cli.models([{"content": "never", "delay_s": 600}, {"content": "the answer"}])
    first = terminals.start("chat", "--thread", "talk", env=models)
    first.read("> ")
    first.type("What is one?\n")
    first.read("reason")
    time.sleep(0.5)
    first.process.send_signal(signal.SIGKILL)
    first.end()
    second = terminals.start("chat", "--last", env=cli.models([{"content": "the answer"}]))
    second.read("> What is one?")
    second.read("the last turn was cut off: /resume goes on with it")
    second.read("> ")
    second.type("/resume\n")
    second.read("the answer")
    second.read("> ")
    second.type("/quit\n")
    assert second.end() == 0
    third = terminals.start("chat", "--last")
    third.read("> What is one?")
    third.read("the answer")
    third.read("> ")
    third.type("\x04")
    assert third.end() == 0
    assert "cut off" not in third.seen


def test_ctrl_c_at_the_prompt_and_sigterm_leave(terminals: Terminals) -> None:
    first, second = terminals.start("chat"), terminals.start("chat")
    first.read("> ")
    time.sleep(0.3)
    first.type("\x03")
    second.read("> ")
    time.sleep(0.3)  # CPython misses a signal between printing the prompt and waiting for a key
    second.process.send_signal(signal.SIGTERM)
    assert (first.end(), second.end()) == (0, 143)


def test_json_and_tables_on_a_terminal(cli: CommandLine, terminals: Terminals) -> None:
    terminal = terminals.start("ask", "What is é?", "--json", env=cli.models([{"content": "[red]é[/red]"}]))
    assert terminal.end() == 0
    assert '\n  "answer": "[red]é[/red]",' in terminal.seen.replace("\r\n", "\n")
    table = terminals.start("sessions", "list")
    assert table.end() == 0
    assert "What is é?" in table.seen
    assert "done" in table.seen


def test_a_person_is_asked_about_the_plan(cli: CommandLine, terminals: Terminals) -> None:
    models = cli.models([{"content": PLAN}, PASS], [{"content": GOOD}])
    terminal = terminals.start("ask", ASK, "--approve-plan", "--out", "out", env=models)
    terminal.read("[a/e/r]")
    assert "Multiply by two" in terminal.seen
    terminal.type("what?\n")
    terminal.read("type a to approve")
    terminal.read("[a/e/r]")
    terminal.type("a\n")
    assert terminal.end() == 0
    assert "2 * x" in (cli.folder / "out" / "solution.py").read_text(encoding="utf-8")


def test_a_plan_is_edited_in_the_persons_editor_and_rejected_with_a_reason(
    cli: CommandLine, terminals: Terminals
) -> None:
    models = cli.models([{"content": PLAN}, PASS], [{"content": GOOD}])
    editor = cli.write("editor.sh", 'sed -i s/Multiply/Double/ "$1"\n')
    edited = terminals.start("ask", ASK, "--approve-plan", env=models | {"EDITOR": f"sh {editor}"})
    edited.read("[a/e/r]")
    edited.type("e\n")
    assert edited.end() == 0
    rejected = terminals.start("ask", ASK, "--approve-plan", env=models)
    rejected.read("[a/e/r]")
    rejected.type("r too clever\n")
    assert rejected.end() == 4
    assert "The plan was rejected, so no code was written: too clever" in rejected.seen


def test_ctrl_c_at_the_question_leaves_the_plan_waiting(cli: CommandLine, terminals: Terminals) -> None:
    models = cli.models([{"content": PLAN}, PASS], [{"content": GOOD}])
    terminal = terminals.start("ask", ASK, "--approve-plan", "--thread", "w", env=models)
    terminal.read("[a/e/r]")
    time.sleep(0.3)
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "go on with: duograph resume w" in terminal.seen
    assert "Traceback" not in terminal.seen
    assert cli.run("resume", "w", "--approve", env=models).code == 0


def test_chat_asks_about_the_plan_too(cli: CommandLine, terminals: Terminals) -> None:
    models = cli.models([{"content": PLAN}, PASS], [{"content": GOOD}])
    terminal = terminals.start("chat", "--approve-plan", env=models)
    terminal.read("> ")
    terminal.type(f"{ASK}\n")
    terminal.read("[a/e/r]")
    terminal.type("a\n")
    terminal.read("acceptance 2/2")
    terminal.read("> ")
    terminal.type("/quit\n")
    assert terminal.end() == 0


def test_a_terminal_sees_checks_in_colour_and_a_table_of_models(terminals: Terminals) -> None:
    terminal = terminals.start("doctor")
    assert terminal.end() == 0
    plain = SEQUENCE.sub("", terminal.seen)
    assert "✓ sandbox" in plain
    assert "next: all is well" in plain
    assert "\x1b[?25h" in terminal.seen  # the cursor that the spinner hid is back
    terminal = terminals.start("models", "--role", "embedding")
    assert terminal.end() == 0
    plain = SEQUENCE.sub("", terminal.seen)
    assert "made for" in plain
    assert "prices per million tokens" in plain
