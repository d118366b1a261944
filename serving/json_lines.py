"""JSON lines in, JSON lines out: several at once, answered in their order, each error with its line."""

from __future__ import annotations

import asyncio
import json
import math
from typing import TYPE_CHECKING, Any

from serving import terminal
from serving.lines import MAX_LINE, read_lines
from serving.text import one_line, to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Answer = dict[str, Any]


class LineError(ValueError):
    """A line is not what it should be; nothing was run for it.

    Attributes:
        line_id: The line's `id`, as far as it could be read.
    """

    def __init__(self, message: str, line_id: object = None) -> None:
        super().__init__(message)
        self.line_id = line_id


def read_object(line: bytes, number: int, *, fields: Sequence[str], form: str) -> Answer:
    """Read one line as an object.

    Args:
        line: Without its end.
        number: Counted from 1, for messages.
        fields: Those that it may have, for whoever misspells one.
        form: How it is written, for messages.

    Raises:
        LineError: When it is no object, or a field's name is nearly one of those.
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
        raise LineError(f"Line {number} is not a JSON object: write {form}.")
    for name in value:
        meant = name.strip().lower().rstrip("s")
        for field in fields:
            if name != field and field not in value and meant == field.rstrip("s"):
                raise LineError(
                    f"Line {number} has a field {name!r}: did you mean {field!r}?", value.get("id")
                )
    return value


async def in_order(
    handle: int,
    answer: Callable[[bytes, int], Awaitable[Answer]],
    *,
    error: Callable[[object, str], Answer],
    ahead: int,
) -> set[str]:
    """Print the answer of every line as soon as those before it are out.

    Args:
        handle: Where the lines come from.
        answer: Answers a line, given its number; what goes wrong with it stays with it.
        error: The answer of a line that went wrong, from its `id` and one sentence.
        ahead: So many lines are begun before the first of them is answered.

    Returns:
        Every `status` that occurred; `error` for an answer that has no status but an error.
    """

    async def guarded(line: bytes, number: int) -> Answer:
        try:
            return await answer(line, number)
        except LineError as wrong:
            return error(wrong.line_id, one_line(str(wrong)))
        except Exception as fault:  # noqa: BLE001  # the other lines go on
            said = f"Line {number} met an unexpected {type(fault).__name__}: {fault}"
            return error(_id_of(line), one_line(said))

    found: set[str] = set()
    tasks: asyncio.Queue[asyncio.Task[Answer] | None] = asyncio.Queue(ahead)

    async def read(group: asyncio.TaskGroup) -> None:
        number = 0
        async for line in read_lines(handle):
            number += 1
            if line.strip():
                await tasks.put(group.create_task(guarded(line, number)))
        await tasks.put(None)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(read(group))
            while (task := await tasks.get()) is not None:
                done = await task
                # In a thread: a reader that pauses must not stop the clocks of what runs.
                await asyncio.to_thread(terminal.line, to_json(done))
                found.add(str(done.get("status", "error" if "error" in done else "")))
    except BaseExceptionGroup as several:
        raise several.exceptions[0] from None  # the first fault cancelled the rest
    return found


def _id_of(line: bytes) -> object:
    """The `id` of a line that was read once already, or None."""
    try:
        return json.loads(line)["id"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


def _number(text: str) -> float:
    """A number that can be written as JSON again.

    Raises:
        ValueError: When it is none, though Python reads it: NaN, Infinity, 1e999.
    """
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is no number that JSON has")
    return number
