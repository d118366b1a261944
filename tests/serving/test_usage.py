"""What needs no model and no sandbox: help, versions, and mistakes in the arguments."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import duograph
from serving import exits
from tests.serving.commandline import finish

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine


def test_help_lists_commands_and_exit_codes(cli: CommandLine) -> None:
    done = cli.run("--help")
    assert (done.code, done.err) == (0, "")
    for word in (
        "ask",
        "chat",
        "bounds",
        "verify",
        "models",
        "doctor",
        "sessions",
        "not verified",
        "every model failed",
        "130",
    ):
        assert word in done.out


def test_help_tells_every_exit_code_as_the_page_does(cli: CommandLine) -> None:
    told = cli.run("--help").out
    page = Path(duograph.__file__).with_name("docs").joinpath("cli.md").read_text(encoding="utf-8")
    for code in {value for name, value in vars(exits).items() if name.isupper() and type(value) is int}:
        assert re.search(rf"^ +{code} +\w", told, re.MULTILINE), code
        assert f"\n| {code} | " in page, code
    assert re.search(r"^ +7 .*\n.* waits for a memory that is away$", told, re.MULTILINE)


@pytest.mark.parametrize("group", ["", "jobs", "memory", "sessions", "settings", "tools"])
def test_help_cuts_no_word_about_a_command_off(cli: CommandLine, group: str) -> None:
    done = cli.run(*group.split(), "--help")
    assert [line for line in done.out.splitlines()[1:] if line.endswith("...")] == []


def test_version_is_that_of_the_package(cli: CommandLine) -> None:
    assert cli.run("--version").out == f"duograph {duograph.__version__}\n"


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        pytest.param(("dance",), marks=pytest.mark.slow),
        ("bounds", "--json"),
        pytest.param(("verify", "--code", "-"), marks=pytest.mark.slow),
    ],
)
def test_a_fork_says_what_a_new_interpreter_says(
    cli: CommandLine, new_interpreter: CommandLine, words: tuple[str, ...]
) -> None:
    """Most of these tests start forks; see `tests/forkserver.py`."""
    assert cli.run(*words, stdin="é = 1\n") == new_interpreter.run(*words, stdin="é = 1\n")


def test_help_imports_click_and_nothing_heavy(cli: CommandLine) -> None:
    done = cli.run("ask", "--help", env={"PYTHONPROFILEIMPORTTIME": "1"})
    loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert "click" in loaded
    assert not loaded & {"rich", "asyncio", "pydantic", "langgraph", "httpx", "importlib.metadata", "json"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ask"], "Missing argument 'TEXT'"),
        (["ask", "x", "--task", "poetry"], "'poetry' is not one of"),
        (["ask", "x", "--tests", "none.py"], "The tests file none.py cannot be read"),
        (["ask", "x", "--tests", "bad.py"], "bad.py, line 2"),
        (["ask", "x", "--tests", "latin.py"], "The tests file latin.py is not UTF-8 (line 2)"),
        (["ask", "x", "--tests", "."], "The tests file . cannot be read"),
        (["ask", "x", "--out", "bad.py"], "--out bad.py is not a folder"),
        (["ask", "x", "--force"], "--force goes with --out"),
        (["ask", "x", "--thread", "no/slash"], "The thread id 'no/slash' cannot be used"),
        (["ask", "x", "--thread=-x"], "'-x' looks like an option"),
        (["ask", "x", "--out", "--force"], "'--force' looks like an option"),
        (["ask", "-", "--tests", "-"], "only one of TEXT, --tests and --code can be -"),
        (["verify", "--code", "-", "--tests", "-"], "only one of --code and --tests can be -"),
        (["verify", "--code", "pipe"], "The code file pipe cannot be read (not a regular file)"),
        (["ask", "x", "--tests", "pipe"], "The tests file pipe cannot be read (not a regular file)"),
        (["chat", "--thread", ""], "The thread id '' cannot be used"),
        (["verify"], "give either --code FILE or --jsonl"),
        (["verify", "--jsonl", "--tests", "bad.py"], "--tests goes with --code"),
        (["verify", "--code", "none.py"], "The code file none.py cannot be read"),
        (["sessions", "list", "--limit", "0"], "'0' is not a whole number from 1"),
        (["ask", "x", "--wait", "abc"], "--wait is 'abc', which is wrong: write a number of seconds from 0"),
        (["ask", "x", "--wait", "-1"], "--wait is '-1', which is wrong: write a number of seconds from 0 to"),
        (["dance"], "No such command 'dance'"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(cli: CommandLine, words: list[str], message: str) -> None:
    cli.write("bad.py", "assert True\nassert (\n")
    (cli.folder / "latin.py").write_bytes(b"# ok\n# \xe9\n")
    os.mkfifo(cli.folder / "pipe")
    done = cli.run(*words)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("duograph: ")
    assert len(done.err.splitlines()) == 1
    assert message in done.err
    assert not (cli.folder / "home").exists()  # nothing ran


def test_with_json_a_mistake_is_an_object_too(cli: CommandLine) -> None:
    for words, kind in (
        (["ask", "--json"], "MissingParameter"),
        (["ask", "x", "--thread", "--json"], "BadParameter"),
        (["verify", "--json", "--code", "x"], "InputError"),
    ):
        done = cli.run(*words)
        assert done.code == 2
        assert done.json["error"]["type"] == kind
        assert done.json["error"]["message"] in done.err


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"DUOGRAPH_REASONING_MODEL": "opnai:x"}, "did you mean openai"),
        ({"DUOGRAPH_MAX_REPAIRS": "many"}, "max_repairs"),
        ({"DUOGRAPH_DATABASE": "text.py"}, "text.py is not an SQLite database"),
        ({"DUOGRAPH_HOME": "text.py/home"}, "text.py"),
    ],
)
def test_wrong_settings_are_one_line_and_exit_code_2(
    cli: CommandLine, environment: dict[str, str], message: str
) -> None:
    cli.write("text.py", "no database\n" * 200)
    done = cli.run("ask", "hello", env=environment | {"DUOGRAPH_CODING_MODEL": "offline"})
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bytes in arguments")
def test_an_argument_that_is_not_utf8_is_refused(cli: CommandLine) -> None:
    done = cli.run("ask", "\udcff")
    assert done.code == 2
    assert "not valid UTF-8" in done.err


def test_a_bug_is_one_line_and_the_traceback_is_for_those_who_ask(cli: CommandLine) -> None:
    program = (
        "import sys; sys.modules['serving.verify'] = None; from serving.cli import main; "
        "main('0', ['verify', '--code', 'x.py'])"
    )
    for debug in ("", "1"):
        environment = cli.environment | {"DUOGRAPH_DEBUG": debug}
        done = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.splitlines()[-1].startswith("duograph: unexpected ModuleNotFoundError")
        assert ("Traceback" in done.stderr) == bool(debug)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full disk to write to")
@pytest.mark.parametrize("words", [("sessions", "list", "--json"), ("verify", "--jsonl")])
def test_a_full_disk_is_one_sentence(cli: CommandLine, words: tuple[str, ...]) -> None:
    cli.run("memory", "add", "tea")
    with Path("/dev/full").open("wb") as full:
        done = finish(cli.start(*words, stdout=full.fileno()), '{"code": "x = 1"}\n' * 20)
    assert done.code == 1
    assert done.err == (
        "duograph: Standard output cannot be written (No space left on device): "
        "make room, or send it elsewhere.\n"
    )


@pytest.mark.slow
def test_closed_streams_do_no_harm(cli: CommandLine) -> None:
    cli.run("memory", "add", "tea")
    shell = f'exec "{sys.executable}" -m duograph sessions list 0<&- 1>&- 2>&-'
    done = subprocess.run(["sh", "-c", shell], env=cli.environment, check=False)
    assert done.returncode == 0
