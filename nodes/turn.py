"""The vocabulary of one turn: what nodes read and write."""

import operator
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from langchain_core.messages import AnyMessage
from langgraph.managed import RemainingSteps
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from memory.queue.turns import FinishedTurn
from nodes.context import Route, Task
from nodes.conversation import add_messages
from nodes.decisions import Decision
from nodes.ends import StopReason
from nodes.findings import Finding
from nodes.limits import Spending, TurnLimits
from nodes.opinions import Diagnosis
from nodes.recollection import Recollection
from nodes.result import Candidate, Result
from nodes.tool_calls import Stop, ToolUse, Wanted
from providers.protocol import Call
from sandbox.evidence import Evidence, SourceFile

Verdict = Literal["pass", "repair", "stop"]


class Request(BaseModel):
    """One turn's request with everything the caller chose; `classify` writes it, the rest read it.

    Attributes:
        text: What the user wrote.
        tests: The user's tests, or nothing.
        examples: Tests that stand in the text; they are the user's too.
        types: Whether the type checker must pass.
        task: As given or as decided.
        route: What `task` means for the path through the graph.
        limits: What the turn may use.
        reasoning_model: A chain that replaces the configured one for this turn.
        coding_model: The same for the coder.
        base: The files that new code starts from: those given, or those of the turn before.
        attached: The code that the request is about: what a review reviews.
        diff: A diff that came with it, already put onto `attached` where it fits.
        unrunnable: Why what came with it cannot be run, or nothing.
        user: Whose memory is read and written; empty for the one that is configured.
        archives: The archives that the caller chose to recall from; none means as configured.
        memory: Whether the turn recalls and is learned from.
        decision: How `task` was decided.
        tools: The tools that the caller chose; None for all that are offered.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    tests: str = ""
    examples: str = ""
    types: bool = False
    task: Task = "general"
    route: Route = "answer"
    limits: TurnLimits = TurnLimits()
    reasoning_model: str | None = None
    coding_model: str | None = None
    base: list[SourceFile] = Field(default_factory=list)
    attached: list[SourceFile] = Field(default_factory=list)
    diff: str = ""
    unrunnable: str = ""
    user: str = ""
    archives: list[str] = Field(default_factory=list)
    memory: bool = True
    decision: Decision = Decision()
    tools: list[str] | None = None


class Turn(TypedDict, total=False):
    """The channels that nodes read and write.

    `messages`, `result`, `solution` (the files of the last turn that had any), `learned` (the last answer
    that `enrich` saw), `decided` (what requests were taken for) and `allowed_tools` (what a person allowed
    for the session) outlive the turn; all others are scratch.
    """

    remaining_steps: RemainingSteps
    messages: Annotated[list[AnyMessage], add_messages]
    result: Result | None
    solution: list[SourceFile]
    learned: str
    decided: Annotated[list[str], operator.add]
    allowed_tools: list[str]
    request: Request | None
    recalled: list[Recollection]
    unrecalled: str
    dropped: str
    owed: list[FinishedTurn]
    plan: str
    acceptance: str
    files: list[SourceFile]
    evidence: Evidence | None
    misses: dict[str, dict[str, str]]
    best: Candidate | None
    verdict: Verdict | None
    diagnosis: Diagnosis | None
    doubt: str
    remark: str
    findings: list[Finding]
    tool_rounds: int
    exchange: list[AnyMessage]
    wanted: list[Wanted]
    tool_uses: list[ToolUse]
    tool_stop: Stop
    toolless: str
    missing_tools: list[str]
    approvals: int
    asked_at: float
    repairs: int
    tried: list[str]
    last_failure: str
    escalation: int
    spending: Spending | None
    calls: list[Call]
    answer: str
    stop_reason: StopReason | None
    notes: list[str]


def fresh_turn() -> Turn:
    """What every scratch channel is set to when a turn starts.

    LangGraph keeps the last value of a channel across turns, so a counter that is not
    reset here would carry over from one turn to the next.
    """
    return Turn(
        result=None,
        request=None,
        recalled=[],
        unrecalled="",
        dropped="",
        owed=[],
        plan="",
        acceptance="",
        files=[],
        evidence=None,
        misses={},
        best=None,
        verdict=None,
        diagnosis=None,
        doubt="",
        remark="",
        findings=[],
        tool_rounds=0,
        exchange=[],
        wanted=[],
        tool_uses=[],
        tool_stop="",
        toolless="",
        missing_tools=[],
        approvals=0,
        asked_at=0.0,
        repairs=0,
        tried=[],
        last_failure="",
        escalation=0,
        spending=None,
        calls=[],
        answer="",
        stop_reason=None,
        notes=[],
    )


Node = Callable[..., Awaitable[Turn]]
"""A step of the graph: takes the turn so far, and `runtime` or `config` if it names them."""


def request_of(state: Turn) -> Request:
    """The request of this turn.

    Raises:
        RuntimeError: When `classify` has not run, which means that the graph is wired wrongly.
    """
    request = state.get("request")
    if request is None:
        raise RuntimeError("The turn has no request: every path through the graph must start with classify.")
    return request


def spending_of(state: Turn) -> Spending:
    """What this turn has used besides its calls.

    Raises:
        RuntimeError: When `classify` has not run.
    """
    spending = state.get("spending")
    if spending is None:
        raise RuntimeError("The turn has no account: every path through the graph must start with classify.")
    return spending
