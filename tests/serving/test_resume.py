"""`duograph resume` after a crash, and two commands on one session."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.serving.commandline import finish
from tests.serving.test_signals import read_until
from tests.support import ASK, GOOD, PLAN

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")

NEVER = {"error": "auth", "repeat": True}
SLOW = {"content": GOOD, "delay_s": 600}


@pytest.mark.parametrize("words", [["--json"], []])
def test_a_killed_turn_goes_on_without_repeating_what_it_paid_for(cli: CommandLine, words: list[str]) -> None:
    process = cli.start("ask", ASK, "--thread", "t", env=cli.models([{"content": PLAN}], [SLOW]))
    read_until(process, b"code")
    os.killpg(process.pid, signal.SIGKILL)
    finish(process)
    (listed,) = cli.run("sessions", "list", "--json").json
    assert (listed["thread_id"], listed["status"], listed["turns"]) == ("t", None, 1)
    done = cli.run("resume", "t", *words, env=cli.models([NEVER], [{"content": GOOD}]))
    assert done.code == 0
    if words:
        assert done.json["verification"]["status"] == "verified"
        assert [call["step"] for call in done.json["calls"]][:2] == ["plan", "code"]
        assert done.json["calls"][0]["error"] is None
    again = cli.run("resume", "t", *words)
    assert again.code == 2
    assert "Its last turn has ended: ask something" in again.err


def test_nothing_to_resume_is_said_in_one_sentence(cli: CommandLine) -> None:
    done = cli.run("resume", "nobody")
    assert done.code == 2
    assert done.err.splitlines()[-1].startswith("duograph: No session has the id 'nobody'")


def test_two_commands_on_one_session_lose_no_turn(cli: CommandLine) -> None:
    env = cli.models([{"content": "One answer."}, {"content": "Another."}])
    both = [
        cli.start("ask", f"What is {word}?", "--thread", "t", "--json", env=env) for word in ("this", "that")
    ]
    assert [finish(process).code for process in both] == [0, 0]
    assert cli.run("sessions", "show", "t", "--json").json["turns"] == 2


def test_a_second_command_may_be_refused_instead(cli: CommandLine) -> None:
    first = cli.start("ask", ASK, "--thread", "t", env=cli.models([{"content": PLAN}], [SLOW]))
    read_until(first, b"code")
    second = cli.run("ask", "hello", "--thread", "t", "--wait", "0", "--json")
    assert second.code == 2
    assert second.json["error"]["type"] == "ThreadBusyError"
    assert "is busy with another turn" in second.json["error"]["message"]
    assert "`--wait SECONDS` waits for it" in second.json["error"]["message"]
    third = cli.start("ask", "hello", "--thread", "t")
    read_until(third, b"no model is configured")
    time.sleep(0.5)
    os.killpg(third.pid, signal.SIGINT)
    done = finish(third)
    assert done.code == 130
    assert done.err.splitlines()[-1] == "duograph: interrupted; the request was not begun: ask it again"
    os.killpg(first.pid, signal.SIGKILL)
    finish(first)
    assert cli.run("ask", "hello", "--thread", "t", "--wait", "0").code == 0
