"""`duograph chat` from a pipe: each line a turn."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.serving.commandline import finish
from tests.serving.test_signals import read_until
from tests.support import ASK, GOOD, PLAN

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine


def test_each_line_is_a_turn_of_one_session(cli: CommandLine) -> None:
    models = cli.models([{"content": "first"}, {"content": "second"}])
    done = cli.run("chat", "--thread", "talk", stdin="What is one?\n\n/help\nWhat is two?\n", env=models)
    assert (done.code, done.out) == (0, "first\nsecond\n")
    assert "/tests FILE" in done.err
    session = cli.run("sessions", "show", "talk", "--json").json
    assert [message["text"] for message in session["messages"]] == [
        "What is one?",
        "first",
        "What is two?",
        "second",
    ]


def test_the_last_session_is_gone_on_with_and_its_turn_finished(cli: CommandLine) -> None:
    none = cli.run("chat", "--last")
    assert none.code == 2
    assert "There is no session to go on with yet" in none.err
    assert cli.run("chat", "--last", "--thread", "t").code == 2
    assert (
        cli.run("chat", "--thread", "talk", stdin="What is one?", env=cli.models([{"content": "1"}])).code
        == 0
    )
    done = cli.run("chat", "--last", stdin="/resume\nWhat is two?", env=cli.models([{"content": "2"}]))
    assert (done.code, done.out) == (2, "2\n")
    assert "Nothing is left to do in session talk" in done.err
    assert cli.run("sessions", "show", "talk", "--json").json["turns"] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_a_pipe_is_told_of_what_its_first_line_drops(cli: CommandLine) -> None:
    slow = {"content": GOOD, "delay_s": 600}
    process = cli.start("ask", ASK, "--thread", "cow", env=cli.models([{"content": PLAN}], [slow]))
    read_until(process, b"code")
    meanwhile = cli.run("chat", "--thread", "cow").err
    assert "a turn is running here in another process: what you ask waits until it has ended\n" in meanwhile
    assert "cut off" not in meanwhile
    os.killpg(process.pid, signal.SIGKILL)
    finish(process)
    told = "the last turn was cut off: /resume goes on with it, anything else drops it"
    for words in (["--last"], ["--thread", "cow"]):
        looked = cli.run("chat", *words, env=cli.models([{"content": "1"}]))
        assert (looked.code, looked.out, looked.err) == (0, "", f"{told}\n")
    done = cli.run("chat", "--thread", "cow", stdin="What is one?\n", env=cli.models([{"content": "1"}]))
    assert (done.code, done.out) == (0, "1\n")
    assert done.err.startswith(f"{told}\n")
    assert "cut off" not in cli.run("chat", "--last").err


def test_tests_folder_and_new_session_are_commands(cli: CommandLine) -> None:
    cli.write("tests.py", "assert double(4) == 8\n")
    cli.write("wrong.py", "assert (\n")
    models = cli.models([{"content": PLAN}, {"content": "fine"}], [{"content": GOOD}])
    lines = [
        "/tests wrong.py",
        "/tests tests.py",
        "/out out",
        "Double it",
        "/new",
        "What is this?",
        "/fly",
        "/quit",
        "x",
    ]
    done = cli.run("chat", "--thread", "talk", stdin="\n".join(lines), env=models)
    assert done.code == 2  # of the tests that do not parse
    assert "wrong.py, line 1" in done.err
    assert "verify: tests ✓" in done.err
    assert "2 * x" in (cli.folder / "out" / "solution.py").read_text(encoding="utf-8")
    assert "/fly is unknown" in done.err
    assert done.out.endswith("fine\n")
    assert len(cli.run("sessions", "list", "--json").json) == 2


def test_tests_stay_until_a_solution_was_run_against_them(cli: CommandLine) -> None:
    cli.write("tests.py", "assert double(4) == 8\n")
    models = cli.models([{"error": "auth"}, {"content": PLAN}, {"content": "fine"}], [{"content": GOOD}])
    lines = ["/tests -", "/tests tests.py", "Double it", "Double it", "What is this?"]
    done = cli.run("chat", "--thread", "talk", stdin="\n".join(lines), env=models)
    assert done.code == 2  # of the first line
    assert "/tests needs a file here" in done.err
    assert "they stay until a solution was run against them" in done.err
    assert done.err.count("the tests were not used and stay") == 1
    assert done.err.count("verify: tests ✓") == 1
    assert done.out.endswith("fine\n")


def test_a_turn_that_fails_decides_the_exit_code_and_the_rest_goes_on(cli: CommandLine) -> None:
    models = cli.models([{"error": "auth"}, {"content": "fine"}])
    done = cli.run("chat", stdin="What is one?\nWhat is two?\n", env=models)
    assert done.code == 5
    assert done.out.endswith("fine\n")
