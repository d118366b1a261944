"""`duograph verify --jsonl`: many solutions, several at once, answered in the order they came."""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graph.proving import open_verifier
from sandbox import Options, SourceFile, TestsError, check_tests
from sandbox.paths import check_paths
from serving import exits
from serving.json_lines import Answer, LineError, in_order, read_object
from serving.proving import settings_of
from serving.running import Runner
from serving.verify import SOLUTION

if TYPE_CHECKING:
    from graph.settings import Settings
    from serving.signals import Signals

_WINDOW = 4
"""Lines in flight per core: enough to hide one slow line, few enough to bound the memory."""

_FIELDS = ("id", "code", "files", "tests")


@dataclass(frozen=True, slots=True)
class Job:
    """One line, understood."""

    line_id: object
    files: list[SourceFile]
    tests: str


def verify_lines(signals: Signals, *, types: bool = False) -> int:
    """Verify what standard input brings and give the exit code.

    Args:
        signals: How this process is stopped.
        types: Whether the type checker must pass too.

    Raises:
        SettingsError: When a setting is wrong.
        Interrupted: When a signal came; all sandboxes have ended by then.
    """
    with Runner(signals) as runner:
        settings = settings_of(types=types)
        statuses = runner.run(lambda: _verify(settings))
    if "error" in statuses:
        return exits.USAGE
    return exits.DONE if statuses <= {"verified"} else exits.NOT_VERIFIED


def cores() -> int:
    """The processors that this process may use."""
    usable = getattr(os, "sched_getaffinity", None)
    return max(1, len(usable(0)) if usable else os.cpu_count() or 1)


def parse_line(line: bytes, number: int) -> Job:
    """Read one line.

    Args:
        line: Without its end.
        number: Counted from 1, for messages.

    Raises:
        LineError: When it is not an object with `code` or `files` and perhaps `tests`.
    """
    value = read_object(line, number, fields=_FIELDS, form='{"id", "code", "tests"}')
    line_id = value.get("id")
    return Job(line_id, _files(value, number), _text({"tests": ""} | value, "tests", number))


def _files(value: Answer, number: int) -> list[SourceFile]:
    """The solution: `code` is `solution.py`, `files` an object with a text for each path."""
    line_id = value.get("id")
    if "files" not in value:
        texts = {SOLUTION: _text(value, "code", number)}
    elif "code" in value:
        raise LineError(f"Line {number} has both 'code' and 'files': give one of them.", line_id)
    elif not isinstance(value["files"], dict) or not value["files"]:
        raise LineError(
            f"Line {number} has no object as its 'files': give {{path: text}}, such as "
            '{"shop/cart.py": "…"}.',
            line_id,
        )
    else:
        texts = {
            path: _text({"id": line_id, path: text}, path, number) for path, text in value["files"].items()
        }
    files = [SourceFile(path=path, content=text) for path, text in texts.items()]
    try:
        check_paths(files)
    except ValueError as error:
        raise LineError(f"Line {number} cannot take these names ({error}).", line_id) from None
    return files


def _check_content(job: Job, number: int) -> None:
    """Refuse a solution of nothing but blank lines: it would load, and show nothing.

    Raises:
        LineError: When it is one.
    """
    if not any(file.content.strip() for file in job.files):
        raise LineError(f"Line {number} holds no code: give Python source.", job.line_id)


def _text(value: Answer, field: str, number: int) -> str:
    """A field that must be text that can be written to a file."""
    text = value.get(field)
    if not isinstance(text, str):
        what = "no" if field not in value else "no text as its"
        raise LineError(
            f"Line {number} has {what} {field!r}: give Python source as a string.", value.get("id")
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise LineError(
            f"Line {number} has half a character in {field!r}: encode it as UTF-8.", value.get("id")
        ) from None
    return text


async def _verify(settings: Settings) -> set[str]:
    """Answer every line of standard input and give the statuses that occurred."""
    verifier = await open_verifier(settings)
    slots = asyncio.Semaphore(cores())

    async def answer(line: bytes, number: int) -> Answer:
        job = parse_line(line, number)
        _check_content(job, number)
        try:
            if job.tests.strip():
                check_tests(job.tests, name=f"line {number}, tests")
        except TestsError as error:
            raise LineError(str(error), job.line_id) from None
        async with slots:
            evidence = await verifier.verify(
                job.files, tests=job.tests, options=Options(types=settings.verify_types)
            )
        return {"id": job.line_id} | evidence.model_dump(mode="json")

    return await in_order(sys.stdin.fileno(), answer, error=_error, ahead=_WINDOW * cores())


def _error(line_id: object, message: str) -> Answer:
    return {"id": line_id, "status": "error", "checks": [], "error": message}
