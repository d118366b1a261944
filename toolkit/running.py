"""A call of a tool, bounded: whatever the tool does, the caller gets a short text in time."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Awaitable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from inspect import isawaitable
from time import monotonic
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from toolkit.protocol import Answer, ToolError, ToolText
from toolkit.text import clip

if TYPE_CHECKING:
    from toolkit.protocol import AnyTool

_ERROR_CHARS = 1000
_WRONG_ARGUMENTS = 3


@dataclass(frozen=True)
class Outcome:
    """What came of a call.

    Attributes:
        text: The result, or one sentence on what went wrong; `info.max_chars` long at most.
        is_error: Whether it is the latter.
        clipped: Whether something of the result was left out.
        seconds: How long it took.
        given_up: Whether it took too long; it may go on in its thread.
    """

    text: str
    is_error: bool
    clipped: bool
    seconds: float
    given_up: bool = False


@dataclass(frozen=True)
class _Told:
    text: str
    is_error: bool = False
    clipped: bool = False
    given_up: bool = False


async def run(tool: AnyTool, arguments: Mapping[str, Any], *, timeout_s: float | None = None) -> Outcome:
    """Call a tool and never wait longer than its time, even when it blocks or heeds no cancellation.

    The call has a thread of its own that nobody waits for: one that never returns is left behind, and
    does not keep the program from ending.

    Args:
        tool: What to call.
        arguments: As the model gave them.
        timeout_s: Seconds that are left; the tool's own time where that is less.

    Returns:
        The outcome; it raises nothing but `CancelledError`, upon which the tool is asked to stop, too.
    """
    began = monotonic()
    limit = tool.info.timeout_s if timeout_s is None else max(min(timeout_s, tool.info.timeout_s), 0)
    told = await _wait(tool, arguments, limit)
    return Outcome(told.text, told.is_error, told.clipped, monotonic() - began, told.given_up)


async def _wait(tool: AnyTool, arguments: Mapping[str, Any], limit_s: float) -> _Told:
    end: Future[_Told] = Future()
    end.set_running_or_notify_cancel()  # from here on nobody but the thread ends it
    stopping = _Stopping()
    context = contextvars.copy_context()
    work = (tool, arguments, stopping, end)
    try:
        threading.Thread(
            target=context.run, args=(_work, *work), name=f"tool-{tool.name}", daemon=True
        ).start()
    except RuntimeError:  # no thread can be had
        return _Told(f"The tool {tool.name} could not be started: too much is running.", is_error=True)
    waiting = asyncio.wrap_future(end)
    try:
        await asyncio.wait({waiting}, timeout=limit_s)
        if waiting.done():
            return waiting.result()
        return _Told(
            f"The tool {tool.name} was given up after {limit_s:.3g} s.", is_error=True, given_up=True
        )
    finally:
        if not waiting.done():
            stopping.stop()
            waiting.cancel()


class _Stopping:
    """Hands a wish to stop to the loop of a call, from another thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Task[Any]] | None = None
        self._is_wanted = False

    def stop(self) -> None:
        with self._lock:
            self._is_wanted = True
            if self._running is not None:
                loop, task = self._running
                loop.call_soon_threadsafe(task.cancel)

    async def heed(self, answer: Awaitable[Answer]) -> Answer:
        with self._lock:
            if self._is_wanted:
                # What was never begun would be complained about later, when it is thrown away.
                if callable(close := getattr(answer, "close", None)):
                    close()
                raise asyncio.CancelledError
            task = asyncio.ensure_future(answer)
            self._running = (asyncio.get_running_loop(), task)
        try:
            return await task
        finally:
            with self._lock:
                self._running = None


def _work(tool: AnyTool, arguments: Mapping[str, Any], stopping: _Stopping, end: Future[_Told]) -> None:
    try:
        told = _told(tool, arguments, stopping)
    except BaseException as error:  # noqa: BLE001 - a tool's SystemExit, too, is but an answer
        told = _Told(f"The tool {tool.name} failed ({type(error).__name__}).", is_error=True)
    end.set_result(told)


def _told(tool: AnyTool, arguments: Mapping[str, Any], stopping: _Stopping) -> _Told:
    try:
        checked = tool.schema.model_validate(arguments)
    except ValidationError as error:
        return _failed(f"Wrong arguments for {tool.name}: {_wrong(error)}")
    try:
        answer = tool.call(checked)
        if isawaitable(answer):
            answer = asyncio.run(stopping.heed(answer))
    except ToolError as error:
        return _failed(str(error))
    result = ToolText(answer) if isinstance(answer, str) else answer
    text, clipped = clip(result.text, tool.info.max_chars, result.note)
    return _Told(text, clipped=clipped)


def _failed(sentence: str) -> _Told:
    return _Told(clip(sentence, _ERROR_CHARS)[0], is_error=True)


def _wrong(error: ValidationError) -> str:
    """Say what is wrong with arguments, in one sentence."""
    found = error.errors(include_url=False, include_input=False, include_context=False)
    said = [
        f"{'.'.join(str(part) for part in one['loc']) or 'all'}: {one['msg']}"
        for one in found[:_WRONG_ARGUMENTS]
    ]
    more = len(found) - len(said)
    return "; ".join(said) + (f"; and {more} more" if more else "") + "."
