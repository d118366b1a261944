"""Runs coroutines on one event loop, so that a signal cancels them and they can clean up."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from serving.signals import Signals

T = TypeVar("T")


class Runner:
    """An event loop for as long as a command needs one; use it as a context manager."""

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._runner = asyncio.Runner()

    def run(self, work: Callable[[], Awaitable[T]]) -> T:
        """Run `work` to its end; a signal cancels it.

        Raises:
            Interrupted: When a signal came meanwhile, after `work` has cleaned up.
        """
        self._signals.check()
        try:
            result = self._runner.run(self._cancellable(work))
        except asyncio.CancelledError:
            self._signals.check()
            raise
        self._signals.check()
        return result

    async def _cancellable(self, work: Callable[[], Awaitable[T]]) -> T:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        if task is None:
            raise RuntimeError("There is no task to cancel, though a coroutine runs.")
        with self._signals.handled_by(lambda: loop.call_soon_threadsafe(task.cancel)):
            return await work()

    def __enter__(self) -> Self:
        self._runner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After a signal the process ends at once: a thread that is stuck must not keep it.
        if self._signals.received is None:
            self._runner.__exit__(kind, error, trace)
