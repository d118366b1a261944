"""`duograph verify --jsonl`: many lines, answered in order, none of which harms another."""

from __future__ import annotations

import json
import os
import select
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

from tests.processes import wait_for
from tests.serving.commandline import finish, lines

if TYPE_CHECKING:
    from tests.serving.commandline import CommandLine

CODE = "def double(x: int) -> int:\n    return 2 * x\n"
HOSTILE = "raise ValueError('\\x1b[31m[bold]red')\n"
SLOW = "import time\ntime.sleep(0.4)\n"


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
    found = done.json_lines
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


def test_lines_of_several_files_and_of_nothing(cli: CommandLine) -> None:
    shop = {"shop/__init__.py": "", "shop/cart.py": "def total():\n    return 2\n"}
    given = lines(
        {"id": 1, "files": shop, "tests": "from shop.cart import total\nassert total() == 2"},
        {"id": 2, "files": shop, "tests": "from shop.cart import total\nassert total() == 3"},
        {"id": 3, "code": " \n"},
    )
    found = cli.run("verify", "--jsonl", stdin=given).json_lines
    assert [answer["status"] for answer in found] == ["verified", "failed", "error"]
    assert found[2]["error"] == "Line 3 holds no code: give Python source."


def test_endless_input_is_read_no_faster_than_it_is_answered(cli: CommandLine) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with os.fdopen(reader, "rb") as stdin:
        process = cli.start("verify", "--jsonl", stdin=stdin)
    line = lines({"id": 1, "code": SLOW + "#" * 20_000}).encode()
    assert process.stdout is not None
    answered, taken = process.stdout, 0
    most = 100 * (os.cpu_count() or 1) * len(line)  # a few are in flight for each processor

    def first_answer() -> bool:
        nonlocal taken
        with suppress(BlockingIOError):
            while taken < most:
                taken += os.write(writer, line)
        return bool(select.select([answered], [], [], 0)[0])

    wait_for(first_answer, "the first answer")
    assert json.loads(answered.readline())["status"] == "verified"
    assert taken < most
    answered.close()
    os.close(writer)
    assert process.wait(timeout=60) in {2, 141}  # the last line was cut, or nobody read on


def test_a_reader_that_leaves_ends_the_lines_quietly(cli: CommandLine) -> None:
    process = cli.start("verify", "--jsonl", stdin=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    done = finish(process, lines({"code": CODE}))
    assert (done.code, done.err) == (141, "")
