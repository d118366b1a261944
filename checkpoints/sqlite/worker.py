"""A thread of its own for the database, and telling whoever waits, in a thread or in an event loop."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar
from weakref import WeakSet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

T = TypeVar("T")
J = TypeVar("J")

Group: TypeAlias = list[tuple[J, "Receipt[Any]"]]
"""Jobs that are done together, each with its receipt."""

_MOST_IN_A_GROUP = 512
_PATIENCE_S = 0.001
_STOP: Final = object()


class Receipt(Generic[T]):
    """What becomes of one job; somebody waits for it."""

    __slots__ = ("error", "loop", "result")

    def __init__(self, loop: asyncio.AbstractEventLoop | None) -> None:
        """Note the event loop to be told in; None for an OS thread."""
        self.loop = loop
        self.result: T | None = None
        self.error: BaseException | None = None

    def announce(self) -> None:
        """Wake whoever waits."""
        raise NotImplementedError


class ThreadReceipt(Receipt[T]):
    """For a caller in an OS thread, which it blocks."""

    __slots__ = ("_done",)

    def __init__(self) -> None:
        """Nobody is told in a loop."""
        super().__init__(None)
        self._done: Future[None] = Future()

    def announce(self) -> None:
        """Wake the thread."""
        self._done.set_result(None)

    def wait(self) -> T:
        """Block until the job is done."""
        self._done.result()
        return _outcome(self)


class LoopReceipt(Receipt[T]):
    """For a caller in an event loop, which goes on meanwhile."""

    __slots__ = ("_future", "_is_done")

    def __init__(self) -> None:
        """Be told in the running loop."""
        loop = asyncio.get_running_loop()
        super().__init__(loop)
        self._future: asyncio.Future[None] = loop.create_future()
        self._is_done = False

    def announce(self) -> None:
        """Wake the task; called in its loop."""
        self._is_done = True
        if not self._future.done():
            self._future.set_result(None)

    async def wait(self) -> T:
        """Await the job; when the task is cancelled the job ends first, then the cancellation goes on."""
        cancelled: asyncio.CancelledError | None = None
        while not self._is_done:
            try:
                await self._future
            except asyncio.CancelledError as error:
                cancelled = error
                self._future = asyncio.get_running_loop().create_future()
        if cancelled is not None:
            raise cancelled
        return _outcome(self)


def _outcome(receipt: Receipt[T]) -> T:
    if receipt.error is not None:
        raise receipt.error
    return receipt.result  # type: ignore[return-value]  # set whenever there is no error


class Worker(Generic[J]):
    """One thread that handles whatever has queued up since it last looked, as one group."""

    def __init__(
        self,
        handle: Callable[[Group[J]], None],
        *,
        name: str,
        at_rest: Callable[[], bool] = lambda: False,
        can_wait: Callable[[J], bool] = lambda _: False,
        at_once: Callable[[Group[J]], bool] | None = None,
    ) -> None:
        """Start the thread.

        Args:
            handle: Does the jobs of a group and notes what became of each in its receipt.
            name: Of the thread.
            can_wait: Tells whether a job, all by itself, is worth a moment's wait for others.
            at_rest: Does a little of what can wait when the queue is empty; tells whether more is left.
            at_once: Does the same as `handle` in an event loop, if that takes but a moment and blocks
                nothing; tells whether it did. None when all is for the thread.
        """
        self._handle = handle
        self._at_rest = at_rest
        self._can_wait = can_wait
        self._at_once = at_once
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._queued = 0
        # Jobs from event loops wait here for the others of this round, or for a moment.
        self._parked: Group[J] = []
        self._parked_at = 0.0
        # The event loops that will look after what is parked: at the end of this round, or in a moment. Once
        # for all jobs, as hundreds of timers cost a loop more than the jobs do.
        self._soon: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._later: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._guard = threading.Lock()
        # Whoever handles a group holds it. Nobody who holds the guard waits for it.
        self._hands = threading.Lock()
        self._is_open = True
        # A daemon, since a saver that nobody closed must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: J, receipt: Receipt[Any]) -> bool:
        """Queue a job; False when the worker was closed."""
        loop = receipt.loop
        with self._guard:
            if not self._is_open:
                return False
            can_wait = loop is not None and self._can_wait(job)
            if loop is None or (self._at_once is None and not can_wait):
                self._release()
                self._put([(job, receipt)])
                return True
            if not self._parked:
                self._parked_at = time.monotonic()
            self._parked.append((job, receipt))
            # Noted once it is planned: an interrupt in between costs a plan too many, and not one too few.
            if can_wait and loop not in self._later:
                loop.call_later(_PATIENCE_S, self._end_wait, loop)
                self._later.add(loop)
            elif not can_wait and loop not in self._soon:
                # At the end of this round, together with what other tasks bring until then.
                loop.call_soon(self._end_round, loop)
                self._soon.add(loop)
        return True

    def close(self) -> None:
        """Finish what is queued and end the thread; a second call does nothing."""
        with self._guard:
            if not self._is_open:
                return
            self._is_open = False
            self._release()
            self._queue.put(_STOP)
        self._thread.join()
        with self._hands:
            pass  # an event loop in another thread may be at it

    def _end_wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do what is parked when it has had its moment; called in `loop`."""
        with self._guard:
            left_s = self._parked_at + _PATIENCE_S - time.monotonic() if self._parked else 0.0
            if left_s > 0:
                loop.call_later(left_s, self._end_wait, loop)
                return
            self._later.discard(loop)
        self._end_round(loop)

    def _end_round(self, loop: asyncio.AbstractEventLoop) -> None:
        """Do what is parked, here or in the thread; called in `loop`."""
        with self._guard:
            self._soon.discard(loop)
            if not self._parked:
                return
            # Nothing overtakes what is queued.
            if self._at_once is None or self._queued or not self._hands.acquire(blocking=False):
                self._release()
                return
            group = self._unpark()
        is_done = False
        try:
            is_done = self._at_once(group)
        finally:
            if not is_done:
                with self._guard:
                    self._put(group)
            self._hands.release()
        if is_done:
            announce((one for _, one in group), here=loop)

    def _unpark(self) -> Group[J]:
        group, self._parked = self._parked, []
        return group

    def _release(self) -> None:
        """Queue what is parked, in its order; the guard is held."""
        self._put(self._unpark())

    def _put(self, group: Group[J]) -> None:
        self._queued += len(group)
        for one in group:
            self._queue.put(one)

    def _run(self) -> None:
        go_on = True
        while go_on:
            group = self._next()
            if group and group[-1] is _STOP:
                group.pop()
                go_on = False
            self._do(group)
            # What was read or written must not stay in memory until there is more to do.
            del group

    def _do(self, group: Group[J]) -> None:
        try:
            with self._hands:
                if group:
                    self._handle(group)
        except BaseException as error:  # noqa: BLE001  # goes to those who wait
            for _, receipt in group:
                receipt.error = receipt.error or error
        with self._guard:
            self._queued -= len(group)
        announce(receipt for _, receipt in group)

    def _next(self) -> list[Any]:
        """Wait for a job, and take with it whatever else has queued up."""
        group: list[Any] = []
        while not group:
            if self._take_all(group) or self._rests():
                continue
            group.append(self._queue.get())
            self._take_all(group)
        # Those from event loops have had their wait.
        while group[-1] is not _STOP and all(
            receipt.loop is None and self._can_wait(job) for job, receipt in group
        ):
            try:
                group.append(self._queue.get(timeout=_PATIENCE_S))
            except queue.Empty:
                break
            self._take_all(group)
        return group

    def _rests(self) -> bool:
        with self._hands:
            return self._at_rest()

    def _take_all(self, group: list[Any]) -> bool:
        # Nobody else takes from the queue, so what it holds is there; catching `Empty` would cost more.
        count = min(self._queue.qsize(), _MOST_IN_A_GROUP - len(group))
        group += [self._queue.get_nowait() for _ in range(count)]
        return bool(group)


def announce(receipts: Iterable[Receipt[Any]], here: asyncio.AbstractEventLoop | None = None) -> None:
    """Wake all who wait, each event loop once.

    Args:
        receipts: Theirs.
        here: The event loop that this is called in, if any.
    """
    loops: dict[asyncio.AbstractEventLoop, list[Receipt[Any]]] = {}
    for receipt in receipts:
        if receipt.loop is here or receipt.loop is None:
            receipt.announce()
        else:
            loops.setdefault(receipt.loop, []).append(receipt)
    for loop, waiting in loops.items():
        with suppress(RuntimeError):  # the loop was closed around its tasks
            loop.call_soon_threadsafe(_wake, waiting)


def _wake(receipts: list[Receipt[Any]]) -> None:
    for receipt in receipts:
        receipt.announce()
