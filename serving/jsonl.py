"""`duograph verify --jsonl`: many solutions, several at once, answered in the order they came."""

from __future__ import annotations

import asyncio
import json
import math
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from graph.proving import open_verifier
from sandbox import Options, SourceFile, TestsError, check_tests
from sandbox.paths import check_paths
from serving import exits, terminal
from serving.lines import MAX_LINE, read_lines
from serving.proving import settings_of
from serving.running import Runner
from serving.text import one_line, to_json
from serving.verify import SOLUTION

if TYPE_CHECKING:
    from graph.settings import Settings
    from sandbox import Verifier
    from serving.signals import Signals

_WINDOW = 4
"""Lines in flight per core: enough to hide one slow line, few enough to bound the memory."""

_FIELDS = ("id", "code", "files", "tests")

Answer = dict[str, Any]


class LineError(ValueError):
    """A line is not what it should be; nothing was run for it.

    Attributes:
        line_id: The line's `id`, as far as it could be read.
    """

    def __init__(self, message: str, line_id: object = None) -> None:
        super().__init__(message)
        self.line_id = line_id


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
        statuses = runner.run(lambda: _Stream(cores(), settings).run(sys.stdin.fileno()))
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
    if len(line) > MAX_LINE:
        raise LineError(f"Line {number} has more than {MAX_LINE:,} bytes: shorten it.")
    try:
        value = json.loads(line.decode("utf-8-sig"), parse_constant=_number, parse_float=_number)
    except UnicodeDecodeError:
        raise LineError(f"Line {number} is not UTF-8: encode it so.") from None
    except (ValueError, RecursionError) as error:
        raise LineError(f"Line {number} is not JSON: {one_line(str(error))}.") from None
    if not isinstance(value, dict):
        raise LineError(f'Line {number} is not a JSON object: write {{"id", "code", "tests"}}.')
    line_id = value.get("id")
    for name in value:
        meant = name.strip().lower().rstrip("s")
        for field in _FIELDS:
            if name != field and field not in value and meant == field.rstrip("s"):
                raise LineError(f"Line {number} has a field {name!r}: did you mean {field!r}?", line_id)
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


def _number(text: str) -> float:
    """A number that can be written as JSON again.

    Raises:
        ValueError: When it is none, though Python reads it: NaN, Infinity, 1e999.
    """
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is no number that JSON has")
    return number


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


class _Stream:
    """A reader that starts jobs, and a writer that waits for them in order."""

    def __init__(self, parallel: int, settings: Settings) -> None:
        self._settings = settings
        self._slots = asyncio.Semaphore(parallel)
        self._jobs: asyncio.Queue[asyncio.Task[Answer] | None] = asyncio.Queue(parallel * _WINDOW)
        self._statuses: set[str] = set()

    async def run(self, handle: int) -> set[str]:
        """Answer every line and give the statuses that occurred."""
        verifier = await open_verifier(self._settings)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write())
                number = 0
                async for line in read_lines(handle):
                    number += 1
                    if line.strip():
                        await self._jobs.put(group.create_task(self._answer(verifier, line, number)))
                await self._jobs.put(None)
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from None  # the first fault cancelled the rest
        return self._statuses

    async def _write(self) -> None:
        """Print each answer as soon as those before it are out."""
        while (task := await self._jobs.get()) is not None:
            answer = await task
            self._statuses.add(answer["status"])
            # In a thread: a reader that pauses must not stop the clocks of the sandboxes.
            await asyncio.to_thread(terminal.line, to_json(answer))

    async def _answer(self, verifier: Verifier, line: bytes, number: int) -> Answer:
        """One line's answer; what goes wrong with it stays with it."""
        line_id = None
        try:
            job = parse_line(line, number)
            line_id = job.line_id
            _check_content(job, number)
            if job.tests.strip():
                check_tests(job.tests, name=f"line {number}, tests")
            async with self._slots:
                evidence = await verifier.verify(
                    job.files,
                    tests=job.tests,
                    options=Options(types=self._settings.verify_types),
                )
        except (LineError, TestsError) as error:
            return _error(getattr(error, "line_id", line_id), str(error))
        except Exception as error:  # noqa: BLE001  # the other lines go on
            return _error(line_id, f"Line {number} met an unexpected {type(error).__name__}: {error}")
        return {"id": line_id} | evidence.model_dump(mode="json")


def _error(line_id: object, message: str) -> Answer:
    return {"id": line_id, "status": "error", "checks": [], "error": one_line(message)}
