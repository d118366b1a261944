"""The protocol of this room: a role answers messages, whatever model stands behind it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from langchain_core.messages import AIMessage, BaseMessage
from pydantic import BaseModel, ConfigDict

from providers.facts import ChainFacts

if TYPE_CHECKING:
    from providers.answers.structured import Structured, T

Role = Literal["reasoning", "coding", "background"]
Step = Literal["plan", "code", "diagnose", "judge", "review", "answer", "route"]

CallRole = Literal["reasoning", "coding", "background", "embedding"]
"""Who can be in the ledger: the roles that answer messages, and the one that turns texts into vectors."""

CallStep = Literal["plan", "code", "diagnose", "judge", "review", "answer", "route", "embed"]

ErrorKind = Literal[
    "auth",
    "not_found",
    "rate_limit",
    "overloaded",
    "timeout",
    "connection",
    "context_overflow",
    "malformed",
    "cut_stream",
    "empty",
    "refusal",
    "cancelled",
    "unknown",
]


class Call(BaseModel):
    """One attempt at one model, as the ledger and `Result.calls` record it.

    Attributes:
        role: The role that was asked.
        step: What it was asked for.
        backend: The provider part of the model string, such as `openai`.
        model_id: The model part, such as `gpt-5`.
        latency_s: Seconds until the last token, or until the failure.
        input_tokens: As the backend reported, or None when it reported nothing.
        output_tokens: As the backend reported, or None when it reported nothing.
        error: The kind of failure, or None when the attempt gave the answer.
        tokens_estimated: Whether a token count is our estimate because the backend reported none.
        cost_usd: What it cost, or None when the model's price is unknown; unknown is never zero.
        cost_source: Who says so, such as `genai-prices`; empty when the price is unknown.
        first_token_s: Seconds until the first piece with content, thinking too, or None when none came.
        attempt: Which try at this model it was, from 1.
        passed_over: Why models before this one were not asked, one sentence each; they are no calls.
        address: Where its server is, when that is not the provider's own place.
        cached_tokens: Input tokens that the backend took from its cache; part of `input_tokens`.
        reasoning_tokens: Output tokens spent on thinking; part of `output_tokens`.
    """

    model_config = ConfigDict(frozen=True)

    role: CallRole
    step: CallStep
    backend: str
    model_id: str
    latency_s: float
    first_token_s: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: ErrorKind | None = None
    tokens_estimated: bool = False
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None
    cost_usd: float | None = None
    cost_source: str = ""
    attempt: int = 1
    passed_over: tuple[str, ...] = ()
    address: str = ""

    @property
    def model(self) -> str:
        """The model string, such as `openai:qwen3@http://localhost:8000/v1`."""
        name = self.backend if self.model_id == self.backend else f"{self.backend}:{self.model_id}"
        return f"{name}@{self.address}" if self.address else name


FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "cut", "unknown"]

LimitKind = Literal["model_calls", "input_tokens", "output_tokens", "cost", "deadline"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of a turn's limits when a role is asked; None is no limit.

    Attributes:
        attempts: Attempts at models, each of them a model call.
        input_tokens: Tokens that may still be sent, over all attempts.
        output_tokens: Tokens that may still be received, over all attempts.
        cost_usd: Money that may still be spent on models whose price is known.
        seconds: Seconds until the turn's deadline.
        skip: Models at the head of the chain to pass over: an escalation asks the ones behind.
    """

    attempts: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float | None = None
    skip: int = 0


class LimitReachedError(RuntimeError):
    """A limit forbids the next attempt, or struck in the middle of one; nothing was asked after it."""

    def __init__(self, limit: LimitKind, calls: list[Call]) -> None:
        super().__init__(f"The limit on {limit.replace('_', ' ')} was reached.")
        self.limit: LimitKind = limit
        self.calls = calls


@dataclass(frozen=True, slots=True)
class Reply:
    """What a role answered.

    Attributes:
        text: The answer without any reasoning.
        reasoning: The model's thinking, which neither the coder nor the user sees.
        refusal: Set when the model declined, in its words.
        tool_calls: LangChain tool calls.
        calls: Every attempt, failed ones first; the last one gave this reply, unless it is partial.
        partial: Whether the model broke off and nobody was left to ask; only the step `answer` gets such.
        finish_reason: Why the model stopped, in words that all backends share; `cut` when it broke off.
        place: Which model of those asked gave the answer, from 0.
        message: The answer as a message to be sent again, in a tool loop or a conversation: the same model
            gets its thinking back, another one only text and tool calls. None when it is partial.
        without_tools: Whether tools were offered and the model that answered takes none.
    """

    text: str
    reasoning: str = ""
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    partial: bool = False
    finish_reason: FinishReason = "unknown"
    place: int = 0
    message: AIMessage | None = field(default=None, compare=False, repr=False)
    without_tools: bool = False


NEVER = math.inf
"""`ModelError.retry_after_s` of a failure that waiting does not cure."""


class ModelError(RuntimeError):
    """One model failed; `kind` says how, the message what to do. Never holds a secret.

    `retry_after_s` is how long the server asked to wait, `NEVER` when waiting cannot help, or None when
    nobody said. `status` is that of the HTTP answer that refused the request, or None without one.
    """

    def __init__(
        self, kind: ErrorKind, message: str, retry_after_s: float | None = None, *, status: int | None = None
    ) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind
        self.retry_after_s = retry_after_s
        self.status = status


class NoToolsError(ModelError):
    """The model takes no tools; asked without them it may well answer."""

    def __init__(self, message: str, *, status: int | None = None) -> None:
        super().__init__("unknown", message, status=status)


class ModelsFailedError(RuntimeError):
    """Every model of a role's chain failed; `calls` are the attempts in order."""

    def __init__(self, message: str, calls: list[Call]) -> None:
        super().__init__(message)
        self.calls = calls


class ModelConfigError(ValueError):
    """A model string is wrong or its package is missing; the message says what to change."""


class Models(Protocol):
    """The models behind the roles."""

    async def reply(  # noqa: PLR0913 - each may be chosen apart
        self,
        role: Role,
        messages: Sequence[BaseMessage],
        *,
        step: Step,
        chain: str | None = None,
        allowance: Allowance = Allowance(),
        tools: Sequence[Any] = (),
    ) -> Reply:
        """Ask the role's models in order until one answers.

        Args:
            role: Which role to ask.
            messages: The conversation.
            step: What the answer is for; it labels the call and guides the offline model.
            chain: A comma-separated chain of model strings that replaces the role's own for this call.
            allowance: What is left of the turn's limits; checked before each attempt, and while it streams.
            tools: What the model may call, in any form that LangChain's `bind_tools` takes. A model that
                takes none is asked without them, and reads what tools gave as text.

        Returns:
            The first complete answer.

        Raises:
            LimitReachedError: When the allowance forbids an attempt or ends one.
            ModelsFailedError: When every model of the chain failed.
            ModelConfigError: When `chain` names something that does not exist.
        """
        ...

    async def reply_as(  # noqa: PLR0913 - as reply, with what the answer must be
        self,
        role: Role,
        messages: Sequence[BaseMessage],
        schema: "type[T]",
        *,
        step: Step = "answer",
        chain: str | None = None,
        allowance: Allowance = Allowance(),
    ) -> "Structured[T]":
        """Ask for an answer in a form; one that does not fit is asked for once more. Otherwise as `reply`.

        Its bound is `ChainFacts.form_attempts`; a node declares `Cost(reasoning_forms=…)` or `coding_forms`.

        Args:
            role: Which role to ask.
            messages: The conversation; the form is asked for in its last message.
            schema: What the answer must be.
            step: What the answer is for.
            chain: A chain that replaces the role's own for this call.
            allowance: What is left of the turn's limits, for both questions.

        Raises:
            UnfitAnswerError: When the second answer does not fit either, or the model declined.
        """
        ...

    def facts(self, role: Role, chain: str | None = None) -> ChainFacts:
        """What asking the role once can cost at most.

        Raises:
            ModelConfigError: When `chain` names something that does not exist.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
