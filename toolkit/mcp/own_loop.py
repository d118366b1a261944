"""An event loop in a thread of its own: sessions belong to one loop, and callers come from any."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from toolkit.protocol import ToolError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class OwnLoop:
    """An event loop in a daemon thread, started at the first use; a program that forgets to close it ends."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        self._is_closed = False

    @property
    def is_inherited(self) -> bool:
        """Whether this is a forked child, to which neither the thread nor the sessions belong."""
        return os.getpid() != self._process

    def submit(self, work: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Begin something on the loop; whoever cancels the future cancels that.

        Raises:
            ToolError: When it was closed, or this is a forked child.
        """
        if self.is_inherited:
            raise ToolError("MCP servers that a parent process opened cannot be used: open them anew.")
        with self._lock:
            if self._is_closed:
                raise ToolError("The MCP servers are closed.")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="mcp", daemon=True)
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work(), self._loop)

    def close(self, last: Callable[[], Coroutine[Any, Any, None]], within_s: float) -> None:
        """Do the last thing on the loop, then end all that still runs there, and the loop; safe to repeat."""
        if self.is_inherited:
            return
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
            self._is_closed = True
        if loop is None or thread is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(_wind_down(last, within_s), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _wind_down(last: Callable[[], Coroutine[Any, Any, None]], within_s: float) -> None:
    try:
        async with asyncio.timeout(within_s):
            await last()
    except TimeoutError:
        pass
    finally:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        if others:
            await asyncio.wait(others, timeout=1)
        await asyncio.get_running_loop().shutdown_asyncgens()
