"""The programs themselves: enough of them, each with a word on what it tries, none that proves nothing."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.sandbox.backends import BACKENDS
from tests.sandbox.hostile.machine import Machine
from tests.sandbox.hostile.program import Program, cases, categories, every_program

WANTED = {
    "environment", "forgeries", "forks", "leftovers", "links", "memory", "output", "paths", "signals",
    "sockets", "sources", "tampering", "time",
}  # fmt: skip
ATTEMPTS = [program for program in every_program() if program.attempt and program.control]


def test_every_category_is_there_and_there_are_many_programs() -> None:
    assert set(categories()) == WANTED
    assert len(every_program()) >= 60


def test_every_category_is_run() -> None:
    named = {
        name
        for path in Path(__file__).parent.glob("test_*.py")
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("@cases(")
        for name in line.removeprefix("@cases(").removesuffix(")").replace('"', "").split(", ")
    }
    assert named == set(categories())


def test_names_are_unique_and_each_says_what_it_tries() -> None:
    names = [(program.category, program.name) for program in every_program()]
    assert len(names) == len(set(names))
    assert all(program.tries.endswith(".") for program in every_program())
    assert all(set(program.open_on) <= set(BACKENDS) for program in every_program())


def test_what_is_open_is_expected_to_fail_and_strictly() -> None:
    for category in categories():
        for each in cases(category).args[1]:
            program, backend = each.values
            marked = [mark for mark in each.marks if mark.name == "xfail"]
            assert bool(marked) == (backend in program.open_on)
            assert all(mark.kwargs["strict"] and mark.kwargs["reason"] for mark in marked)


@pytest.mark.parametrize("program", ATTEMPTS, ids=lambda program: f"{program.category}-{program.name}")
async def test_an_attempt_succeeds_without_walls(program: Program, machine: Machine, tmp_path: Path) -> None:
    folder = tmp_path / "free"
    folder.mkdir()
    source = machine.fill(program.solution()) + "\nprint(outcome)\n"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", source, cwd=folder, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await process.communicate()
    assert said.decode().split() == ["allowed"], said
