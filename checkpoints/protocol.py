"""The protocol of this room: what a saver offers beyond LangGraph's own interface, and how it fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import CheckpointTuple


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
        first: Id of its oldest checkpoint in the root namespace.
        last: Id of its newest checkpoint in the root namespace.
    """

    thread_id: str
    first: str
    last: str


class SessionStore(Protocol):
    """What `Sessions` needs of a saver; any checkpointer with `thread_spans` will do."""

    def thread_spans(self, limit: int | None = None) -> Sequence[ThreadSpan]:
        """List the threads, the most recently written first.

        Args:
            limit: How many at most; None for all.

        Raises:
            DatabaseError: When the database cannot be read.
        """
        ...

    def get_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Give one checkpoint, as LangGraph's savers do."""
        ...
