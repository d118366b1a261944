"""An event loop in a thread of its own, for callers that are not async."""

import asyncio
import os
import threading
from collections.abc import Coroutine
from concurrent.futures import CancelledError, Future
from typing import Any, TypeVar

T = TypeVar("T")

_CLEANING_UP_S = 5.0


class LoopThread:
    """An event loop in a daemon thread, started at the first use.

    Nobody has to close it: a program that forgets to still ends. After `close`, or in a forked
    child, the next use starts a new one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._process = 0

    @property
    def is_running(self) -> bool:
        """Whether a loop was started here and not closed."""
        return self._loop is not None and self._process == os.getpid()

    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop, started if need be.

        Raises:
            RuntimeError: When called on that loop's own thread, which would wait for itself.
        """
        with self._lock:
            if self._loop is None or self._process != os.getpid():
                self._loop, self._process = asyncio.new_event_loop(), os.getpid()
                self._thread = threading.Thread(target=self._loop.run_forever, name="duograph", daemon=True)
                self._thread.start()
            if threading.current_thread() is self._thread:
                raise RuntimeError("A sync call was made from inside a node: use the async one there.")
            return self._loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; Ctrl-C cancels it and waits a while until it has cleaned up.

        Raises:
            RuntimeError: When the loop was closed meanwhile, by another thread.
        """
        try:
            loop = self.loop()
        except RuntimeError:
            work.close()
            raise
        ended = threading.Event()
        future: Future[T] | None = None
        try:
            future = asyncio.run_coroutine_threadsafe(_told(work, ended), loop)
            return future.result()
        except CancelledError:
            raise RuntimeError(
                "It was closed while this call ran; a call after that opens it anew."
            ) from None
        except BaseException:
            # Only an exception of the waiting itself, such as Ctrl-C, leaves the work undone.
            if future is not None and not future.done():
                future.cancel()
                ended.wait(_CLEANING_UP_S)
            raise

    def close(self) -> None:
        """Stop the loop; whatever still runs on it is cancelled first."""
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None or self._process != os.getpid():
            return
        asyncio.run_coroutine_threadsafe(_wind_down(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _told(work: Coroutine[Any, Any, T], ended: threading.Event) -> T:
    try:
        return await work
    finally:
        ended.set()


async def _wind_down() -> None:
    """Cancel every other task of this loop and wait for them, and for its threads."""
    loop = asyncio.get_running_loop()
    others = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
