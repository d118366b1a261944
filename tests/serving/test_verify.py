"""`duograph verify`, for one solution."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.serving.commandline import lines

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine

CODE = "def double(x: int) -> int:\n    return 2 * x\n"
PATIENT = {"DUOGRAPH_VERIFY_TIMEOUT_S": "60"}
HOSTILE = "raise ValueError('\\x1b[31m[bold]red')\n"


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


def test_without_tests_it_is_said_that_code_only_loads(cli: CommandLine) -> None:
    cli.write("double.py", CODE)
    cli.write("empty.py", "\n")
    done = cli.run("verify", "--code", "double.py")
    assert done.code == 0
    assert done.out.rstrip().endswith(": no test was run, so this shows only that it loads")
    cli.write("tests.py", "assert double(2) == 4\n")
    done = cli.run("verify", "--code", "double.py", "--tests", "tests.py")
    assert "only that it loads" not in done.out
    refused = cli.run("verify", "--code", "empty.py")
    assert (refused.code, refused.out) == (2, "")
    assert "--code holds nothing but blank lines" in refused.err


def test_a_failure_says_how_a_person_can_see_it(cli: CommandLine) -> None:
    cli.write("double.py", "print('hello')\nimport os\ndef double(x):\n    return lost\n")
    cli.write("tests.py", "assert double(2) == 4\n")
    done = cli.run("verify", "--code", "double.py", "--tests", "tests.py")
    assert done.code == 4
    assert "✗ lint (advice)\n    solution.py:4: F821 Undefined name `lost`\n    $ ruff check" in done.out
    assert "    $ duograph verify --code solution.py --tests tests.py" in done.out
    evidence = cli.run("verify", "--code", "double.py", "--tests", "tests.py", "--json").json
    checks = {check["name"]: check for check in evidence["checks"]}
    assert checks["lint"]["exit_code"] == 1
    assert checks["lint"]["findings"] == [
        {"file": "solution.py", "line": 4, "code": "F821", "message": "Undefined name `lost`"}
    ]
    assert checks["import"]["output"] == "hello"
    assert all(check["command"] and check["duration_s"] > 0 for check in checks.values())


@pytest.mark.slow
def test_the_commands_of_the_evidence_say_the_same(cli: CommandLine) -> None:
    cli.write("double.py", "def double(x):\n    return lost\n")
    cli.write("tests.py", "assert double(2) == 4\n")
    asked = ("verify", "--code", "double.py", "--tests", "tests.py", "--json", "--types")
    evidence = cli.run(*asked, env={"DUOGRAPH_VERIFY_TIMEOUT_S": "60"}).json
    cli.write("solution.py", "def double(x):\n    return lost\n")
    scripts = str(Path(sys.executable).parent)
    environment = cli.environment | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    for check in evidence["checks"]:
        done = subprocess.run(
            ["bash", "-c", check["command"]],
            cwd=cli.folder,
            env=environment,
            capture_output=True,
            check=False,
        )
        assert (done.returncode == 0) == check["passed"], check


def test_several_files_are_verified_together(cli: CommandLine) -> None:
    (cli.folder / "shapes").mkdir()
    cli.write("shapes/sides.py", "def sides(): return 4\n")
    cli.write("main.py", "from shapes.sides import sides\ntotal = sides() * 2\n")
    cli.write("tests.py", "from main import total\nassert total == 8\n")
    done = cli.run("verify", "--code", "main.py", "--code", "./shapes/sides.py", "--tests", "tests.py")
    assert (done.code, done.out.splitlines()[-1][:8]) == (0, "verified")
    for words, message in (
        (("--code", "main.py", "--code", "main.py"), "names a file twice"),
        (("--code", "main.py", "--code", str(cli.folder / "tests.py")), "is absolute or not normal"),
        (("--code", "main.py", "--code", "-"), "several files need names"),
    ):
        done = cli.run("verify", *words)
        assert (done.code, message in done.err) == (2, True), done.err


def test_types_are_checked_when_asked_for(cli: CommandLine) -> None:
    cli.write("double.py", "def double(x: int) -> str:\n    return 2 * x\n")
    assert cli.run("verify", "--code", "double.py", env=PATIENT).code == 0
    done = cli.run("verify", "--code", "double.py", "--types", env=PATIENT)
    assert (done.code, "solution.py:2: return-value" in done.out) == (4, True)


@pytest.mark.slow
def test_types_are_asked_for_by_a_variable_and_for_lines_too(cli: CommandLine) -> None:
    cli.write("double.py", "def double(x: int) -> str:\n    return 2 * x\n")
    done = cli.run("verify", "--code", "double.py", env=PATIENT | {"DUOGRAPH_VERIFY_TYPES": "1"})
    assert (done.code, "✗ types" in done.out) == (4, True)
    line = lines({"id": 1, "code": "x: int = ''"})
    done = cli.run("verify", "--jsonl", "--types", stdin=line, env=PATIENT)
    assert done.json_lines[0]["status"] == "failed"


def test_doctests_are_tests(cli: CommandLine) -> None:
    cli.write("double.py", CODE)
    cli.write("tests.txt", "Twice as much:\n\n>>> double(2)\n4\n")
    assert cli.run("verify", "--code", "double.py", "--tests", "tests.txt").code == 0
    cli.write("tests.txt", ">>> double(2)\n5\n")
    done = cli.run("verify", "--code", "double.py", "--tests", "tests.txt")
    assert (done.code, "left is '4', right is '5'" in done.out) == (4, True)
    cli.write("tests.txt", ">>> double(\n5\n")
    done = cli.run("verify", "--code", "double.py", "--tests", "tests.txt")
    assert (done.code, "line 1 of the doctest" in done.err) == (2, True)


def test_without_any_sandbox_it_is_said_once_and_stands_in_the_evidence(cli: CommandLine) -> None:
    cli.write("double.py", CODE)
    bare = {"DUOGRAPH_SANDBOX": "none"}
    done = cli.run("verify", "--code", "double.py", env=bare)
    assert done.code == 0
    assert done.out.splitlines()[-1].startswith("verified without any sandbox: no test was run")
    assert done.err.count("the sandbox is off") == 1
    done = cli.run("verify", "--jsonl", stdin=lines({"code": CODE}, {"code": CODE}), env=bare)
    assert [answer["sandbox"] for answer in done.json_lines] == ["none", "none"]
    assert done.err.count("the sandbox is off") == 1


def test_packages_that_the_user_allows_are_found(cli: CommandLine) -> None:
    (cli.folder / "site").mkdir()
    cli.write("site/shapes.py", "sides = 4\n")
    cli.write("use.py", "import shapes\n")
    assert cli.run("verify", "--code", "use.py").code == 4
    assert cli.run("verify", "--code", "use.py", env={"DUOGRAPH_SANDBOX_PACKAGES": "site"}).code == 0
    done = cli.run("verify", "--code", "use.py", env={"DUOGRAPH_SANDBOX_PACKAGES": "nowhere"})
    assert (done.code, "sandbox_packages" in done.err) == (2, True)
