"""The course of one question through a chain: what was asked, what failed, what was left out."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from providers.answers.answer import Answer, read_answer
from providers.manner import Manner, Means
from providers.protocol import (
    NEVER,
    Call,
    ErrorKind,
    ModelConfigError,
    ModelError,
    NoToolsError,
    Reply,
    Role,
    Step,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig

    from providers.backend import ModelSpec
    from providers.failover.attempt import Attempt
    from providers.failover.breaker import Breaker
    from providers.failover.budget import Budget
    from providers.failover.errors import Target
    from providers.prices import Rate

_BROKEN_OFF: frozenset[ErrorKind] = frozenset({"cut_stream", "timeout", "connection", "overloaded"})


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked.

    Attributes:
        role: Who is asked.
        step: What for.
        messages: The conversation.
        manner: How.
    """

    role: Role
    step: Step
    messages: Sequence[BaseMessage]
    manner: Manner = field(default_factory=Manner)


@dataclass(frozen=True, slots=True)
class Candidate:
    """One model of a chain, and how it may be asked.

    Attributes:
        spec: The model.
        rate: What it costs.
        target: Where it is, for messages.
        address: Its address, when that is not the provider's own place; told with every call.
        is_remote: Whether it is reached over a network, this machine's own too.
        tries: Attempts at it, the first one included.
        breaker: That of its endpoint, or None for a model in this process.
        window: Its context window in tokens where a table knows it, else None: then its server is asked.
        end_marks: See `Provider`.
        refused: Means of a form that its server was found to refuse; shared by all who ask it.
        lacks: Whether its server was found to take no tools, as `{"tools"}`; shared in the same way.
    """

    spec: ModelSpec
    rate: Rate
    target: Target
    address: str = ""
    is_remote: bool = False
    tries: int = 1
    breaker: Breaker | None = None
    window: int | None = None
    end_marks: tuple[str, ...] = ()
    refused: set[Means] = field(default_factory=set)
    lacks: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The model string with the address in force, as its calls have it."""
        return str(replace(self.spec, base_url=self.address or None))


@dataclass(slots=True)
class Course:
    """What has happened since the question was asked."""

    question: Question
    budget: Budget
    needed: int
    reasons: list[str] = field(default_factory=list)
    left_alone: list[tuple[Candidate, Breaker]] = field(default_factory=list)
    # Told with the next call, for what was not asked is no call.
    passed_over: list[str] = field(default_factory=list)
    # How often a stream was opened, and why the text shown so far is void.
    streams: int = 0
    broken: str = ""
    partial: Answer | None = None
    # What showed only now that a person must mend.
    misconfigured: list[ModelConfigError] = field(default_factory=list)
    # What the model at hand refused of the form's means; forgotten unless lesser ones bring an answer.
    refused: frozenset[Means] = frozenset()
    # Whether the model at hand is asked without the tools that are offered.
    without_tools: bool = False

    def begin(self, candidate: Candidate) -> None:
        """Turn to a model."""
        self.refused = frozenset(candidate.refused)
        self.without_tools = "tools" in candidate.lacks and not self.question.manner.needs_tools

    @property
    def manner(self) -> Manner:
        """How the model at hand is asked."""
        manner = self.question.manner
        if self.without_tools:
            manner = replace(manner, tools=())
        return (
            manner
            if manner.form is None
            else replace(manner, form=replace(manner.form, without=self.refused))
        )

    def steps_down(self, attempt: Attempt, failure: ModelError) -> bool:
        """Tell whether the same model may take the question when it is held to the form by lesser means."""
        if attempt.means in (None, "prompt") or attempt.shown:
            return False
        if failure.kind != "unknown" or not attempt.refused:
            return False
        self.refused |= {attempt.means}
        return True

    def drops_tools(self, candidate: Candidate, failure: ModelError) -> bool:
        """Tell whether the same model may take the question without the tools that its server refused."""
        manner = self.question.manner
        if not isinstance(failure, NoToolsError) or self.without_tools or manner.needs_tools:
            return False
        candidate.lacks.add("tools")
        self.without_tools = bool(manner.tools)
        return self.without_tools

    def config(self) -> RunnableConfig:
        """Labels for the offline model and for whoever watches; callbacks are inherited."""
        self.streams += 1
        question = self.question
        labels: dict[str, Any] = {"duograph_step": question.step, "duograph_role": question.role}
        if self.streams > 1:
            labels["duograph_attempt"] = self.streams
        if self.broken:
            labels["duograph_restart"] = self.broken
        return {"metadata": labels, "tags": [f"role:{question.role}", f"step:{question.step}"]}

    def leave_alone(self, candidate: Candidate, breaker: Breaker) -> None:
        """Remember a model whose breaker lets nothing through."""
        self.left_alone.append((candidate, breaker))
        wait = max(0.0, breaker.opens_in_s)
        self._pass_over(candidate.spec, f"not asked, it failed again and again; tried anew in {wait:.0f} s.")

    def give_up(self, spec: ModelSpec, failure: ModelError) -> None:
        """Remember why a model is not asked again."""
        wait = failure.retry_after_s
        asked = f" It asks to wait {wait:.0f} s." if wait and wait < NEVER else ""
        self.reasons.append(f"{spec}: {failure}{asked}")

    def _pass_over(self, spec: ModelSpec, why: str) -> None:
        self.reasons.append(f"{spec}: {why}")
        self.passed_over.append(f"{spec}: {why}")

    def call(
        self, candidate: Candidate, attempt: Attempt, error: ErrorKind | None, tried: int, *, latency_s: float
    ) -> Call:
        """Write an attempt down."""
        spec, passed_over = candidate.spec, tuple(self.passed_over)
        self.passed_over.clear()
        return Call(
            role=self.question.role,
            step=self.question.step,
            backend=spec.provider,
            model_id=spec.model or spec.provider,
            latency_s=latency_s,
            error=error,
            attempt=tried,
            passed_over=passed_over,
            address=candidate.address,
            **attempt.usage(error),
        )

    def break_off(self, candidate: Candidate, attempt: Attempt, error: ErrorKind) -> None:
        """Keep what came of an answer that did not come to its end."""
        self.broken = f"{candidate.spec}: {error}"
        if error in _BROKEN_OFF and attempt.chunks:
            part = read_answer(attempt.chunks[0] + attempt.chunks[1:])
            if part.text.strip():
                self.partial = Answer(part.text, part.reasoning)

    def reply(self, answer: Answer, *, place: int = 0, partial: bool = False) -> Reply:
        """Give an answer with all that it took.

        Args:
            answer: What a model said.
            place: Which of the candidates it was.
            partial: Whether it broke off.
        """
        return Reply(
            answer.text,
            answer.reasoning,
            answer.refusal,
            answer.tool_calls,
            self.budget.calls,
            partial,
            "cut" if partial else answer.finish_reason,
            place,
            answer.message,
            self.without_tools and bool(self.question.manner.tools),
        )
