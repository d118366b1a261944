"""One file per node of the graph, and the vocabulary they share.

The names below are loaded at first use: settings and the command line need no LangGraph.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from nodes.classify import MAX_REQUEST_CHARS, Classify, problem_with
    from nodes.code import Code
    from nodes.reason import Reason
    from nodes.respond import Respond
    from nodes.review import Review
    from nodes.turn import (
        STATUS_OF,
        Candidate,
        Context,
        Node,
        Request,
        Result,
        Status,
        StopReason,
        Task,
        Turn,
        fresh_turn,
    )
    from nodes.verify import Verifies, Verify

MAX_REPAIRS: Final = 10
"""The largest number of repairs a caller may ask for; it bounds every turn."""

_NAMES = {
    "classify": ("MAX_REQUEST_CHARS", "Classify", "problem_with"),
    "code": ("Code",),
    "reason": ("Reason",),
    "respond": ("Respond",),
    "review": ("Review",),
    "turn": (
        "STATUS_OF",
        "Candidate",
        "Context",
        "Node",
        "Request",
        "Result",
        "Status",
        "StopReason",
        "Task",
        "Turn",
        "fresh_turn",
    ),
    "verify": ("Verifies", "Verify"),
}
_HOME_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "MAX_REPAIRS",
    "MAX_REQUEST_CHARS",
    "STATUS_OF",
    "Candidate",
    "Classify",
    "Code",
    "Context",
    "Node",
    "Reason",
    "Request",
    "Respond",
    "Result",
    "Review",
    "Status",
    "StopReason",
    "Task",
    "Turn",
    "Verifies",
    "Verify",
    "fresh_turn",
    "problem_with",
]


def __getattr__(name: str) -> object:
    """Import what is asked for (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"nodes.{_HOME_OF[name]}"), name)
