"""What `duograph sessions …` says where something cannot be done, or nothing is to do."""

from __future__ import annotations

import json
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


@pytest.fixture(scope="module")
def mail(shared_cli: CommandLine) -> CommandLine:
    """A command line with one session."""
    assert shared_cli.run("ask", "hello", "--thread", "mail").code == 0
    return shared_cli


def refused(cli: CommandLine, *words: str) -> str:
    done = cli.run("sessions", *words)
    assert (done.code, done.out, len(done.err.splitlines())) == (2, "", 1)
    return done.err


def test_out_is_a_file_and_is_called_one(mail: CommandLine) -> None:
    assert mail.run("sessions", "export", "mail", "--out", "mail.json").code == 0
    assert "mail.json exists: use --force to replace it, or another --out file." in refused(
        mail, "export", "mail", "--out", "mail.json"
    )
    assert "--out /proc/mail.json could not be written (" in refused(
        mail, "export", "mail", "--out", "/proc/mail.json"
    )


def test_a_file_to_read_is_not_imported(mail: CommandLine) -> None:
    mail.run("sessions", "export", "mail", "--format", "markdown", "--out", "mail.md")
    assert "only that can be imported and Markdown is to be read" in refused(mail, "import", "mail.md")


def test_a_file_of_a_newer_version_needs_a_newer_duograph(mail: CommandLine) -> None:
    plain = json.loads(mail.run("sessions", "export", "mail").out)
    mail.write("new.json", json.dumps(plain | {"version": 99, "more": 1}))
    assert "The field version of the file is 99: a newer Duograph wrote it, so update this one." in refused(
        mail, "import", "new.json"
    )
    mail.write("old.json", json.dumps(plain | {"version": "x"}))
    assert "The field version of the file is wrong" in refused(mail, "import", "old.json")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("prune", "mail", "--keep", "x"), "'--keep': 'x' is not a whole number from 1 to 1000000;"),
        (("delete", "--older-than", "x"), "'--older-than': 'x' is not a number from 0 to 36500;"),
        (("delete", "--older-than", "nan"), "'--older-than': 'nan' is not a number from 0 to 36500;"),
        (("list", "--limit", "0"), "'--limit': '0' is not a whole number from 1;"),
    ],
)
def test_an_option_says_what_it_takes(mail: CommandLine, words: tuple[str, ...], sentence: str) -> None:
    assert sentence in refused(mail, *words)


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_a_session_that_is_not_finished_says_how_to_go_on(cli: CommandLine) -> None:
    slow = {"content": GOOD, "delay_s": 600}
    running = cli.start("ask", ASK, "--thread", "cut", env=cli.models([{"content": PLAN}], [slow]))
    read_until(running, b"code")
    os.killpg(running.pid, signal.SIGKILL)
    finish(running)
    done = cli.run("sessions", "show", "cut")
    assert (done.code, ASK in done.out) == (0, True)
    assert done.err == "duograph: its last turn is not finished: `duograph resume cut` goes on.\n"
    assert cli.run("sessions", "show", "cut", "--json").err == ""
    assert cli.run("ask", "hello", "--thread", "cut").code == 0
    assert cli.run("sessions", "show", "cut").err == ""


def test_nothing_to_delete_is_said(mail: CommandLine) -> None:
    done = mail.run("sessions", "delete", "--older-than", "10", "--yes")
    assert (done.code, done.out, done.err) == (0, "", "duograph: no session is older than 10 days.\n")
    done = mail.run("sessions", "delete", "--older-than", "10", "--yes", "--json")
    assert (done.json["deleted"], done.err) == ([], "")


def test_what_memory_holds_of_many_sessions_is_one_line(cli: CommandLine) -> None:
    for animal in ("cat", "dog", "fox", "owl"):
        cli.run("ask", f"remember that my {animal} is Tom", "--thread", animal)
    done = cli.run("sessions", "delete", "--older-than", "0", "--yes")
    assert done.code == 0
    assert done.err.startswith("duograph: memory still holds 4 records from 4 of these sessions; to forget")
    assert len(done.err.splitlines()) == 1
