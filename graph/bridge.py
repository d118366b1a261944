"""Walk an async iterator from sync code, on an event loop in a thread of its own."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import aclosing
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


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
        """Run a coroutine to its end."""
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self.loop())
        return future.result()

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


async def _wind_down() -> None:
    """Cancel every other task of this loop and wait for them, and for its threads."""
    loop = asyncio.get_running_loop()
    others = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()


class _End:
    """The async side has finished, perhaps by an error."""

    def __init__(self, task: asyncio.Task[None]) -> None:
        self.error = asyncio.CancelledError() if task.cancelled() else task.exception()


def iterate(thread: LoopThread, start: Callable[[], AsyncGenerator[T, None]]) -> Iterator[T]:
    """Yield what the async generator yields; one task walks it, so context and cancellation hold.

    Leaving early, also by Ctrl-C, cancels the async side and waits until it has cleaned up. When
    the garbage collector closes an abandoned iterator on some other thread, nobody waits.

    Args:
        thread: Gives the event loop.
        start: Makes the async generator.
    """
    parts: SimpleQueue[T | _End] = SimpleQueue()
    tasks: list[asyncio.Task[None]] = []
    loop, owner = thread.loop(), threading.get_ident()

    async def walk() -> None:
        async with aclosing(start()) as items:
            async for item in items:
                parts.put(item)

    def begin() -> None:
        tasks.append(loop.create_task(walk()))
        tasks[0].add_done_callback(lambda task: parts.put(_End(task)))

    def cancel() -> None:
        tasks[0].cancel()

    loop.call_soon_threadsafe(begin)  # in the caller's context, which callbacks and tracing hang on
    part: T | _End | None = None
    try:
        while not isinstance(part := parts.get(), _End):
            yield part
    finally:
        if not isinstance(part, _End) and not loop.is_closed():
            loop.call_soon_threadsafe(cancel)
            while threading.get_ident() == owner and not isinstance(part, _End):
                part = parts.get()
    if part.error is not None:
        raise part.error
