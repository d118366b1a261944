"""A thread of its own for the database, and what an event loop may do in its place."""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from weakref import WeakSet

from checkpoints.sqlite.line import Line, is_end
from checkpoints.sqlite.receipts import PostReceipt, Receipt, ThreadReceipt, announce

if TYPE_CHECKING:
    from collections.abc import Callable

    from checkpoints.sqlite.line import Group

J = TypeVar("J")

_MOST_AT_ONCE = 128
"""Jobs that an event loop does in one go, before it looks after other things."""
_PATIENCE_S = 0.001
_WATCH_S = 0.05
"""How long an event loop may leave a job that nobody awaits; then it is busy, or at its end."""
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
        self._line: Line[J] = Line()
        # Jobs from event loops wait here for the others of this round, or for a moment.
        self._parked: Group[J] = []
        self._parked_at = 0.0
        # The event loops that will look after what is parked: at the end of this round, or in a moment. Once
        # for all jobs, as hundreds of timers cost a loop more than the jobs do.
        self._soon: set[asyncio.AbstractEventLoop] = set()
        self._later: set[asyncio.AbstractEventLoop] = set()
        # The event loops that wait for whoever has the hands.
        self._behind: set[asyncio.AbstractEventLoop] = set()
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
                self._line.put([(job, receipt)])
                return True
            if not self._parked:
                self._parked_at = time.monotonic()
            self._parked.append((job, receipt))
            # Noted once it is planned: an interrupt in between costs a plan too many, and not one too few.
            if can_wait:
                self._have_watched()
            if can_wait and loop not in self._later:
                loop.call_later(_PATIENCE_S, self._end_wait, loop)
                _add(self._later, loop)
            elif not can_wait and loop not in self._soon:
                # At the end of this round, together with what other tasks bring until then.
                loop.call_soon(self._end_round, loop)
                _add(self._soon, loop)
            is_due = len(self._parked) >= _MOST_AT_ONCE and loop not in self._behind
        if is_due:
            self._end_round(loop)
        return True

    def rest(self) -> None:
        """Let the thread do what can wait, as soon as it may."""
        self._line.wake()

    def close(self) -> None:
        """Finish what is queued and end the thread; a second call does nothing."""
        with self._guard:
            if not self._is_open:
                return
            self._is_open = False
            self._release()
            self._line.end()
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
        # An event loop in another thread may be at it, and may leave it to ours.
        if self._hands.acquire(timeout=longest_s):
            self._let_go()
        while self._line.jobs and time.monotonic() < deadline:
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
                if work is None:
                    self._release()
                    return
                # Nothing overtakes what is queued.
                is_held = not self._line.jobs and self._hands.acquire(blocking=False)
                if not is_held:
                    self._have_watched()
                    _add(self._behind, loop)
                    return
                group = self._unpark(_MOST_AT_ONCE)
                if self._parked and loop not in self._soon:
                    loop.call_soon(self._end_round, loop)
                    _add(self._soon, loop)
            is_done = work(group)
        finally:
            if is_held:
                try:
                    if not is_done:
                        self._hand_over(group)
                finally:
                    self._let_go()
        if is_done:
            announce((one for _, one in group), here=loop)

    def _hand_over(self, group: Group[J]) -> None:
        """Leave to the thread what could not be done here, before what was queued meanwhile."""
        with self._guard:
            # With what is parked, unless something was queued before that.
            self._line.put_first(group if self._line.jobs else group + self._unpark())

    def _let_go(self) -> None:
        """Give up the hands, and tell the event loops that wait for them."""
        with self._guard:
            self._hands.release()
            loops, self._behind = self._behind, set()
            if loops:
                self._parked_at = time.monotonic()  # they have their time anew
        for loop in loops:
            with suppress(RuntimeError):  # it was closed; the thread looks after what it left
                loop.call_soon_threadsafe(self._end_round, loop)

    def _have_watched(self) -> None:
        if not self._is_watched:
            self._line.wake()
            self._is_watched = True

    def _unpark(self, most: int | None = None) -> Group[J]:
        group, self._parked = self._parked[:most], self._parked[most:] if most else []
        return group

    def _release(self) -> None:
        """Queue what is parked, in its order; the guard is held."""
        self._line.put(self._unpark())

    def _run(self) -> None:
        go_on = True
        while go_on:
            group = self._next()
            if is_end(group):
                group.pop()
                go_on = False
            self._do(group)
            # What was read or written must not stay in memory until there is more to do.
            del group

    def _do(self, group: Group[J]) -> None:
        self._hands.acquire()
        try:
            group[:0] = self._line.take_first()
            if group:
                self._handle(group)
        except BaseException as error:  # noqa: BLE001  # goes to those who wait
            for _, receipt in group:
                receipt.error = receipt.error or error
        with self._guard:
            self._line.jobs -= len(group)
        self._let_go()
        announce(receipt for _, receipt in group)

    def _next(self) -> Group[J]:
        """Wait for a job, and take with it whatever else has queued up."""
        group: Group[J] = []
        while not (group or self._line.has_first):
            if self._line.take_all(group) or self._rests():
                continue
            with self._guard:
                longest_s = _WATCH_S if self._is_watched else None
            if not self._line.take(group, longest_s):
                self._watch()
        # Those from event loops have had their wait.
        while (
            group
            and not is_end(group)
            and all(isinstance(receipt, ThreadReceipt) and self._can_wait(job) for job, receipt in group)
        ):
            if not self._line.take(group, _PATIENCE_S):
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
        self._hands.acquire()
        try:
            return self._at_rest()
        finally:
            self._let_go()


def _add(loops: set[asyncio.AbstractEventLoop], loop: asyncio.AbstractEventLoop) -> None:
    """Note a loop; those that stand still are forgotten, as one that goes on is planned for once more."""
    if loops:
        loops.difference_update([one for one in loops if not one.is_running()])
    loops.add(loop)


@atexit.register
def _finish_all() -> None:
    for worker in list(_open):
        worker.finish(_LAST_S)
