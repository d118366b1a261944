"""What every saver of ours offers beyond LangGraph's own interface."""

from __future__ import annotations

import random
from abc import abstractmethod
from typing import TYPE_CHECKING

from langgraph.checkpoint.base import BaseCheckpointSaver

if TYPE_CHECKING:
    from collections.abc import Sequence

    from checkpoints.locks import ThreadLocks
    from checkpoints.protocol import StoreSize, ThreadSpan

_STRATEGIES = ("keep_latest", "keep_turns", "delete")
_SAME = {"delete_all": "delete"}  # what LangGraph's server calls it


class SessionSaver(BaseCheckpointSaver[str]):
    """A LangGraph checkpointer with a list of its threads and a lock for each.

    Attributes:
        place: The database as messages name it.
        keep_turns: How many turns stay open to time travel; None for all.
        locks: One turn at a time per thread, for all who use this database.
    """

    place: str
    keep_turns: int | None
    locks: ThreadLocks

    @abstractmethod
    def close(self) -> None:
        """Finish the work under way and close the database; a second call does nothing."""

    @abstractmethod
    def thread_spans(self, limit: int | None = None) -> Sequence[ThreadSpan]:
        """List the threads, the most recently written first.

        Args:
            limit: How many at most; None for all.

        Raises:
            DatabaseError: When the database cannot be read.
        """

    @abstractmethod
    def size(self) -> StoreSize:
        """Count what the database holds of sessions.

        Raises:
            DatabaseError: When the database cannot be read.
        """

    def get_next_version(self, current: str | float | None, channel: None = None) -> str:  # noqa: ARG002
        """Give a version above `current`, in the form that LangGraph's own savers and its server use.

        The fraction is random, so that two branches never give two values one version.
        """
        number = 0 if current is None else int(str(current).partition(".")[0])
        return f"{number + 1:032}.0.{random.getrandbits(53):016}"


def checked_strategy(strategy: str) -> str:
    """Give a strategy of `prune` by the name that we know it by.

    Raises:
        ValueError: When there is none of this name.
    """
    known = _SAME.get(strategy, strategy)
    if known not in _STRATEGIES:
        raise ValueError(
            f"The prune strategy {strategy!r} does not exist: use one of {', '.join(_STRATEGIES)}."
        )
    return known
