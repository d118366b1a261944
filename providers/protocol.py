"""The protocol of this room: a role answers messages, whatever model stands behind it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from langchain_core.messages import BaseMessage
from pydantic import BaseModel, ConfigDict

Role = Literal["reasoning", "coding", "background"]
Step = Literal["plan", "code", "diagnose", "judge", "answer"]

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
    """

    model_config = ConfigDict(frozen=True)

    role: Role
    step: Step
    backend: str
    model_id: str
    latency_s: float
    input_tokens: int | None = None
    output_tokens: int | None = None
    error: ErrorKind | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a role answered.

    Attributes:
        text: The answer without any reasoning.
        reasoning: The model's thinking, which neither the coder nor the user sees.
        refusal: Set when the model declined, in its words.
        tool_calls: LangChain tool calls.
        calls: Every attempt, failed ones first; the last one gave this reply.
    """

    text: str
    reasoning: str = ""
    refusal: str | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)


class ModelError(RuntimeError):
    """One model failed; `kind` says how, the message what to do. Never holds a secret."""

    def __init__(self, kind: ErrorKind, message: str) -> None:
        super().__init__(message)
        self.kind: ErrorKind = kind


class ModelsFailedError(RuntimeError):
    """Every model of a role's chain failed; `calls` are the attempts in order."""

    def __init__(self, message: str, calls: list[Call]) -> None:
        super().__init__(message)
        self.calls = calls


class ModelConfigError(ValueError):
    """A model string is wrong or its package is missing; the message says what to change."""


class Models(Protocol):
    """The models behind the roles."""

    async def reply(
        self,
        role: Role,
        messages: Sequence[BaseMessage],
        *,
        step: Step,
        chain: str | None = None,
    ) -> Reply:
        """Ask the role's models in order until one answers.

        Args:
            role: Which role to ask.
            messages: The conversation.
            step: What the answer is for; it labels the call and guides the offline model.
            chain: A comma-separated chain of model strings that replaces the role's own for this call.

        Returns:
            The first complete answer.

        Raises:
            ModelsFailedError: When every model of the chain failed.
            ModelConfigError: When `chain` names something that does not exist.
        """
        ...

    async def aclose(self) -> None:
        """Close the connections."""
        ...
