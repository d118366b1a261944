"""The vocabulary of one turn: what nodes read and write, and what the caller gets back."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Any, Literal

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypedDict

from nodes import MAX_REPAIRS
from providers.protocol import Call
from sandbox.evidence import Evidence, SourceFile

Task = Literal["planning", "code_generation", "code_review", "problem_solving", "explanation", "general"]
Route = Literal["code", "answer"]
Verdict = Literal["pass", "repair", "stop"]


class Status(StrEnum):
    """How a turn ended, as far as a caller must act on it."""

    DONE = "done"
    """Answered; code, if asked for, is verified."""
    NOT_VERIFIED = "not_verified"
    """Code was asked for and what there is could not be proved."""
    DECLINED = "declined"
    """The model said that it cannot do this."""
    LIMIT = "limit"
    """A limit struck before the turn could finish."""
    FAILED = "failed"
    """Every model of a role failed."""
    REJECTED = "rejected"
    """The request could not be accepted; nothing ran."""


class StopReason(StrEnum):
    """Why a turn ended. Every way to stop is one of these."""

    COMPLETED = "completed"
    DECLINED = "declined"
    INVALID_REQUEST = "invalid_request"
    REPAIRS_EXHAUSTED = "repairs_exhausted"
    NO_PROGRESS = "no_progress"
    NOT_EXECUTED = "not_executed"
    MODELS_FAILED = "models_failed"
    SUPERSTEP_LIMIT = "superstep_limit"


STATUS_OF: Mapping[StopReason, Status] = {
    StopReason.COMPLETED: Status.DONE,
    StopReason.DECLINED: Status.DECLINED,
    StopReason.INVALID_REQUEST: Status.REJECTED,
    StopReason.REPAIRS_EXHAUSTED: Status.NOT_VERIFIED,
    StopReason.NO_PROGRESS: Status.NOT_VERIFIED,
    StopReason.NOT_EXECUTED: Status.NOT_VERIFIED,
    StopReason.MODELS_FAILED: Status.FAILED,
    StopReason.SUPERSTEP_LIMIT: Status.LIMIT,
}
"""What each reason means to a caller. A turn whose code is verified is done, whatever stopped it."""


def _studio(nodes: Sequence[str], kind: str | None = None) -> dict[str, Any]:
    """Hints that LangGraph Studio reads to draw its form."""
    return {"langgraph_nodes": list(nodes)} | ({"langgraph_type": kind} if kind else {})


class Context(BaseModel):
    """What a caller may choose for one run; LangGraph Studio shows it as a form."""

    model_config = ConfigDict(extra="forbid")

    task: Task | None = Field(
        default=None,
        description="What kind of task this is; left empty, Duograph decides.",
        json_schema_extra=_studio(["classify"]),
    )
    tests: str = Field(
        default="",
        description="Your tests: Python source that sees the solution's names. They outrank all others.",
        json_schema_extra=_studio(["verify"], "prompt"),
    )
    max_repairs: int | None = Field(
        default=None,
        ge=0,
        le=MAX_REPAIRS,
        description="How often failing code may be repaired; left empty, as configured (2).",
        json_schema_extra=_studio(["review"]),
    )
    reasoning_model: str | None = Field(
        default=None,
        description="A model string or chain for this run, such as openai:gpt-5,offline.",
        json_schema_extra=_studio(["reason", "review"]),
    )
    coding_model: str | None = Field(
        default=None,
        description="A model string or chain for this run, such as openai:qwen3-coder@http://localhost:1234/v1.",
        json_schema_extra=_studio(["code"]),
    )


class Request(BaseModel):
    """One turn's request with everything the caller chose; `classify` writes it, the rest read it.

    Attributes:
        text: What the user wrote.
        tests: The user's tests, or nothing.
        task: As given or as decided.
        route: What `task` means for the path through the graph.
        max_repairs: How often failing code may go back to the coder.
        reasoning_model: A chain that replaces the configured one for this turn.
        coding_model: The same for the coder.
        base: The files of the turn before, when this request goes on with them.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    tests: str = ""
    task: Task = "general"
    route: Route = "answer"
    max_repairs: int = 2
    reasoning_model: str | None = None
    coding_model: str | None = None
    base: list[SourceFile] = Field(default_factory=list)


class Candidate(BaseModel):
    """A solution together with what running it showed."""

    model_config = ConfigDict(frozen=True)

    files: list[SourceFile]
    evidence: Evidence


class Result(BaseModel):
    """What a turn came to: the same object from the library, `--json` and the graph's output.

    Attributes:
        answer: The message for the user, Markdown.
        task: What kind of task it was taken for.
        route: `code` or `answer`.
        status: How it ended; see `Status`.
        stop_reason: Why it ended; see `StopReason`.
        verification: The evidence; `not_applicable` where there was no code to prove.
        files: The solution, best candidate if none is verified.
        plan: The reasoning model's plan.
        repairs: Repairs used.
        calls: Every model call in order, failed ones too.
        thread_id: The session this turn belongs to.
        run_id: This turn.
    """

    answer: str
    task: Task
    route: Route
    status: Status
    stop_reason: StopReason
    verification: Evidence
    files: list[SourceFile] = Field(default_factory=list)
    plan: str = ""
    repairs: int = 0
    calls: list[Call] = Field(default_factory=list)
    thread_id: str | None = None
    run_id: str | None = None


class Turn(TypedDict, total=False):
    """The channels that nodes read and write. All but `messages` and `result` are scratch."""

    messages: Annotated[list[AnyMessage], add_messages]
    result: Result | None
    request: Request | None
    plan: str
    acceptance: str
    files: list[SourceFile]
    evidence: Evidence | None
    best: Candidate | None
    verdict: Verdict | None
    diagnosis: str
    repairs: int
    calls: list[Call]
    answer: str
    stop_reason: StopReason | None


def fresh_turn() -> Turn:
    """What every scratch channel is set to when a turn starts.

    LangGraph keeps the last value of a channel across turns, so a counter that is not
    reset here would carry over from one turn to the next.
    """
    return Turn(
        result=None,
        request=None,
        plan="",
        acceptance="",
        files=[],
        evidence=None,
        best=None,
        verdict=None,
        diagnosis="",
        repairs=0,
        calls=[],
        answer="",
        stop_reason=None,
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
