"""What a saver writes through, and what stands there when it may not write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from checkpoints.faults import read_only

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from checkpoints.sqlite.jobs import PutWrites
    from checkpoints.sqlite.ledger import Ledger

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Job(Protocol[T_co]):
    """One change, whole or not at all."""

    def apply(self, ledger: Ledger) -> T_co:
        """Write it inside the transaction under way."""
        ...


class Writes(Protocol):
    """Applies jobs, in the order in which they come."""

    def run(self, job: Job[T]) -> T:
        """Apply a job and wait until it is committed; blocks."""
        ...

    def arun(self, job: Job[T]) -> Awaitable[T]:
        """Await what `run` does."""
        ...

    def post(self, job: PutWrites) -> None:
        """Apply a task's writes soon, and before what comes later; called in an event loop."""
        ...

    def is_behind(self, thread: str | None) -> bool:
        """Tell whether something posted is not committed yet, of a thread or, when it is None, of any."""
        ...

    def close(self) -> None:
        """Finish what is queued and close the file."""
        ...


class NoWrites:
    """Stands in for a writer where a file was opened for reading alone."""

    def __init__(self, place: str) -> None:
        """Refuse in the name of `place`."""
        self._place = place

    def run(self, job: Job[T]) -> T:  # noqa: ARG002
        """Refuse."""
        raise read_only(self._place)

    def arun(self, job: Job[T]) -> Awaitable[T]:  # noqa: ARG002
        """Refuse."""
        raise read_only(self._place)

    def post(self, job: PutWrites) -> None:  # noqa: ARG002
        """Refuse."""
        raise read_only(self._place)

    def is_behind(self, thread: str | None) -> bool:  # noqa: ARG002
        """It never is."""
        return False

    def close(self) -> None:
        """Nothing is held."""


class Call:
    """A job that is a function."""

    def __init__(self, work: Callable[[Ledger], Any]) -> None:
        """Do `work`."""
        self.apply = work
