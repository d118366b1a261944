"""MCP over standard streams: a message a line, bounded, and nothing else on standard output.

The SDK's own transport reads lines of any length in a thread that cannot be stopped, and writes where any
`print` of a library could get in between.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import threading
from contextlib import suppress
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import anyio
from mcp import types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

from serving.lines import MAX_LINE, TAIL, read_lines

if TYPE_CHECKING:
    from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
    from mcp.server.lowlevel import Server

# The number of a call that is too long to be read: a field of the message itself, and of nothing inside it.
_FIRST: Final = re.compile(
    rb'\s*\{\s*(?:"jsonrpc"\s*:\s*"2\.0"\s*,\s*|"method"\s*:\s*"[^"\\]*"\s*,\s*)*'
    rb'"id"\s*:\s*(-?\d{1,18}|"[^"\\]{1,100}")\s*,'
)
_LAST: Final = re.compile(
    rb'[}\]",]\s*"id"\s*:\s*(-?\d{1,18}|"[^"\\]{1,100}")\s*(?:,\s*"jsonrpc"\s*:\s*"2\.0"\s*)?\}\s*$'
)

_LAST_WORDS_S: Final = 2.0
"""Seconds for a client that has closed its side to read what is still being written."""


def take_streams() -> tuple[int, int]:
    """Give the two descriptors to speak on; what prints from now on goes to standard error.

    Processes that are started read nothing then, and write to standard error, too.
    """
    ours = os.dup(0), os.dup(1)
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)
    os.dup2(2, 1)
    return ours


class LineWriter:
    """Writes lines in a thread that nobody waits for: a reader that pauses holds up nothing but them."""

    def __init__(self, handle: int) -> None:
        """Write to `handle`, which stays open."""
        self._handle = handle
        self._lines: SimpleQueue[tuple[bytes, asyncio.Future[None]]] = SimpleQueue()
        threading.Thread(target=self._work, name="duograph-mcp-out", daemon=True).start()

    async def write(self, line: bytes) -> None:
        """Write a line and wait until it is out.

        Raises:
            OSError: When nobody reads any more.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._lines.put((line + b"\n", done))
        await done

    def _work(self) -> None:
        while True:
            line, done = self._lines.get()
            error: OSError | None = None
            try:
                left = memoryview(line)
                while left:
                    left = left[os.write(self._handle, left) :]
            except OSError as problem:
                error = problem
            with suppress(RuntimeError):  # the loop is closed: nobody waits
                done.get_loop().call_soon_threadsafe(_settle, done, error)
            if error is not None:
                return


def _settle(done: asyncio.Future[None], error: OSError | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(None)
    else:
        done.set_exception(error)


async def serve_stdio(server: Server[Any, Any], streams: tuple[int, int], stop: asyncio.Event) -> None:
    """Serve one client until it closes its side, nobody reads any more, or `stop` is set.

    What is at work then is cancelled, and has cleaned up when this returns.

    Args:
        server: Answers.
        streams: The descriptors to read from and to write to.
        stop: Ends it.

    Raises:
        OSError: When reading fails.
    """
    arriving, inbox = anyio.create_memory_object_stream[SessionMessage | Exception](0)
    outbox, leaving = anyio.create_memory_object_stream[SessionMessage](0)
    writer = LineWriter(streams[1])
    reading = asyncio.create_task(_read(streams[0], arriving, writer))
    writing = asyncio.create_task(_write(leaving, writer))
    stopping = asyncio.create_task(stop.wait())
    serving = asyncio.create_task(server.run(inbox, outbox, server.create_initialization_options()))
    tasks = (reading, writing, stopping, serving)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        reading.cancel()
        stopping.cancel()
        arriving.close()  # for the server, as if the client had left
        await asyncio.wait([serving])
        await asyncio.wait([writing], timeout=_LAST_WORDS_S)
        writing.cancel()
        await asyncio.wait(tasks)
        leaving.close()
    for task in (reading, serving):
        if not task.cancelled() and (error := task.exception()):
            raise error


async def _read(
    handle: int, arriving: MemoryObjectSendStream[SessionMessage | Exception], writer: LineWriter
) -> None:
    """Pass messages on; what is none is answered here."""
    async for line in read_lines(handle):
        if not line.strip():
            continue
        if (message := _message(line)) is not None:
            await arriving.send(SessionMessage(message))
            continue
        with suppress(OSError):
            await writer.write(_refusal(line))


async def _write(leaving: MemoryObjectReceiveStream[SessionMessage], writer: LineWriter) -> None:
    """Write what the server has to say, until it has no more to say or nobody reads."""
    with suppress(OSError):
        async for message in leaving:
            await writer.write(message.message.model_dump_json(by_alias=True, exclude_none=True).encode())


def _message(line: bytes) -> types.JSONRPCMessage | None:
    """A message; None when it is none, or too long."""
    if len(line) > MAX_LINE:
        return None
    with suppress(ValidationError):
        return types.JSONRPCMessage.model_validate_json(line)
    # Half a character, at which clients cut texts, is no reason to leave a call without an answer.
    with suppress(ValueError, RecursionError):
        whole = json.dumps(json.loads(line), ensure_ascii=False).encode(errors="replace")
        return types.JSONRPCMessage.model_validate_json(whole)
    return None


def _refusal(line: bytes) -> bytes:
    """What JSON-RPC answers to a line that is no message, by its number where that can be known."""
    code, what, number = types.INVALID_REQUEST, "", None
    if len(line) > MAX_LINE:
        what = f"The line has more than {MAX_LINE:,} bytes: send less at once."
        number = _number_in(line)
    else:
        what = "The line is not a JSON-RPC 2.0 message: send one object a line."
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            code, what = types.PARSE_ERROR, "The line is not JSON in UTF-8: send one JSON object a line."
        else:
            asked = found.get("id") if isinstance(found, dict) and "method" in found else None
            number = asked if isinstance(asked, int | str) and not isinstance(asked, bool) else None
    answer = {"jsonrpc": "2.0", "id": number, "error": {"code": code, "message": what}}
    return json.dumps(answer).encode()


def _number_in(line: bytes) -> int | str | None:
    """The number of a call of which only the beginning and the end are here."""
    head, tail = line[:TAIL], line[-TAIL:]
    found = _FIRST.match(head) or _LAST.search(tail)
    if found is None or b'"method"' not in head + tail:
        return None
    with suppress(ValueError):  # a text that is no UTF-8
        number: int | str = json.loads(found[1])
        return number
    return None
