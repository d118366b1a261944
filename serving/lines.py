"""Reads lines from a file descriptor without end, lazily and in a thread that never blocks the exit."""

from __future__ import annotations

import asyncio
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

MAX_LINE = 8_000_000
"""The longest line that is kept, in bytes; a longer one is cut here, and of its rest only the end is kept."""

TAIL = 512
"""How many bytes at its end that are: whoever refuses a message shall find out which one it was."""

_CHUNK = 1 << 16
_AHEAD = 4


async def read_lines(handle: int) -> AsyncIterator[bytes]:
    """Yield the lines of `handle` without their ends, as they come.

    A plain daemon thread reads the bare descriptor: asyncio's pipes take no regular files, its
    worker threads are waited for at exit, and `sys.stdin` would hold a lock there.

    Raises:
        OSError: When reading fails.
    """
    loop = asyncio.get_running_loop()
    queue: asyncio.Queue[bytes | OSError | None] = asyncio.Queue()
    room = threading.Semaphore(_AHEAD)

    def tell(item: bytes | OSError | None) -> None:
        loop.call_soon_threadsafe(queue.put_nowait, item)

    def read() -> None:
        try:
            for line in split_lines(handle):
                room.acquire()
                tell(line)
            tell(None)
        except OSError as error:
            tell(error)
        except RuntimeError:  # the loop is closed: nobody reads on
            return

    threading.Thread(target=read, name="duograph-lines", daemon=True).start()
    while (item := await queue.get()) is not None:
        if isinstance(item, OSError):
            raise item
        room.release()
        yield item


def split_lines(handle: int) -> Iterator[bytes]:
    """Yield the lines of `handle` without their ends; never holds more than one line and a chunk.

    One that is too long has `MAX_LINE` + 1 bytes of its beginning and then `TAIL` of its end.
    """
    kept = bytearray()
    while chunk := os.read(handle, _CHUNK):
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            kept += end
            _cut(kept)
            yield bytes(kept)
            kept.clear()
        kept += rest
        _cut(kept)
    if kept:
        yield bytes(kept)


def _cut(line: bytearray) -> None:
    if len(line) > MAX_LINE + 1 + TAIL:
        del line[MAX_LINE + 1 : -TAIL]
