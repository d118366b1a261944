"""One attempt at one model: what it may use is counted while its answer streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from langchain_core.messages import AIMessageChunk

from providers.answers.think import ReasoningSplitter
from providers.failover import estimate
from providers.prices import SCRIPTED, Rate, cost_usd
from providers.protocol import LimitKind, ModelError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

    from providers.facts import Price
    from providers.manner import Means
    from providers.protocol import ErrorKind

MOST_TOKENS = 100_000_000
"""Tokens of one attempt above which a report is not believed; the largest windows of today hold a tenth."""

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
        began: The event loop's time at which its model was ready to be asked, or None.
        sent: Whether the messages left for the model.
        complete: Whether the stream came to its end.
        struck: The limit that ended the attempt, if one did.
        shown: Whether a part of the answer itself has come: text beside the thinking, or a tool call.
        chunks: What has come.
        first_token_s: Seconds until the first piece with content.
        means: How the answer was held to a form, or None without one.
        refused: Whether the server refused the request as it was, which it does not bill.
    """

    input_estimate: int
    rate: Rate
    output_limit: int | None = None
    limit: LimitKind = "output_tokens"
    told: bool = False
    began: float | None = None
    sent: bool = False
    complete: bool = False
    struck: LimitKind | None = None
    shown: bool = False
    chunks: list[AIMessageChunk] = field(default_factory=list)
    first_token_s: float | None = None
    means: Means | None = None
    refused: bool = False
    _received: int = 0
    _reported: tuple[int, int] = (0, 0)
    _cached: int | None = None
    _thought: int | None = None
    _splitter: ReasoningSplitter = field(default_factory=ReasoningSplitter)
    _reported_cost: float = 0.0
    _reports_estimates: bool = False

    def count(self, chunk: AIMessage, *, after_s: float = 0.0) -> bool:
        """Add a piece of the answer, and the usage that it reports.

        Args:
            chunk: The piece.
            after_s: Seconds since the attempt began.

        Returns:
            Whether it has content: text, thinking or a tool call.
        """
        size = estimate.size(chunk)
        self._received += size
        if size and self.first_token_s is None:
            self.first_token_s = after_s
        if size and not self.shown:
            is_tool_call = isinstance(chunk, AIMessageChunk) and bool(chunk.tool_call_chunks)
            self.shown = is_tool_call or bool(self._splitter.feed(str(chunk.text)).strip())
        metadata = chunk.response_metadata
        self._reported_cost += metadata.get("cost_usd") or 0.0
        self._reports_estimates = self._reports_estimates or bool(metadata.get("usage_is_estimate"))
        if usage := chunk.usage_metadata:
            sent, received = self._reported
            self._reported = (sent + usage["input_tokens"], received + usage["output_tokens"])
            self._cached = _sum(self._cached, usage.get("input_token_details", {}).get("cache_read"))
            self._thought = _sum(self._thought, usage.get("output_token_details", {}).get("reasoning"))
        return size > 0

    def _believed(self) -> tuple[int, int]:
        """Return what the backend reported; 0 in place of a count that cannot be one."""
        sent, received = self._reported
        return _count(sent) or 0, _count(received) or 0

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
            _, reported = self._believed()
            # A model that stopped earlier met a limit of its own, which is not the turn's.
            if reported == 0 or reported >= self.output_limit:
                raise self._strike()

    def usage(self, error: ErrorKind | None) -> dict[str, Any]:
        """Return what the attempt used, as the fields of a `Call`.

        What the backend reported wins, unless it reported what cannot be, or zero, as some servers do, or it
        broke off.
        """
        sent, received, estimated = self._tokens(error)
        cached, thought = _count(self._cached), _count(self._thought)
        price = self.rate(sent)
        return {
            "input_tokens": sent,
            "output_tokens": received,
            "tokens_estimated": estimated,
            "cached_tokens": None if cached is None else min(cached, sent),
            "reasoning_tokens": None if thought is None else min(thought, received),
            "cost_usd": None if price is None else self._cost(price, error, sent, received),
            "cost_source": "" if price is None else price.source,
            "first_token_s": self.first_token_s,
        }

    def _tokens(self, error: ErrorKind | None) -> tuple[int, int, bool]:
        received = estimate.tokens(self._received)
        if not self.sent or (error == "connection" and not received):
            return 0, 0, False
        sent, reported = self._believed()
        if not sent and not reported:
            return self.input_estimate, received, True
        if self.complete and reported:
            # No prompt has no tokens; a server that counts 0 has not counted.
            return sent or self.input_estimate, reported, self._reports_estimates or not sent
        return sent or self.input_estimate, max(received, reported), not sent or received > reported

    def _cost(self, price: Price, error: ErrorKind | None, sent: int, received: int) -> float:
        if price == SCRIPTED:
            return self._reported_cost
        if (self.refused or error in _REFUSALS) and not received:
            return 0.0
        return cost_usd(price, sent, received, min(_count(self._cached) or 0, sent))

    def _strike(self) -> ModelError:
        self.struck = self.limit
        return ModelError("cut_stream", f"the limit of {self.output_limit} output tokens was reached.")


def _count(reported: int | None) -> int | None:
    """Take a count as it was reported, unless it is below zero or beyond what any model reads or writes."""
    return reported if reported is not None and 0 <= reported <= MOST_TOKENS else None


def _sum(before: int | None, more: int | None) -> int | None:
    return before if more is None else (before or 0) + more
