"""One attempt at one model: what it may use is counted while its answer streams."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk

from providers import estimate
from providers.prices import SCRIPTED, Rate, cost_usd
from providers.protocol import LimitKind, ModelError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig

    from providers.backend import Backend
    from providers.protocol import ErrorKind

# A server that answers with one of these has not begun, so it bills nothing.
_REFUSALS = ("auth", "not_found", "rate_limit", "overloaded", "context_overflow", "connection")


@dataclass(slots=True)
class Attempt:
    """One attempt at one model: what it may use, and what it has used so far.

    Attributes:
        input_estimate: Tokens of the messages, estimated.
        rate: What the model costs.
        output_limit: Tokens that may come back, or None.
        limit: Which limit set `output_limit`.
        told: Whether the model itself was told `output_limit`.
        sent: Whether the messages left for the model.
        complete: Whether the stream came to its end.
        struck: The limit that ended the attempt, if one did.
    """

    input_estimate: int
    rate: Rate
    output_limit: int | None = None
    limit: LimitKind = "output_tokens"
    told: bool = False
    sent: bool = False
    complete: bool = False
    struck: LimitKind | None = None
    _received: int = 0
    _reported: tuple[int, int] = (0, 0)
    _reported_cost: float = 0.0
    _reports_estimates: bool = False

    def count(self, chunk: AIMessage) -> None:
        """Add a piece of the answer, and the usage that it reports."""
        self._received += estimate.size(chunk)
        metadata = chunk.response_metadata
        self._reported_cost += metadata.get("cost_usd") or 0.0
        self._reports_estimates = self._reports_estimates or bool(metadata.get("usage_is_estimate"))
        if usage := chunk.usage_metadata:
            sent, received = self._reported
            self._reported = (sent + usage["input_tokens"], received + usage["output_tokens"])

    def check_room(self) -> None:
        """End the attempt once more has come than may come.

        Raises:
            ModelError: When the output limit is exceeded; `struck` says which limit set it.
        """
        if self.output_limit is not None and estimate.tokens(self._received) > self.output_limit:
            raise self._strike()

    def check_end(self, message: AIMessage) -> None:
        """Refuse a complete message that the model cut off because of the limit that it was told.

        Raises:
            ModelError: When it did; `struck` says which limit set it.
        """
        metadata = message.response_metadata
        ends = {metadata.get(name) for name in ("finish_reason", "stop_reason", "stopReason")}
        cut = bool(ends & {"length", "max_tokens"}) or metadata.get("status") == "incomplete"
        if self.told and cut and self.output_limit is not None:
            reported = self._reported[1]
            # A model that stopped earlier met a limit of its own, which is not the turn's.
            if reported == 0 or reported >= self.output_limit:
                raise self._strike()

    def usage(self, error: ErrorKind | None) -> dict[str, Any]:
        """Return what the attempt used, as the fields of a `Call`.

        What the backend reported wins, unless it reported zero for both, as some servers do, or broke off.
        """
        sent, received, estimated = self._tokens(error)
        return {
            "input_tokens": sent,
            "output_tokens": received,
            "tokens_estimated": estimated,
            "cost_usd": self._cost(error, sent, received),
        }

    def _tokens(self, error: ErrorKind | None) -> tuple[int, int, bool]:
        received = estimate.tokens(self._received)
        if not self.sent or (error == "connection" and not received):
            return 0, 0, False
        sent, reported = self._reported
        if not sent and not reported:
            return self.input_estimate, received, True
        if self.complete:
            return sent, reported, self._reports_estimates
        return sent or self.input_estimate, max(received, reported), not sent or received > reported

    def _cost(self, error: ErrorKind | None, sent: int, received: int) -> float | None:
        price = self.rate(sent)
        if price is None:
            return None
        if price == SCRIPTED:
            return self._reported_cost
        return 0.0 if error in _REFUSALS and not received else cost_usd(price, sent, received)

    def _strike(self) -> ModelError:
        self.struck = self.limit
        return ModelError("cut_stream", f"the limit of {self.output_limit} output tokens was reached.")


async def collect(
    backend: Backend, messages: Sequence[BaseMessage], config: RunnableConfig, attempt: Attempt
) -> AIMessage:
    """Stream to the end, so that a watching graph sees the tokens, and return the whole message.

    Raises:
        ModelError: When nothing came, or more than the attempt may use.
    """
    chunks: list[AIMessageChunk] = []
    options = {}
    if backend.output_limit is not None and attempt.output_limit is not None:
        options = backend.output_limit(attempt.output_limit)
    attempt.told, attempt.sent = bool(options), True
    stream = backend.chat.astream(list(messages), config=config, **options)
    async with aclosing(cast("AsyncGenerator[AIMessage, None]", stream)) as answer:
        async for chunk in answer:
            attempt.count(chunk)
            if not isinstance(chunk, AIMessageChunk):
                attempt.complete = True
                return chunk
            attempt.check_room()
            chunks.append(chunk)
    attempt.complete = True
    if not chunks:
        raise ModelError("empty", "it answered with nothing; try again or use another model.")
    return chunks[0] + chunks[1:]
