"""`duograph sessions fork|export|import|delete` as processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
from typing import TYPE_CHECKING

import pytest

from tests.checkpoints.tampering import packed, unpacked
from tests.serving.commandline import finish
from tests.serving.test_signals import read_until
from tests.support import ASK, GOOD, PLAN

if TYPE_CHECKING:
    from pathlib import Path

    from tests.serving.commandline import CommandLine


@pytest.fixture(scope="module")
def spoken(shared_cli: CommandLine) -> Path:
    """A home with one session of one turn."""
    models = shared_cli.models([{"content": PLAN}, {"content": "VERDICT: PASS"}], [{"content": GOOD}])
    assert shared_cli.run("ask", ASK, "--thread", "talk", env=models).code == 0
    return shared_cli.folder / "home"


@pytest.fixture
def talk(cli: CommandLine, spoken: Path) -> CommandLine:
    """A command line with a copy of it."""
    shutil.copytree(spoken, cli.folder / "home")
    return cli


def ids(cli: CommandLine) -> set[str]:
    return {summary["thread_id"] for summary in cli.run("sessions", "list", "--json").json}


def test_a_fork_from_a_step_goes_on_from_there(talk: CommandLine) -> None:
    steps = talk.run("sessions", "show", "talk", "--steps", "--json").json
    assert [step["following"] for step in steps[:2]] == [[], ["enrich"]]
    before_review = next(step for step in steps if step["following"] == ["review"])
    shown = talk.run("sessions", "show", "talk", "--steps").out
    assert f"{before_review['checkpoint_id']}\t" in shown
    made = talk.run("sessions", "fork", "talk", "--at", before_review["checkpoint_id"], "--json").json
    assert made["forked_from"] == "talk"
    never = [{"error": "auth", "repeat": True}]
    done = talk.run("resume", made["thread_id"], "--json", env=talk.models(never, never))
    assert done.json["verification"]["status"] == "verified"
    assert ids(talk) == {"talk", made["thread_id"]}


def test_a_session_goes_through_a_file_and_can_be_talked_with(talk: CommandLine) -> None:
    assert talk.run("sessions", "export", "talk", "--out", "talk.json").code == 0
    again = talk.run("sessions", "export", "talk", "--out", "talk.json")
    assert again.code == 2
    assert "talk.json exists: use --force" in again.err
    assert talk.run("sessions", "export", "talk", "--out", "talk.json", "--force").code == 0
    taken = talk.run("sessions", "import", "talk.json")
    assert (taken.code, "There is a session talk already" in taken.err) == (2, True)
    assert talk.run("sessions", "import", "talk.json", "--into", "walk").out == "walk\n"
    piped = talk.run(
        "sessions", "import", "-", "--into", "run", "--json", stdin=(talk.folder / "talk.json").read_bytes()
    )
    assert piped.json == {"thread_id": "run"}
    first = talk.run("sessions", "show", "talk", "--json").json
    for name in ("walk", "run"):
        shown = talk.run("sessions", "show", name, "--json").json
        assert shown["messages"] == first["messages"]
        assert shown["result"] == first["result"]


def test_markdown_is_the_conversation(talk: CommandLine) -> None:
    text = talk.run("sessions", "export", "talk", "--format", "markdown").out
    assert text.startswith(f"# {ASK}\n\nSession `talk`, ")
    assert f"## user\n\n{ASK}\n" in text
    assert "## assistant\n\n```python solution.py\n" in text


def test_what_is_no_session_is_refused(cli: CommandLine) -> None:
    cli.write("junk.json", json.dumps({"format": "other"}))
    done = cli.run("sessions", "import", "junk.json", "--json")
    assert done.code == 2
    assert done.json["error"]["type"] == "SessionFileError"
    assert cli.run("sessions", "import", "gone.json").code == 2
    assert cli.run("sessions", "fork", "nobody").code == 2
    assert cli.run("sessions", "export", "nobody").code == 2


def test_pruning_keeps_the_conversation_and_the_last_turns(talk: CommandLine) -> None:
    for _ in range(2):
        assert talk.run("ask", "hello", "--thread", "talk").code == 0
    before = talk.run("sessions", "stats", "--json").json
    assert (before["sessions"], before["turns"], before["by_status"]) == (1, 3, {"done": 1})
    assert talk.run("sessions", "prune").code == 2
    assert talk.run("sessions", "prune", "talk", "--all").code == 2
    pruned = talk.run("sessions", "prune", "talk", "--keep", "1", "--json").json
    after = talk.run("sessions", "stats", "--json").json
    assert pruned == {
        "sessions": 1,
        "kept_turns": 1,
        "dropped_checkpoints": before["checkpoints"] - after["checkpoints"],
    }
    assert pruned["dropped_checkpoints"] > 0
    assert talk.run("sessions", "show", "talk", "--json").json["turns"] == 3
    steps = talk.run("sessions", "show", "talk", "--steps", "--json").json
    assert {step["turn"] for step in steps} == {3}
    assert talk.run("sessions", "prune", "--all").out.startswith(
        "1 session, at most 20 turns of each kept, 0"
    )
    shown = talk.run("sessions", "stats").out
    assert "sessions\t1 (1 done)\n" in shown
    assert "turns\t3\n" in shown


def test_sessions_that_nobody_used_for_long_are_deleted_together(talk: CommandLine) -> None:
    assert talk.run("sessions", "delete", "--older-than", "1", "--yes", "--json").json["deleted"] == []
    assert ids(talk) == {"talk"}
    assert talk.run("sessions", "delete", "--older-than", "0", "--yes").out == "talk\n"
    assert ids(talk) == set()
    assert talk.run("sessions", "delete").code == 2


@pytest.mark.parametrize("server", ["http://[", "http://127.0.0.1:9", "nonsense"])
def test_what_no_server_takes_is_said_before_it_is_asked(talk: CommandLine, server: str) -> None:
    named = talk.run("sessions", "register", "talk")
    assert named.code == 2
    assert "'talk' is none: give the session one with `duograph sessions fork talk`" in named.err
    made = talk.run("sessions", "fork", "talk").out.strip()
    done = talk.run("sessions", "register", made, "--server", server)
    assert done.code == 2
    assert f"The server {server} did not take the session" in done.err


def test_deleting_needs_a_yes_and_all_names_right(talk: CommandLine) -> None:
    refused = talk.run("sessions", "delete", "talk")
    assert (refused.code, refused.out) == (2, "")
    assert "use --yes" in refused.err
    assert talk.run("sessions", "delete", "talk", "nobody", "--yes").code == 2
    assert ids(talk) == {"talk"}
    assert talk.run("sessions", "delete", "talk", "--yes", "--json").json["deleted"] == ["talk"]
    assert ids(talk) == set()


def test_what_was_learned_from_a_session_is_told_of_and_forgotten_if_wanted(cli: CommandLine) -> None:
    for thread, animal in (("one", "cat"), ("two", "dog"), ("three", "fox")):
        cli.run("ask", f"remember that my {animal} is Tom", "--thread", thread)
    kept = cli.run("sessions", "delete", "one", "--yes")
    assert (kept.code, kept.out) == (0, "one\n")
    assert "memory still holds 1 record from one" in kept.err
    assert "`duograph memory forget --session one`" in kept.err
    gone = cli.run("sessions", "delete", "two", "--yes", "--with-memory")
    assert (gone.out, gone.err) == ("two\n", "duograph: forgotten with it: 1 record.\n")
    left = cli.run("memory", "list", "--json").json
    assert [item["record"]["subject"] for item in left] == ["my cat", "my fox"]
    counted = cli.run("sessions", "delete", "three", "--yes", "--json").json
    assert counted == {"deleted": ["three"], "forgotten": 0, "remembered": {"three": 1}}
    off = cli.run("sessions", "delete", "--older-than", "0", "--yes", env={"DUOGRAPH_MEMORY": "false"})
    assert (off.code, off.err) == (0, "duograph: no session is older than 0 days.\n")


@pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
def test_a_session_with_a_turn_running_is_not_deleted(cli: CommandLine) -> None:
    slow = {"content": GOOD, "delay_s": 600}
    running = cli.start("ask", ASK, "--thread", "busy", env=cli.models([{"content": PLAN}], [slow]))
    read_until(running, b"code")
    done = cli.run("sessions", "delete", "busy", "--yes")
    assert done.code == 2
    assert "A turn is running in session busy" in done.err
    os.killpg(running.pid, signal.SIGKILL)
    finish(running)
    assert cli.run("sessions", "delete", "busy", "--yes").out == "busy\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("export", "talk", "--out", "."), ". is a folder: name a file in it."),
        (("import", "talk.json", "--into", ""), "The thread id '' cannot be used: write 1 to 128 letters"),
        (("import", "."), "The session file . cannot be read (not a regular file)"),
    ],
)
def test_what_cannot_be_a_file_or_an_id_is_a_sentence(
    talk: CommandLine, words: tuple[str, ...], sentence: str
) -> None:
    assert talk.run("sessions", "export", "talk", "--out", "talk.json").code == 0
    done = talk.run("sessions", *words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(f"duograph: {sentence}")
    assert ids(talk) == {"talk"}


def test_any_number_of_sessions_can_be_asked_for(talk: CommandLine) -> None:
    found = talk.run("sessions", "list", "--limit", str(10**20), "--json")
    assert [line["thread_id"] for line in found.json] == ["talk"]


def test_a_file_that_somebody_changed_is_refused_with_the_field(talk: CommandLine) -> None:
    assert talk.run("sessions", "export", "talk", "--out", "talk.json").code == 0
    plain = json.loads((talk.folder / "talk.json").read_text())
    parts = unpacked(plain)
    parts["checkpoint"]["channel_values"]["result"] = {"status": "verified"}
    (talk.folder / "bad.json").write_text(packed(plain, parts))
    done = talk.run("sessions", "import", "bad.json", "--into", "bad", "--json")
    assert (done.code, done.json["error"]["type"]) == (2, "SessionFileError")
    assert "The field checkpoint.channel_values.result of the file is wrong" in done.err
    assert ids(talk) == {"talk"}
