"""The state of the graph: what comes in, what is kept, what goes out."""

from typing import Annotated

from langchain_core.messages import AnyMessage
from typing_extensions import TypedDict

from memory.queue.turns import FinishedTurn
from nodes import (
    Bounds,
    Candidate,
    Context,
    Decision,
    Diagnosis,
    Finding,
    Recalled,
    Recollection,
    Request,
    Result,
    Spending,
    Status,
    StopReason,
    ToolUse,
    Turn,
    TurnLimits,
    Wanted,
    add_messages,
)
from providers import Call
from sandbox import Case, Check, Diagnostic, Evidence, SourceFile

__all__ = ["STATE_TYPES", "Context", "Input", "Output", "State"]

STATE_TYPES = (
    Bounds,
    Call,
    Candidate,
    Case,
    Check,
    Decision,
    Diagnosis,
    Diagnostic,
    Evidence,
    Finding,
    FinishedTurn,
    Recalled,
    Recollection,
    Request,
    Result,
    SourceFile,
    Spending,
    Status,
    StopReason,
    ToolUse,
    TurnLimits,
    Wanted,
)
"""Our own types in the state: the only ones that a checkpointer may rebuild when it reads a session."""


class Input(TypedDict):
    """What a caller sends: the new message. Everything else is chosen through `Context`."""

    messages: Annotated[list[AnyMessage], add_messages]


class Output(TypedDict):
    """What a caller gets: the conversation and the typed result of this turn."""

    messages: Annotated[list[AnyMessage], add_messages]
    result: Result


class State(Turn):
    """All channels; `Turn` says which of them outlive the turn."""
