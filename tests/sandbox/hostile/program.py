"""Hostile programs as data: one TOML file per category, one table per program."""

import functools
import textwrap
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator

from sandbox import Limits
from tests.sandbox.backends import BACKENDS, EVERY_PAIR

FOLDER = Path(__file__).parent / "programs"
_EVERY_DAY = ("forgeries", "tampering")
"""Categories of the fast tests."""
_IN_PART = ("paths",)
"""Categories of which the fast tests have every third program."""
_IN_TURN = ("time",)
"""Categories whose programs are all ended in the same way: each is played on one of the backends, in turn.
All others are played on the default one, every second also on one of the others, in turn; on all of them by
hand, with `EVERY_PAIR=1`."""

_ATTEMPT = """\
def f(x):
    return x * x


def attempt():
{body}


try:
    attempt()
except BaseException as error:
    # EROFS: where all but the scratch folder is read-only, the kernel says so before Landlock is asked.
    outcome = "PermissionError" if getattr(error, "errno", 0) == 30 else type(error).__name__
else:
    outcome = "allowed"
"""
_REFUSED = ("PermissionError", "FileNotFoundError")


class Program(BaseModel):
    """One program, and what must hold afterwards; that the machine is clean must hold after each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """Unique within its category."""
    tries: str
    """What it is after, in one sentence."""
    code: str = ""
    """The whole `solution.py`."""
    attempt: str = ""
    """Instead of `code`: statements inside an honest solution that must end in one of `refused`."""
    refused: tuple[str, ...] = _REFUSED
    """Names of the exceptions that count as refused."""
    control: bool = True
    """Whether the attempt succeeds without walls, which a test makes sure of: else it would prove nothing."""
    files: dict[str, str] = Field(default_factory=dict)
    """More files of the solution, by path."""
    tests: str = "assert f(2) == 4"
    ends: Literal["failed", "verified"] = "failed"
    """`verified` only for an honest solution: its tests pass, and what else it tried came to nothing."""
    says: tuple[str, ...] = ()
    """One of these stands in the detail of the failed check, so that it failed for the reason it should."""
    limits: dict[str, int | float] = Field(default_factory=dict)
    """Fields of `Limits` that differ from the suite's."""
    slow: bool = False
    open_on: tuple[str, ...] = ()
    """Backends on which it is known to succeed; an expected failure, and one that must fail."""
    because: str = ""
    """Why it is open."""
    category: str = ""

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if bool(self.code) == bool(self.attempt):
            raise ValueError(f"program {self.name}: give either code or an attempt")
        if self.code and self.ends == "failed" and not self.says:
            raise ValueError(f"program {self.name}: say how it fails")
        if bool(self.open_on) != bool(self.because):
            raise ValueError(f"program {self.name}: name the backends it is open on, and why")
        return self

    def solution(self) -> str:
        """The text of `solution.py`."""
        return self.code or _ATTEMPT.format(body=textwrap.indent(self.attempt.strip(), "    "))

    def test_source(self) -> str:
        """The user's tests."""
        if self.code:
            return self.tests
        return f"assert f(2) == 4\nassert outcome in {self.refused!r}\n"

    @property
    def expected(self) -> str:
        """The status of its evidence; who only tries and is refused has an honest solution beside it."""
        return "verified" if self.attempt else self.ends

    def made_limits(self) -> Limits:
        """What it may use: little, so that the suite is quick, and enough for a busy machine."""
        chosen: dict[str, Any] = {"wall_s": 8.0, "cpu_s": 5} | self.limits
        return Limits(**chosen)


def _is_played(program: Program, backend: str, number: int) -> bool:
    if backend in program.open_on or EVERY_PAIR:
        return True
    default, *others = BACKENDS
    if program.category in _IN_TURN:
        return backend == BACKENDS[number % len(BACKENDS)]
    return backend == default or (number % 2 == 0 and backend == others[number // 2 % len(others)])


@functools.cache
def load(category: str) -> tuple[Program, ...]:
    """The programs of one category."""
    tables = tomllib.loads((FOLDER / f"{category}.toml").read_text(encoding="utf-8"))["program"]
    return tuple(Program(category=category, **table) for table in tables)


def categories() -> list[str]:
    """All of them."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def every_program() -> list[Program]:
    """All programs of all categories."""
    return [program for category in categories() for program in load(category)]


def cases(*names: str) -> pytest.MarkDecorator:
    """Every program of these categories on its backends, as parameters `program` and `backend_name`.

    The fast tests play only what changes with the code that judges, on the default backend; all others
    are left to the slow ones, which run before every merge as well.
    """
    found = []
    for number, program in [each for name in names for each in enumerate(load(name))]:
        daily = program.category in _EVERY_DAY or (program.category in _IN_PART and number % 3 == 0)
        backends = tuple(name for name in BACKENDS if _is_played(program, name, number))
        for backend in backends:
            marks: list[pytest.MarkDecorator] = []
            if program.slow or backend != "nono" or not daily:
                marks.append(pytest.mark.slow)
            if backend in program.open_on:
                # Strict: the day it is closed, this list must say so.
                marks.append(pytest.mark.xfail(strict=True, reason=program.because))
            id_ = f"{program.category}-{program.name}-{backend}"
            found.append(pytest.param(program, backend, id=id_, marks=marks))
    return pytest.mark.parametrize(("program", "backend_name"), found)
