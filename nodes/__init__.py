"""One file per node of the graph, and the vocabulary they share."""

from nodes.classify import MAX_REQUEST_CHARS, Classify, problem_with
from nodes.code import Code
from nodes.reason import Reason
from nodes.respond import Respond
from nodes.review import Review
from nodes.turn import (
    MAX_REPAIRS,
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
