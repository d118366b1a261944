"""Sessions: the saver that keeps them, the locks that keep their turns apart, and their list."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from checkpoints.ids import ThreadIdError, check_thread_id, new_thread_id
from checkpoints.locks import ThreadLocks
from checkpoints.protocol import (
    DatabaseError,
    SessionFileError,
    SessionStore,
    ThreadBusyError,
    ThreadSpan,
    UnknownThreadError,
)

if TYPE_CHECKING:
    from checkpoints.history import Moment, fork, moments
    from checkpoints.saver import SaverContext, SessionSaver, open_saver
    from checkpoints.sessions import Session, SessionMessage, Sessions, SessionStats, SessionSummary
    from checkpoints.transfer import SessionFile, export_session, import_session

__all__ = [
    "DatabaseError",
    "Moment",
    "SaverContext",
    "Session",
    "SessionFile",
    "SessionFileError",
    "SessionMessage",
    "SessionSaver",
    "SessionStats",
    "SessionStore",
    "SessionSummary",
    "Sessions",
    "ThreadBusyError",
    "ThreadIdError",
    "ThreadLocks",
    "ThreadSpan",
    "UnknownThreadError",
    "check_thread_id",
    "export_session",
    "fork",
    "import_session",
    "moments",
    "new_thread_id",
    "open_saver",
]

# LangGraph's savers and pydantic take half a second to import, and most commands need no session.
_LAZY = {
    "Moment": "checkpoints.history",
    "fork": "checkpoints.history",
    "moments": "checkpoints.history",
    "SessionFile": "checkpoints.transfer",
    "export_session": "checkpoints.transfer",
    "import_session": "checkpoints.transfer",
    "SaverContext": "checkpoints.saver",
    "SessionSaver": "checkpoints.saver",
    "open_saver": "checkpoints.saver",
    "Session": "checkpoints.sessions",
    "SessionStats": "checkpoints.sessions",
    "SessionMessage": "checkpoints.sessions",
    "SessionSummary": "checkpoints.sessions",
    "Sessions": "checkpoints.sessions",
}


def __getattr__(name: str) -> object:
    """Import what is heavy when it is first asked for (PEP 562)."""
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
