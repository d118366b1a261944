"""A thread of its own for the database, and what an event loop may do in its place."""

from __future__ import annotations

import asyncio
import atexit
import os
import queue
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar
from weakref import WeakSet

from checkpoints.sqlite.receipts import PostReceipt, Receipt, ThreadReceipt, announce

if TYPE_CHECKING:
    from collections.abc import Callable

J = TypeVar("J")

Group: TypeAlias = list[tuple[J, Receipt[Any]]]
"""Jobs that are done together, each with its receipt."""

_MOST_IN_A_GROUP = 512
_PATIENCE_S = 0.001
_WATCH_S = 0.02
"""How long an event loop may leave a job that nobody awaits; then it is busy, or at its end."""
_STOP: Final = object()
_WAKE: Final = object()
_LAST_S = 5.0
"""For what is queued when a program ends without closing its savers."""
_open: WeakSet[Worker[Any]] = WeakSet()


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
            can_wait: Tells whether a thread's job, all by itself, is worth a moment's wait for others.
            at_rest: Does a little of what can wait when the queue is empty; tells whether more is left.
            at_once: Does the same as `handle` in an event loop, if that takes but a moment and blocks
                nothing; tells whether it did. None when all is for the thread.
        """
        self._handle = handle
        self._at_rest = at_rest
        self._can_wait = can_wait
        self._at_once = at_once
        self._process = os.getpid()
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        # What an event loop could not do itself: before all that is queued. Whoever has the hands changes it.
        self._first: Group[J] = []
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
        # Whether the thread looks after what is parked as well: a loop may be busy for long, or end.
        self._is_watched = False
        # A daemon, since a saver that nobody closed must not keep the program from ending.
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()
        _open.add(self)

    def submit(self, job: J, receipt: Receipt[Any], loop: asyncio.AbstractEventLoop | None) -> bool:
        """Queue a job.

        Args:
            job: What to do.
            receipt: What becomes of it.
            loop: The event loop that runs here; None for an OS thread.

        Returns:
            False when the worker was closed.
        """
        can_wait = isinstance(receipt, PostReceipt)
        with self._guard:
            if not self._is_open:
                return False
            if loop is None or (self._at_once is None and not can_wait):
                self._release()
                self._put([(job, receipt)])
                return True
            if not self._parked:
                self._parked_at = time.monotonic()
            self._parked.append((job, receipt))
            # Noted once it is planned: an interrupt in between costs a plan too many, and not one too few.
            if can_wait and not self._is_watched:
                self._queue.put(_WAKE)
                self._is_watched = True
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

    def finish(self, longest_s: float) -> None:
        """Do what is parked and queued, as the program ends and nobody closed this."""
        if not self._is_open or self._process != os.getpid():
            return  # a fork has no such thread
        with self._guard:
            self._release()
        deadline = time.monotonic() + longest_s
        while self._queued and time.monotonic() < deadline:
            time.sleep(_PATIENCE_S)

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
        work = self._at_once
        group: Group[J] = []
        is_held = is_done = False
        try:
            with self._guard:
                self._soon.discard(loop)
                if not self._parked:
                    return
                # Nothing overtakes what is queued.
                if work is not None and not self._queued:
                    is_held = self._hands.acquire(blocking=False)
                if work is None or not is_held:
                    self._release()
                    return
                group = self._unpark()
            is_done = work(group)
        finally:
            if is_held:
                if not is_done:
                    self._hand_over(group)
                self._hands.release()
        if is_done:
            announce((one for _, one in group), here=loop)

    def _hand_over(self, group: Group[J]) -> None:
        """Leave to the thread what could not be done here, before what was queued meanwhile."""
        with self._guard:
            self._first = group
            self._queued += len(group)
            self._queue.put(_WAKE)

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
                group[:0], self._first = self._first, []
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
        while not (group or self._first):
            if self._take_all(group) or self._rests():
                continue
            with self._guard:
                longest_s = _WATCH_S if self._is_watched else None
            if not self._take(group, longest_s):
                self._watch()
        # Those from event loops have had their wait.
        while (
            group
            and group[-1] is not _STOP
            and all(isinstance(receipt, ThreadReceipt) and self._can_wait(job) for job, receipt in group)
        ):
            if not self._take(group, _PATIENCE_S):
                break
        return group

    def _watch(self) -> None:
        """Take over what an event loop has parked and not come back for."""
        with self._guard:
            if not self._parked:
                self._is_watched = False
            elif time.monotonic() - self._parked_at >= _WATCH_S:
                self._release()

    def _rests(self) -> bool:
        with self._hands:
            return self._at_rest()

    def _take(self, group: list[Any], longest_s: float | None) -> bool:
        """Wait for something to come, and take it; tells whether it came."""
        try:
            one = self._queue.get(timeout=longest_s)
        except queue.Empty:
            return False
        group += [] if one is _WAKE else [one]
        self._take_all(group)
        return True

    def _take_all(self, group: list[Any]) -> bool:
        # Nobody else takes from the queue, so what it holds is there; catching `Empty` would cost more.
        count = min(self._queue.qsize(), _MOST_IN_A_GROUP - len(group))
        group += [one for one in (self._queue.get_nowait() for _ in range(count)) if one is not _WAKE]
        return count > 0


@atexit.register
def _finish_all() -> None:
    for worker in list(_open):
        worker.finish(_LAST_S)
