"""`duograph ask` with its output piped, as programs use it."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from nodes import Result
from tests.serving.commandline import finish
from tests.support import ASK, BAD, GOOD, PLAN

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine, Done

PASS = {"content": "VERDICT: PASS"}
HOSTILE = "\x1b]0;pwned\x07 \x1b[31mred\x1b[0m \x9b2J [bold]kept[/bold] é 漢"
THREAD = "asked"


@pytest.fixture(scope="module")
def asked(shared_cli: CommandLine) -> Done:
    """One verified turn, piped, with tests and files written out."""
    shared_cli.write("tests.py", "assert double(4) == 8\n")
    models = shared_cli.models([{"content": PLAN}], [{"content": GOOD}])
    return shared_cli.run("ask", ASK, "--tests", "tests.py", "--out", "out", "--thread", THREAD, env=models)


def test_a_pipe_gets_the_plain_answer_and_nothing_else(asked: Done) -> None:
    assert asked.code == 0
    assert asked.out.startswith("```python")
    assert "def double(x: int) -> int:" in asked.out
    assert "\x1b" not in asked.out + asked.err
    assert "verify: tests ✓\n" in asked.err
    assert asked.err.splitlines()[-1].startswith(f"thread {THREAD} · 2 calls · ")


def test_the_files_are_written_out(asked: Done, shared_cli: CommandLine) -> None:
    assert "wrote " in asked.err
    assert "2 * x" in (shared_cli.folder / "out" / "solution.py").read_text(encoding="utf-8")


def test_json_is_the_result_with_its_session(asked: Done, shared_cli: CommandLine) -> None:
    assert asked.code == 0
    models = shared_cli.models([{"content": HOSTILE}])
    done = shared_cli.run("ask", "What is é?", "--json", "--thread", THREAD, env=models)
    result = Result.model_validate(done.json)
    assert (done.code, result.status, result.thread_id) == (0, "done", THREAD)
    assert json.loads(done.out)["answer"].endswith("é 漢")
    assert "é 漢" in done.out  # not escaped
    assert len(done.out.splitlines()) == 1
    shown = shared_cli.run("sessions", "show", THREAD)
    assert f"thread {THREAD} · 2 turns · " in shown.out
    assert [line for line in shown.out.splitlines() if line.startswith("## ")] == [
        "## user",
        "## assistant",
        "## user",
        "## assistant",
    ]
    assert "\x1b" not in shown.out


def test_escape_sequences_of_a_model_reach_no_output(cli: CommandLine) -> None:
    models = cli.models([{"content": HOSTILE}])
    done = cli.run("ask", "-", stdin="What is a terminal?\n", env=models)
    assert (done.code, done.out) == (0, " red  [bold]kept[/bold] é 漢\n")


def test_a_file_that_exists_is_kept_and_the_answer_still_shown(cli: CommandLine) -> None:
    cli.write("solution.py", "mine")
    models = cli.models([{"content": PLAN}, PASS], [{"content": GOOD}])
    done = cli.run("ask", ASK, "--out", ".", "--json", env=models)
    assert done.code == 2
    assert done.json["status"] == "done"
    assert "--force" in done.json["error"]["message"]
    assert "solution.py exists: use --force" in done.err.splitlines()[-1]
    assert (cli.folder / "solution.py").read_text(encoding="utf-8") == "mine"
    assert cli.run("ask", ASK, "--out", ".", "--force", env=models).code == 0
    assert "2 * x" in (cli.folder / "solution.py").read_text(encoding="utf-8")


def test_code_that_fails_is_exit_code_4(cli: CommandLine) -> None:
    models = cli.models([{"content": PLAN}], [{"content": BAD}])
    done = cli.run("ask", ASK, env=models | {"DUOGRAPH_MAX_REPAIRS": "0"})
    assert done.code == 4
    assert "verify: acceptance ✗" in done.err
    assert "Not verified" in done.out


def test_models_that_fail_are_exit_code_5(cli: CommandLine) -> None:
    done = cli.run("ask", "What is this?", "--json", env=cli.models([{"error": "overloaded"}]))
    assert (done.code, done.json["status"]) == (5, "failed")


def test_models_can_be_chosen_on_the_command_line(cli: CommandLine) -> None:
    chain = cli.script("chosen", [{"content": "chosen"}])
    done = cli.run("ask", "What is this?", "--reasoning-model", chain)
    assert (done.code, done.out) == (0, "chosen\n")
    assert "no model is configured" not in done.err


def test_with_nothing_configured_the_offline_model_answers_and_says_so(cli: CommandLine) -> None:
    done = cli.run("ask", "Write a Python function that validates email addresses")
    assert done.code == 0
    assert "offline model" in done.out
    notices = [line for line in done.err.splitlines() if line.startswith("duograph: no model is configured")]
    assert len(notices) == 1


@pytest.mark.parametrize(
    ("text", "message"), [("", "The request is empty"), ("x" * 1_000_000, "1,000,000"), (b"\n\xff", "line 2")]
)
def test_a_request_that_cannot_be_taken_is_exit_code_2(
    cli: CommandLine, text: str | bytes, message: str
) -> None:
    done = cli.run("ask", "-", stdin=text, env=cli.models([{"content": "?"}]))
    assert (done.code, done.out) == (2, "")
    assert message in done.err


def test_a_reader_that_leaves_early_causes_no_noise(cli: CommandLine) -> None:
    reader, writer = os.pipe()
    process = cli.start(
        "ask",
        "What is this?",
        env=cli.models([{"content": f"{'long' * 20} " * 4_000}]),
        stdout=writer,
        stdin=subprocess.DEVNULL,
    )
    os.close(writer)
    os.close(reader)
    done = finish(process)
    assert done.code == 141
    assert "Traceback" not in done.err
    assert "duograph:" not in done.err
