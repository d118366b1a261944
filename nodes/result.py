"""What a turn came to."""

from pydantic import BaseModel, ConfigDict, Field

from nodes.consents import AskedCall
from nodes.context import Route, Task
from nodes.ends import Status, StopReason
from nodes.findings import Finding
from nodes.limits import Amounts
from nodes.opinions import Diagnosis
from nodes.recollection import Recalled
from nodes.tool_calls import ToolUse
from providers.protocol import Call
from sandbox.evidence import Evidence, SourceFile

BOUNDS = "__duograph_bounds"
"""The key of a run's `configurable` under which the graph tells `respond` the bound of the turn."""


class Candidate(BaseModel):
    """A solution together with what running it showed."""

    model_config = ConfigDict(frozen=True)

    files: list[SourceFile]
    evidence: Evidence


class Cycle(BaseModel):
    """A way back in the graph and what counts it.

    Attributes:
        nodes: The nodes of the cycle in order.
        guard: The name of the guard that counts it.
        limit: How often a turn may take it.
    """

    model_config = ConfigDict(frozen=True)

    nodes: list[str]
    guard: str
    limit: int


class Bounds(Amounts):
    """The most that a turn can use, computed from the graph and the limits before it runs.

    Attributes:
        cycles: Every way back, with its guard.
        undeclared: Nodes that declare no cost; what they do inside is bounded by the deadline alone.
        unpriced: Models whose price is unknown, so that no money limit can meter them.
        used: What the turn used; None before it ran.
    """

    cycles: list[Cycle] = Field(default_factory=list)
    undeclared: list[str] = Field(default_factory=list)
    unpriced: list[str] = Field(default_factory=list)
    used: Amounts | None = None


class Result(BaseModel):
    """What a turn came to: the same object from the library, `--json` and the graph's output.

    Attributes:
        answer: The message for the user, Markdown.
        task: What kind of task it was taken for.
        route: `code`, `answer`, `review` or `knowledge`.
        status: How it ended; see `Status`.
        stop_reason: Why it ended; see `StopReason`.
        verification: The evidence; `not_applicable` where there was no code to prove. Of a review: what
            running the reviewed code showed.
        files: The solution, best candidate if none is verified; none for a review.
        findings: What a review found, the gravest first.
        plan: The reasoning model's plan.
        repairs: Repairs used.
        diagnosis: What the reasoning model said of the last failure, or of what a proved solution lacked.
        calls: Every model call in order, failed ones too.
        tool_uses: Every tool call in order, those that were not made too.
        asked: The calls that wait for a person's consent, exactly as they would be made.
        bounds: The most that this turn could use, computed before it ran, and what it did use.
        recalled: What of memory the models saw, best first.
        notes: What the caller should know, such as a model that no money limit can meter.
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
    findings: list[Finding] = Field(default_factory=list)
    plan: str = ""
    repairs: int = 0
    diagnosis: Diagnosis | None = None
    calls: list[Call] = Field(default_factory=list)
    tool_uses: list[ToolUse] = Field(default_factory=list)
    asked: list[AskedCall] = Field(default_factory=list)
    bounds: Bounds | None = None
    recalled: list[Recalled] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    thread_id: str | None = None
    run_id: str | None = None
