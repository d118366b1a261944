"""One file per node of the graph, and the vocabulary they share.

The names below are loaded at first use: settings and the command line need no LangGraph.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodes.approve import Approve
    from nodes.cascade import Cascade
    from nodes.classify import MAX_REQUEST_CHARS, Classify, limits_of, problem_with, unmetered
    from nodes.code import Code
    from nodes.consent import Consent
    from nodes.consents import CallAnswer, ConsentAnswer, ConsentQuestion
    from nodes.context import Context, Task
    from nodes.conversation import add_messages
    from nodes.cost import FREE, Cost
    from nodes.decisions import Decision, RoutingLedger, RoutingStats
    from nodes.demonstrate import Demonstrate
    from nodes.ends import REASON_OF, STATUS_OF, Status, StopReason
    from nodes.enrich import Enrich
    from nodes.findings import Finding, Severity, unshown
    from nodes.knowledge import Knowledge
    from nodes.limits import MAX_REPAIRS, WALK, Amounts, Spending, TurnLimits, Walk
    from nodes.opinions import Diagnosis
    from nodes.plans import PlanAnswer, PlanQuestion, ask_about, show_plan
    from nodes.reason import Reason
    from nodes.recall import Recall
    from nodes.recollection import Recalled, Recollection
    from nodes.remembering import Remembering
    from nodes.respond import Respond
    from nodes.result import BOUNDS, Bounds, Candidate, Cycle, Result
    from nodes.review import Review
    from nodes.tool_calls import ToolUse, Wanted
    from nodes.toolbox import Toolbox
    from nodes.tools import Tools
    from nodes.turn import Node, Request, Turn, fresh_turn
    from nodes.verifies import Verifies
    from nodes.verify import Verify

_NAMES = {
    "approve": ("Approve",),
    "classify": (
        "MAX_REQUEST_CHARS",
        "Classify",
        "limits_of",
        "problem_with",
        "unmetered",
    ),
    "cascade": ("Cascade",),
    "code": ("Code",),
    "consent": ("Consent",),
    "consents": ("CallAnswer", "ConsentAnswer", "ConsentQuestion"),
    "context": (
        "Context",
        "Task",
    ),
    "conversation": ("add_messages",),
    "cost": ("FREE", "Cost"),
    "decisions": ("Decision", "RoutingLedger", "RoutingStats"),
    "demonstrate": ("Demonstrate",),
    "enrich": ("Enrich",),
    "ends": (
        "REASON_OF",
        "STATUS_OF",
        "Status",
        "StopReason",
    ),
    "findings": (
        "Finding",
        "Severity",
        "unshown",
    ),
    "knowledge": ("Knowledge",),
    "limits": (
        "MAX_REPAIRS",
        "Amounts",
        "Spending",
        "TurnLimits",
        "WALK",
        "Walk",
    ),
    "opinions": ("Diagnosis",),
    "plans": (
        "PlanAnswer",
        "PlanQuestion",
        "ask_about",
        "show_plan",
    ),
    "reason": ("Reason",),
    "recall": ("Recall",),
    "recollection": ("Recalled", "Recollection"),
    "remembering": ("Remembering",),
    "respond": ("Respond",),
    "result": (
        "BOUNDS",
        "Bounds",
        "Candidate",
        "Cycle",
        "Result",
    ),
    "review": ("Review",),
    "tool_calls": ("ToolUse", "Wanted"),
    "toolbox": ("Toolbox",),
    "tools": ("Tools",),
    "turn": (
        "Node",
        "Request",
        "Turn",
        "fresh_turn",
    ),
    "verifies": ("Verifies",),
    "verify": ("Verify",),
}
_HOME_OF = {name: module for module, names in _NAMES.items() for name in names}

__all__ = [
    "BOUNDS",
    "FREE",
    "MAX_REPAIRS",
    "MAX_REQUEST_CHARS",
    "REASON_OF",
    "STATUS_OF",
    "WALK",
    "Amounts",
    "Approve",
    "Bounds",
    "CallAnswer",
    "Candidate",
    "Cascade",
    "Classify",
    "Code",
    "Consent",
    "ConsentAnswer",
    "ConsentQuestion",
    "Context",
    "Cost",
    "Cycle",
    "Decision",
    "Demonstrate",
    "Diagnosis",
    "Enrich",
    "Finding",
    "Knowledge",
    "Node",
    "PlanAnswer",
    "PlanQuestion",
    "Reason",
    "Recall",
    "Recalled",
    "Recollection",
    "Remembering",
    "Request",
    "Respond",
    "Result",
    "Review",
    "RoutingLedger",
    "RoutingStats",
    "Severity",
    "Spending",
    "Status",
    "StopReason",
    "Task",
    "ToolUse",
    "Toolbox",
    "Tools",
    "Turn",
    "TurnLimits",
    "Verifies",
    "Verify",
    "Walk",
    "Wanted",
    "add_messages",
    "ask_about",
    "fresh_turn",
    "limits_of",
    "problem_with",
    "show_plan",
    "unmetered",
    "unshown",
]


def __getattr__(name: str) -> object:
    """Import what is asked for (PEP 562)."""
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"nodes.{_HOME_OF[name]}"), name)
