"""What one thread is to do, in its order."""

from __future__ import annotations

import queue
from typing import TYPE_CHECKING, Any, Final, Generic, TypeAlias, TypeVar

if TYPE_CHECKING:
    from checkpoints.sqlite.receipts import Receipt

J = TypeVar("J")

Group: TypeAlias = "list[tuple[J, Receipt[Any]]]"
"""Jobs that are done together, each with its receipt."""

_MOST_IN_A_GROUP = 512
_END: Final = object()
_WAKE: Final = object()


class Line(Generic[J]):
    """Jobs that wait for a thread, which alone takes them. Whoever adds jobs holds the worker's guard.

    Attributes:
        jobs: How many wait, or are being done.
    """

    def __init__(self) -> None:
        """Nobody waits yet."""
        self.jobs = 0
        self._queue: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._first: Group[J] = []

    def put(self, group: Group[J]) -> None:
        """Put jobs at the end."""
        self.jobs += len(group)
        for one in group:
            self._queue.put(one)

    def put_first(self, group: Group[J]) -> None:
        """Put jobs before all others; only by whoever handles jobs, and so knows that none was put there."""
        self.jobs += len(group)
        self._first = group
        self.wake()

    def wake(self) -> None:
        """Let the thread look around."""
        self._queue.put(_WAKE)

    def end(self) -> None:
        """Let the thread end once all that waits is done."""
        self._queue.put(_END)

    @property
    def has_first(self) -> bool:
        """Whether some go before all others."""
        return bool(self._first)

    def take_first(self) -> Group[J]:
        """Take those that go before all others; only by whoever handles jobs."""
        group, self._first = self._first, []
        return group

    def take(self, group: Group[J], longest_s: float | None) -> bool:
        """Wait for something to come, and take it with all that came after it; tells whether it came."""
        try:
            one = self._queue.get(timeout=longest_s)
        except queue.Empty:
            return False
        group += [] if one is _WAKE else [one]
        self.take_all(group)
        return True

    def take_all(self, group: Group[J]) -> bool:
        """Take what has come; tells whether anything had."""
        # Nobody else takes from the queue, so what it holds is there; catching `Empty` would cost more.
        count = min(self._queue.qsize(), _MOST_IN_A_GROUP - len(group))
        group += [one for one in (self._queue.get_nowait() for _ in range(count)) if one is not _WAKE]
        return count > 0


def is_end(group: list[Any]) -> bool:
    """Tell whether what was taken last is the line's end."""
    return bool(group) and group[-1] is _END
