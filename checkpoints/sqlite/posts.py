"""Tasks' writes that nobody awaits: which are not committed yet, and which were lost."""

from __future__ import annotations

import logging
import threading
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from checkpoints.sqlite.receipts import PostReceipt

if TYPE_CHECKING:
    from checkpoints.sqlite.jobs import Put, PutWrites

    Place: TypeAlias = tuple[str, str, str | None]
    """Thread, namespace and checkpoint."""

_LOG = logging.getLogger("duograph")


class Posts:
    """What was posted, and what was lost of it. Safe to use from several OS threads."""

    def __init__(self) -> None:
        """Nothing was posted yet."""
        self._guard = threading.Lock()
        self._open: dict[str, int] = {}
        self._lost: dict[Place, dict[str, Exception]] = {}

    def open(self, thread: str) -> PostReceipt:
        """Note that writes of a thread will be committed soon."""
        with self._guard:
            self._open[thread] = self._open.get(thread, 0) + 1
        return PostReceipt(partial(self._end, thread))

    def are_open(self, thread: str | None) -> bool:
        """Tell whether something of a thread is not committed yet; of any thread when it is None."""
        return bool(self._open) if thread is None else thread in self._open

    def lose(self, job: PutWrites, error: Exception) -> None:
        """Note that a task's writes could not be stored."""
        _LOG.warning("What a task of session %s wrote was not stored: %s", job.thread, error)
        self._lost.setdefault((job.thread, job.ns, job.checkpoint), {})[job.task] = error

    def find(self, job: PutWrites) -> None:
        """Note that a task's writes are stored: the task was run again, say."""
        place = (job.thread, job.ns, job.checkpoint)
        lost = self._lost.get(place, {})
        if job.task in lost:
            del lost[job.task]
            if not lost:
                del self._lost[place]

    def refuse(self, job: Put) -> None:
        """Refuse a checkpoint that follows on writes that were lost: it may be replayed from them.

        Raises:
            Exception: What was wrong.
        """
        for error in self._lost.get((job.thread, job.ns, job.parent), {}).values():
            raise error

    def tell(self, job: Put) -> None:
        """Note that somebody is told that this checkpoint, and what came before it, is not stored."""
        self._lost.pop((job.thread, job.ns, job.parent), None)

    @property
    def has_lost(self) -> bool:
        """Whether something was lost and nobody was told yet."""
        return bool(self._lost)

    def _end(self, thread: str, _: PostReceipt) -> None:
        with self._guard:
            self._open[thread] -= 1
            if not self._open[thread]:
                del self._open[thread]
