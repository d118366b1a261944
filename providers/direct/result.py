"""The one form in which every model's answer is given to programs."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from providers.protocol import Call, FinishReason, Reply


class Metadata(BaseModel):
    """Where an answer came from and what it took; of the attempt that gave it, but for `attempts`.

    Attributes:
        backend: Such as `openai`.
        model_id: Such as `gpt-5`.
        latency_s: Seconds until the last token.
        first_token_s: Seconds until the first piece with content, or None.
        input_tokens: Tokens sent, or None when nobody knows.
        output_tokens: Tokens received, or None.
        cached_tokens: Those of the input that came from the backend's cache, or None.
        reasoning_tokens: Those of the output that were thinking, or None.
        tokens_estimated: Whether a count is our estimate.
        cost_usd: US dollars, or None when the price is unknown; unknown is never zero.
        cost_source: Who says so; empty when the price is unknown.
        attempts: Every attempt, failed ones first.
    """

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    backend: str
    model_id: str
    latency_s: float
    first_token_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    cached_tokens: int | None
    reasoning_tokens: int | None
    tokens_estimated: bool
    cost_usd: float | None
    cost_source: str
    attempts: list[Call]


class ModelResult(BaseModel):
    """What a model answered, the same whatever stands behind it.

    Attributes:
        text: The answer without any thinking.
        reasoning: The thinking.
        refusal: Set when the model declined, in its words.
        tool_calls: LangChain tool calls.
        finish_reason: Why it stopped; `cut` when it broke off and what came is only a part.
        metadata: Where it came from and what it took.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    reasoning: str
    refusal: str | None
    tool_calls: list[dict[str, Any]]
    finish_reason: FinishReason
    metadata: Metadata

    @classmethod
    def of(cls, reply: Reply) -> ModelResult:
        """Bring a reply into this form."""
        # Of a part, the attempt that gave it is the last one of which anything came.
        shown = [call for call in reply.calls if call.error is None or call.first_token_s is not None]
        last = (shown or reply.calls)[-1]
        of_call = {name: getattr(last, name) for name in Metadata.model_fields if name != "attempts"}
        return cls(
            text=reply.text,
            reasoning=reply.reasoning,
            refusal=reply.refusal,
            tool_calls=reply.tool_calls,
            finish_reason=reply.finish_reason,
            metadata=Metadata(**of_call, attempts=list(reply.calls)),
        )
