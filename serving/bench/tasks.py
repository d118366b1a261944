"""The tasks of a benchmark: JSON lines, checked before anything is asked or run."""

from __future__ import annotations

import difflib
import hashlib
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from nodes import problem_with
from sandbox import TestsError, check_tests
from serving.faults import InputError
from serving.inputs import read_source
from serving.text import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES = 64_000_000
"""The largest file of tasks."""

EXAMPLE = "tasks.jsonl"
"""The tasks that come with Duograph, beside this module."""


class BenchTask(BaseModel):
    """One line of a file of tasks.

    Attributes:
        id: Its name in the results; unique in the file.
        prompt: The request, as a user would write it.
        tests: Tests that the agent is given with the request, in every mode; or nothing.
        hidden_tests: Tests that no model sees. They judge; without them `tests` do.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    id: Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
    prompt: str
    tests: str = ""
    hidden_tests: str = ""

    @property
    def judge(self) -> str:
        """The tests that decide whether an answer is right."""
        return self.hidden_tests if self.hidden_tests.strip() else self.tests

    @property
    def digest(self) -> str:
        """A short name for exactly this task; a result belongs to it and to no other."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]


def read_tasks(path: str | None, limit: int | None = None) -> list[BenchTask]:
    """Read and check a file of tasks; all of it, also what `limit` leaves out.

    Args:
        path: The file, `-` for standard input, or None for the tasks that come with Duograph.
        limit: At most so many, from the beginning.

    Raises:
        InputError: When a line is wrong; the message names it and the fix.
    """
    if path is None:
        with as_file(files("serving.bench") / EXAMPLE) as example:
            text, name = read_source(str(example), "tasks"), EXAMPLE
    else:
        text = read_source(path, "tasks", most=MAX_BYTES)
        name = "standard input" if path == "-" else path
    tasks: list[BenchTask] = []
    lines: dict[str, int] = {}
    for number, line in _lines(text):
        task = _parse(line, f"{name}, line {number}")
        if task.id in lines:
            raise InputError(
                f"{name}, line {number}: the id {task.id!r} is that of line {lines[task.id]} too: "
                "give each task an id of its own."
            )
        lines[task.id] = number
        tasks.append(task)
    if not tasks:
        raise InputError(f'{name} holds no task: write one JSON object a line, {{"id", "prompt", "tests"}}.')
    return tasks[:limit]


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that are not blank, numbered from 1."""
    # Not splitlines: JSON strings may hold the exotic line ends raw.
    return ((number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip())


def _parse(line: str, where: str) -> BenchTask:
    """Read one line.

    Raises:
        InputError: When it is no task.
    """
    try:
        task = BenchTask.model_validate_json(line)
    except ValidationError as error:
        raise InputError(f"{where}: {_explain(error)}") from None
    for field, value in (("prompt", task.prompt), ("tests", task.tests), ("hidden_tests", task.hidden_tests)):
        if not _is_text(value):
            raise InputError(f"{where}: the field {field!r} has half a character: encode it as UTF-8.")
    if not task.judge.strip():
        raise InputError(f"{where}: nothing can judge an answer: give 'tests', 'hidden_tests' or both.")
    try:
        for field, source in (("tests", task.tests), ("hidden_tests", task.hidden_tests)):
            if source.strip():
                check_tests(source, name=f"{where}, {field}")
    except TestsError as error:
        raise InputError(str(error)) from None
    if problem := problem_with(task.prompt, task.tests):
        raise InputError(f"{where}: {problem}")
    return task


def _explain(error: ValidationError) -> str:
    """The first problem of a line in one sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    field = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        known = list(BenchTask.model_fields)
        close = difflib.get_close_matches(field, known, n=1)
        hint = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}."
        return f"there is no field {field!r}: {hint}"
    if first["type"] == "missing":
        return f"the field {field!r} is missing: add it."
    if first["type"] == "string_pattern_mismatch":
        return f"the field {field!r} has a control character: leave it out."
    where = f"the field {field!r}: " if field else ""
    return f"{where}{one_line(first['msg'])}."


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
