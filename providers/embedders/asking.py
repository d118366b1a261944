"""One call of the embedding role on its way through the chain: batches, tries, waits, breakers, calls."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from providers.embedders.embedder import tokens_of
from providers.embedders.table import embedder_of
from providers.failover.breaker import Ticket
from providers.failover.errors import classify
from providers.prices import cost_usd
from providers.protocol import Call, ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from providers.backend import ModelSpec, Timeouts
    from providers.embedders.embedder import Answer, EmbeddingBackend, Vector
    from providers.failover.breaker import Breaker
    from providers.failover.course import Candidate
    from providers.failover.errors import Target
    from providers.failover.per_loop import PerLoop
    from providers.failover.retrying import Retries
    from providers.protocol import ErrorKind

# Such a refusal is not billed.
_REFUSED: frozenset[ErrorKind] = frozenset(
    {"auth", "not_found", "rate_limit", "overloaded", "context_overflow", "connection"}
)


@dataclass(slots=True)
class Dimensions:
    """The length of a chain's vectors: of one model as of its backups, or nothing could be compared.

    Attributes:
        length: Of every vector, or None while nobody knows.
        model: Who gave it.
    """

    length: int | None = None
    model: str = ""

    def check(self, vectors: list[Vector], count: int, spec: ModelSpec) -> None:
        """Take the first answer's length, and hold all others to it.

        Raises:
            ModelError: `malformed` when there is not one vector for each text, or of another length.
        """
        if len(vectors) != count or not all(vectors):
            raise ModelError("malformed", f"it gave {len(vectors)} vectors for {count} texts.")
        lengths = {len(vector) for vector in vectors}
        if len(lengths) > 1 or not all(math.isfinite(number) for vector in vectors for number in vector):
            raise ModelError("malformed", "its vectors are not all of one length, or hold no numbers.")
        (found,) = lengths
        if self.length is None:
            self.length, self.model = found, str(spec)
        if found != self.length:
            other = "before" if str(spec) == self.model else f"by {self.model}"
            raise ModelError(
                "malformed",
                f"its vectors have {found} numbers, and {self.length} {other}, so they cannot be compared; "
                "a backup must give vectors of the same length.",
            )


@dataclass(slots=True)
class _Request:
    """One request on its way."""

    candidate: Candidate
    batch: list[str]
    tried: int
    sent: bool = False
    counted: int | None = None
    error: ErrorKind | None = None
    refused: bool = False

    def call(self, passed_over: tuple[str, ...], latency_s: float) -> Call:
        """Write it down; what nobody counted is estimated, but a refusal takes nothing."""
        spec = self.candidate.spec
        is_counted = isinstance(self.counted, int) and self.counted >= 0
        known = (self.counted or 0) if is_counted or self.refused else None
        sent = sum(map(tokens_of, self.batch)) if known is None else known
        price = self.candidate.rate(sent)
        return Call(
            role="embedding",
            step="embed",
            backend=spec.provider,
            model_id=spec.model or spec.provider,
            address=self.candidate.address,
            latency_s=latency_s,
            input_tokens=sent,
            output_tokens=0,
            tokens_estimated=known is None,
            error=self.error,
            attempt=self.tried,
            passed_over=passed_over,
            cost_usd=None if price is None else cost_usd(price, sent, 0),
            cost_source="" if price is None else price.source,
        )


@dataclass(slots=True)
class Asking:
    """One call of the embedding role.

    Attributes:
        backends: Gives each model's backend.
        retries: When a model is asked again.
        timeouts: For each request.
        dimensions: The length of the chain's vectors.
        texts: What is embedded.
        calls: Every request so far.
        reasons: Why each model did not answer.
    """

    backends: PerLoop[EmbeddingBackend]
    retries: Retries
    timeouts: Timeouts
    dimensions: Dimensions
    texts: list[str]
    calls: list[Call] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    _left_alone: list[tuple[Candidate, Breaker]] = field(default_factory=list)
    _passed_over: list[str] = field(default_factory=list)

    async def ask(self, candidates: Sequence[Candidate]) -> tuple[Candidate, list[Vector]] | None:
        """Ask the models in order until one has embedded all texts; None when none did."""
        for place, candidate in enumerate(candidates):
            vectors = await self._model(candidate, has_backup=place + 1 < len(candidates))
            if vectors is not None:
                return candidate, vectors
        if not self._left_alone:
            return None
        # Nobody else is left, so the endpoint that would open first is tried before giving up.
        first, _ = min(self._left_alone, key=lambda each: each[1].opens_in_s)
        vectors = await self._model(first, has_backup=False, anyway=True)
        return None if vectors is None else (first, vectors)

    async def _model(
        self, candidate: Candidate, *, has_backup: bool, anyway: bool = False
    ) -> list[Vector] | None:
        """Embed all texts by one model; None when it failed at one of them."""
        found: list[Vector] = []
        try:
            batches = list(embedder_of(candidate.spec).limits(candidate.spec).batches(self.texts))
        except ModelError as unfit:
            self._pass_over(candidate, str(unfit))
            return None
        try:
            for batch in batches:
                answer = await self._batch(candidate, batch, has_backup=has_backup, anyway=anyway)
                if answer is None:
                    return None
                found += answer
        except ModelError as failure:
            self.reasons.append(f"{candidate.spec}: {failure}")
            return None
        return found

    async def _batch(
        self, candidate: Candidate, batch: list[str], *, has_backup: bool, anyway: bool
    ) -> list[Vector] | None:
        """Send one request, again as often as the rule allows; None when the endpoint is left alone.

        Raises:
            ModelError: When it failed for good.
        """
        failure: ModelError | None = None
        for tried in range(1, candidate.tries + 1):
            ticket = Ticket() if candidate.breaker is None else candidate.breaker.admit(anyway=anyway)
            if ticket is None:
                break
            result = await self._attempt(candidate, batch, ticket, tried)
            if not isinstance(result, ModelError):
                return result
            failure = result
            wait = self.retries.wait_s(failure, tried=tried, shown=False, has_backup=has_backup)
            if wait is None or ticket.is_probe or anyway:
                break
            await asyncio.sleep(wait)
        if failure is not None:
            raise failure
        if candidate.breaker is not None:
            self._leave_alone(candidate, candidate.breaker)
        return None

    def _leave_alone(self, candidate: Candidate, breaker: Breaker) -> None:
        wait = max(0.0, breaker.opens_in_s)
        self._left_alone.append((candidate, breaker))
        self._pass_over(candidate, f"not asked, it failed again and again; tried anew in {wait:.0f} s.")

    def _pass_over(self, candidate: Candidate, why: str) -> None:
        self.reasons.append(f"{candidate.spec}: {why}")
        self._passed_over.append(f"{candidate.spec}: {why}")

    async def _attempt(
        self, candidate: Candidate, batch: list[str], ticket: Ticket, tried: int
    ) -> list[Vector] | ModelError:
        """Send one request, write it down and settle its breaker."""
        clock, breaker = asyncio.get_running_loop().time, candidate.breaker
        request, started = _Request(candidate, batch, tried), clock()
        try:
            result = await self._send(request)
            if isinstance(result, ModelError):
                request.error = result.kind
                request.refused = result.kind in _REFUSED or result.status in (400, 422)
            if breaker is not None:
                wait = result.retry_after_s if isinstance(result, ModelError) else None
                breaker.settle(ticket, request.error, wait)
        finally:
            if breaker is not None:
                breaker.release(ticket)
            if request.sent:
                self.calls.append(request.call(tuple(self._passed_over), clock() - started))
                self._passed_over.clear()
        return result

    async def _send(self, request: _Request) -> list[Vector] | ModelError:
        candidate = request.candidate
        try:
            backend = await self.backends.get(candidate.spec, self.timeouts)
            request.sent = True
            async with asyncio.timeout(self.timeouts.total_s):
                answer = await backend.embed(request.batch)
            request.counted = answer.input_tokens
            return self._read(candidate.spec, answer, len(request.batch))
        except asyncio.CancelledError:
            request.error = "cancelled"
            raise
        except TimeoutError:
            # Ours; it is caused by a cancelling, which it must not be taken for.
            words = f"no complete answer within {self.timeouts.total_s:g} s; raise the timeout"
            return ModelError("timeout", f"{words} or use a faster model.")
        except Exception as error:  # noqa: BLE001 - whatever the network raises, it is classified
            return classify(error, self._target(candidate))

    def _read(self, spec: ModelSpec, answer: Answer, count: int) -> list[Vector]:
        try:
            vectors = [[float(number) for number in vector] for vector in answer.vectors]
        except (TypeError, ValueError):
            vectors = []
        self.dimensions.check(vectors, count, spec)
        return vectors

    def _target(self, candidate: Candidate) -> Target:
        connect_s = min(self.timeouts.connect_s, self.timeouts.total_s)
        return replace(candidate.target, timeout_s=self.timeouts.total_s, connect_s=connect_s)
