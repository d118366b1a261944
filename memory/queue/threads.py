"""An event loop in a thread of its own that nothing can keep alive: neither work that hangs nor a fork."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")

_LEFT_S = 1.0


class DaemonExecutor(ThreadPoolExecutor):
    """Runs each call in a daemon thread of its own.

    Python waits at its end for the threads of every other executor, also for one that hangs, and gives them
    no more work then.
    """

    @override
    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it belongs to who waits for it
                future.set_exception(error)
            else:
                future.set_result(result)

        try:
            threading.Thread(target=run, name="duograph-work", daemon=True).start()
        except RuntimeError:  # some Pythons start no thread once they end
            run()
        return future


def start_loop(main: Callable[[], Coroutine[Any, Any, None]], name: str) -> threading.Thread:
    """Run `main` on a new event loop in a new daemon thread, with no context variable of anybody else.

    What still runs when `main` ends is cancelled, and left behind when it does not heed that.
    """

    def run() -> None:
        loop = asyncio.new_event_loop()
        loop.set_default_executor(DaemonExecutor())
        try:
            loop.run_until_complete(_whole(main))
        finally:
            loop.close()

    # Streams of LangGraph, and its config, travel in context variables: what is asked here is not theirs.
    thread = threading.Thread(target=lambda: contextvars.Context().run(run), name=name, daemon=True)
    thread.start()
    return thread


async def _whole(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await main()
    finally:
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left, timeout=_LEFT_S)
        for task in left:
            if not task.done():
                # Nobody will ever ask for it, which asyncio would report on the host's standard error.
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
