"""`duograph verify`, for one file and for many lines."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from tests.serving.commandline import finish, wait_for

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine, Done

CODE = "def double(x: int) -> int:\n    return 2 * x\n"
SLOW = "import time\ntime.sleep(1)\n"
HOSTILE = "raise ValueError('\\x1b[31m[bold]red')\n"


def lines(*values: object) -> str:
    return "".join((value if isinstance(value, str) else json.dumps(value)) + "\n" for value in values)


def answers(done: Done) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.out.splitlines()]


def test_a_file_is_verified_without_graph_or_session(cli: CommandLine) -> None:
    cli.write("double.py", CODE)
    cli.write("tests.py", "from solution import double\nassert double(2) == 4\n")
    done = cli.run(
        "verify", "--code", "double.py", "--tests", "tests.py", env={"PYTHONPROFILEIMPORTTIME": "1"}
    )
    assert done.code == 0
    assert "✓ tests" in done.out
    assert done.out.splitlines()[-1].startswith("verified in ")
    assert "\x1b" not in done.out
    loaded = {line.rpartition("|")[2].strip() for line in done.err.splitlines()}
    assert not loaded & {"graph.build", "graph.agent", "serving.progress"}
    assert not (cli.folder / "home").exists()


def test_what_fails_is_shown_with_its_values_and_exit_code_4(cli: CommandLine) -> None:
    cli.write("double.py", CODE)
    cli.write("tests.py", "assert double(2) == 5\n")
    done = cli.run("verify", "--code", "double.py", "--tests", "tests.py")
    assert done.code == 4
    assert "✗ tests" in done.out
    assert "double(2) == 5" in done.out
    done = cli.run("verify", "--code", "double.py", "--tests", "tests.py", "--json")
    assert (done.code, done.json["status"], done.err) == (4, "failed", "")
    assert [check["name"] for check in done.json["checks"]] == ["parse", "compile", "import", "lint", "tests"]


def test_code_and_tests_can_come_from_standard_input(cli: CommandLine) -> None:
    cli.write("double.py", CODE)
    cli.write("tests.py", "assert double(2) == 4\n")
    for words, stdin in (
        (("--code", "-", "--tests", "tests.py"), CODE),
        (("--code", "double.py", "--tests", "-"), "assert double(2) == 4\n"),
    ):
        done = cli.run("verify", *words, "--json", stdin=stdin)
        assert (done.code, done.json["status"]) == (0, "verified")
        assert done.json["checks"][-1]["name"] == "tests"


def test_without_a_sandbox_nothing_is_executed_or_verified(cli: CommandLine) -> None:
    cli.write("double.py", CODE)
    nowhere = {"DUOGRAPH_SANDBOX": "bubblewrap", "PATH": "/nonexistent"}
    done = cli.run("verify", "--code", "double.py", "--json", env=nowhere)
    assert (done.code, done.json["status"], done.json["sandbox"]) == (4, "not_executed", None)
    assert "bwrap" in done.json["reason"]


def test_escape_sequences_of_code_reach_no_output(cli: CommandLine) -> None:
    cli.write("hostile.py", HOSTILE)
    done = cli.run("verify", "--code", "hostile.py")
    assert done.code == 4
    assert "[bold]red" in done.out
    assert "\x1b" not in done.out


def test_lines_are_answered_in_order_and_faults_stay_with_their_line(cli: CommandLine) -> None:
    given = lines(
        {"id": "slow", "code": SLOW},
        {"id": "quick", "code": CODE, "tests": "assert double(2) == 4"},
        "",
        "not json",
        {"id": "wrong", "code": CODE, "tests": "assert double(2) == 5"},
        {"id": "tests", "code": CODE, "tests": "assert ("},
        {"id": {"any": "é"}, "code": HOSTILE},
        {"id": "last"},
    )
    done = cli.run("verify", "--jsonl", stdin=given.removesuffix("\n"))
    found = answers(done)
    assert done.code == 2
    assert [answer["id"] for answer in found] == [
        "slow",
        "quick",
        None,
        "wrong",
        "tests",
        {"any": "é"},
        "last",
    ]
    assert [answer["status"] for answer in found] == [
        "verified",
        "verified",
        "error",
        "failed",
        "error",
        "failed",
        "error",
    ]
    assert "Line 4 is not JSON" in found[2]["error"]
    assert found[4]["error"].startswith("line 6, tests, line 1")
    assert found[1]["checks"][-1]["cases"][0]["passed"]
    assert "error" not in found[1]


def test_the_exit_code_of_lines_is_the_worst_of_them(cli: CommandLine) -> None:
    good, bad = {"code": CODE}, {"code": "1 / 0"}
    assert cli.run("verify", "--jsonl", stdin=lines(good, good)).code == 0
    assert cli.run("verify", "--jsonl", stdin=lines(good, bad)).code == 4
    assert cli.run("verify", "--jsonl").code == 0


def test_endless_input_is_read_no_faster_than_it_is_answered(cli: CommandLine) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with os.fdopen(reader, "rb") as stdin:
        process = cli.start("verify", "--jsonl", stdin=stdin)
    line = lines({"id": 1, "code": SLOW + "#" * 20_000}).encode()
    assert process.stdout is not None
    taken = 0

    def first_answer() -> bool:
        nonlocal taken
        try:
            taken += os.write(writer, line)
        except BlockingIOError:
            return taken > len(line) and not _fillable(writer)
        return False

    wait_for(first_answer, "the pipe to fill")
    assert json.loads(process.stdout.readline())["status"] == "verified"
    assert taken < 200 * len(line)
    process.stdout.close()
    os.close(writer)
    assert process.wait(timeout=60) in {2, 141}  # the last line was cut, or nobody read on


def _fillable(handle: int) -> bool:
    try:
        os.write(handle, b"")
    except BlockingIOError:
        return False
    return False


def test_a_reader_that_leaves_ends_the_lines_quietly(cli: CommandLine) -> None:
    process = cli.start("verify", "--jsonl", stdin=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    done = finish(process, lines({"code": CODE}))
    assert (done.code, done.err) == (141, "")
