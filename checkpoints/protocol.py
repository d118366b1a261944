"""The protocol of this room: what a saver offers beyond LangGraph's own interface, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import CheckpointTuple

    from checkpoints.outline import Outline


class DatabaseError(RuntimeError):
    """The session database cannot be used; one sentence names the file and the fix."""


class ThreadBusyError(RuntimeError):
    """Another turn held the thread for longer than the caller was ready to wait."""


class DamagedCheckpointError(DatabaseError):
    """One checkpoint cannot be decoded; the others can still be read."""


class UnknownThreadError(LookupError):
    """No session has this id, or a prefix fits more than one."""


class SessionFileError(ValueError):
    """A file is no exported session, or is damaged; nothing was stored."""


@dataclass(frozen=True, slots=True)
class ThreadSpan:
    """The ends of one thread.

    Attributes:
        thread_id: The thread.
        first: Id of the oldest checkpoint that it ever had in the root namespace; it may be pruned.
        last: Id of its newest checkpoint in the root namespace.
        outline: What the list shows of it, when the store keeps that; else it is read out of `last`.
    """

    thread_id: str
    first: str
    last: str
    outline: Outline | None = None


@dataclass(frozen=True, slots=True)
class StoreSize:
    """How much a store holds.

    Attributes:
        checkpoints: Steps that are kept, of all threads and subgraphs.
        used_bytes: What its tables take, free places in them included.
        free_bytes: What of that is free for what comes; None where nobody knows, as on a server.
    """

    checkpoints: int
    used_bytes: int
    free_bytes: int | None


class SessionStore(Protocol):
    """What `Sessions` needs of a saver; any checkpointer with these methods will do."""

    def thread_spans(self, limit: int | None = None) -> Sequence[ThreadSpan]:
        """List the threads, the most recently written first.

        Args:
            limit: How many at most; None for all.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        ...

    def size(self) -> StoreSize:
        """Count what the store holds.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        ...

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give one checkpoint, as LangGraph's savers do."""
        ...
