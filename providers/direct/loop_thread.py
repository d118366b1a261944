"""An event loop in a thread of its own, for callers that are not async."""

import asyncio
import os
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future, wait
from typing import Any, TypeVar

T = TypeVar("T")

_CLEANING_UP_S = 5.0
_LOOK_S = 0.5


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
            return self._started()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; Ctrl-C cancels it and waits a while until it has cleaned up.

        Raises:
            RuntimeError: When called on that loop's own thread, or when `close` ended the work.
        """
        ended = threading.Event()
        try:
            # Under the lock, so that `close` sees the work and ends it, and nobody waits for ever.
            with self._lock:
                loop = self._started()
                future: Future[T] = asyncio.run_coroutine_threadsafe(_told(work, ended), loop)
        except BaseException:
            work.close()
            raise
        try:
            while True:
                # A signal that comes just before a wait does not end it, so none is without end.
                wait([future], timeout=_LOOK_S)
                if future.done():
                    return future.result()
        except CancelledError:
            raise RuntimeError("It was closed while this call ran; the call came to nothing.") from None
        except BaseException:
            # Only an exception of the waiting itself, such as Ctrl-C, leaves the work undone.
            if not future.done():
                future.cancel()
                ended.wait(_CLEANING_UP_S)
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._process != os.getpid():
            self._loop, self._process = asyncio.new_event_loop(), os.getpid()
            self._thread = threading.Thread(target=self._loop.run_forever, name="duograph", daemon=True)
            self._thread.start()
        if threading.current_thread() is self._thread:
            raise RuntimeError("A sync call was made from inside a node: use the async one there.")
        return self._loop

    def close(self, last: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """Stop the loop; whatever still runs on it is cancelled first.

        Args:
            last: Work that is done on the loop when nothing else runs there any more, in any case.

        Raises:
            RuntimeError: When called on that loop's own thread, which would wait for itself.
        """
        with self._lock:
            if last is not None or threading.current_thread() is self._thread:
                self._started()
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
        if loop is None or thread is None or self._process != os.getpid():
            return
        try:
            asyncio.run_coroutine_threadsafe(_wind_down(last), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def _told(work: Coroutine[Any, Any, T], ended: threading.Event) -> T:
    try:
        return await work
    finally:
        ended.set()


async def _wind_down(last: Callable[[], Coroutine[Any, Any, None]] | None) -> None:
    """Cancel every other task of this loop and wait for them, and for its threads."""
    loop = asyncio.get_running_loop()
    others = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    if last is not None:
        await last()
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
