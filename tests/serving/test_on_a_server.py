"""The command line with its sessions on a PostgreSQL server."""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.serving.commandline import CommandLine, finish
from tests.serving.test_signals import read_until
from tests.support import ASK, GOOD, PLAN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.forkserver import ForkServer
    from tests.postgres import PostgresServer

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="sends signals")]

NEVER = {"error": "auth", "repeat": True}
SLOW = {"content": GOOD, "delay_s": 600}


class OnServer(CommandLine):
    """Starts `duograph` with its sessions in a database."""

    @property
    def environment(self) -> dict[str, str]:
        return super().environment | {"DUOGRAPH_DATABASE": os.environ["TARGET"]}


@pytest.fixture
def cli(
    tmp_path: Path, fork_server: ForkServer | None, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> OnServer:
    # The server lets everybody in, so any password will do, and none may show.
    address = postgres.new_database().replace("duograph@", "duograph:open-sesame@")
    monkeypatch.setenv("TARGET", address)
    return OnServer(tmp_path, fork_server)


def test_a_killed_turn_is_resumed_without_repeating_what_it_paid_for(cli: OnServer) -> None:
    process = cli.start("ask", ASK, "--thread", "t", env=cli.models([{"content": PLAN}], [SLOW]))
    read_until(process, b"code")
    second = cli.run("ask", "hello", "--thread", "t", "--wait", "0", "--json")
    assert second.json["error"]["type"] == "ThreadBusyError"
    os.killpg(process.pid, signal.SIGKILL)
    finish(process)
    (listed,) = cli.run("sessions", "list", "--json").json
    assert (listed["thread_id"], listed["status"], listed["turns"]) == ("t", None, 1)
    done = cli.run("resume", "t", "--json", env=cli.models([NEVER], [{"content": GOOD}]))
    assert done.code == 0
    assert done.json["verification"]["status"] == "verified"
    assert [call["step"] for call in done.json["calls"]][:2] == ["plan", "code"]
    assert not (cli.folder / "home" / "sessions.sqlite").exists()


def test_two_processes_on_one_session_lose_no_turn(cli: OnServer) -> None:
    env = cli.models([{"content": "One answer."}, {"content": "Another."}])
    both = [
        cli.start("ask", f"What is {word}?", "--thread", "t", "--json", env=env) for word in ("this", "that")
    ]
    assert [finish(process).code for process in both] == [0, 0]
    assert cli.run("sessions", "show", "t", "--json").json["turns"] == 2


def test_every_command_for_sessions_works(cli: OnServer) -> None:
    assert cli.run("sessions", "list", "--json").json == []
    cli.run("ask", "What is this?", "--thread", "t", env=cli.models([{"content": "An answer."}]))
    assert "An answer." in cli.run("sessions", "show", "t").out
    assert cli.run("sessions", "show", "t", "--steps").code == 0
    assert cli.run("sessions", "fork", "t", "--into", "branch", "--json").json["forked_from"] == "t"
    assert cli.run("sessions", "export", "t", "--out", "t.json").code == 0
    assert cli.run("sessions", "delete", "t", "--yes").code == 0
    assert cli.run("sessions", "import", "t.json").code == 0
    assert cli.run("sessions", "prune", "--all", "--keep", "1", "--json").json["kept_turns"] == 1
    stats = cli.run("sessions", "stats", "--json").json
    assert (stats["sessions"], stats["free_bytes"]) == (2, None)
    assert stats["used_bytes"] > 0
    assert "free" not in cli.run("sessions", "stats").out
    listed = cli.run("sessions", "list", "--json").json
    assert sorted(session["thread_id"] for session in listed) == ["branch", "t"]
    assert {session["title"] for session in listed} == {"What is this?"}


def test_the_doctor_speaks_of_the_server_and_hides_the_password(cli: OnServer) -> None:
    before = cli.run("doctor", "--json")
    cli.run("ask", "What is this?", "--thread", "t", env=cli.models([{"content": "An answer."}]))
    after = cli.run("doctor", "--json")
    details = [
        next(check for check in done.json["checks"] if check["name"] == "database")
        for done in (before, after)
    ]
    assert [check["status"] for check in details] == ["ok", "ok"]
    assert "tables made at the first use" in details[0]["detail"]
    assert "PostgreSQL " in details[1]["detail"]
    assert "1 session," in details[1]["detail"]
    assert "answers in" in details[1]["detail"]
    listed = cli.run("settings", "list", "--explain")
    assert listed.code == 0
    for done in (before, after, listed, cli.run("settings", "list", "--json"), cli.run("doctor")):
        assert "open-sesame" not in done.out + done.err


def test_a_server_that_is_down_is_one_sentence_without_the_password(cli: OnServer) -> None:
    down = {"DUOGRAPH_DATABASE": f"postgresql://duograph:open-sesame@/work?host={cli.folder}"}
    for words in (("sessions", "list"), ("ask", "hello"), ("resume", "t")):
        done = cli.run(*words, env=down)
        assert done.code != 0
        assert "cannot be reached" in done.err
        assert "Traceback" not in done.err
        assert "open-sesame" not in done.out + done.err
