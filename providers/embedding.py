"""The embedding role: texts into vectors, by a chain of models of which one answers a whole call."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from providers.backend import ModelSpec, Server, Timeouts, Wiring
from providers.backends.script import ScriptShelf
from providers.embedders.asking import Asking, Dimensions
from providers.embedders.embedder import EmbeddingBackend
from providers.embedders.table import embedder_of
from providers.failover.breaker import Breakers
from providers.failover.candidates import Candidates
from providers.failover.course import Candidate
from providers.failover.per_loop import PerLoop
from providers.failover.retrying import Retries, check_limits
from providers.keys import given_keys
from providers.ledger import Ledger, Stats
from providers.place import Prefer, check_prefer, preferred
from providers.prices import rate_at
from providers.protocol import Call, ModelConfigError, ModelsFailedError
from providers.registry import PROVIDERS
from providers.roles import RoleParameters
from providers.spec import parse_chain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pydantic import SecretStr

    from providers.embedders.embedder import Vector

DEFAULT_CHAIN = "offline"

TAKEN = ("connect_timeout_s", "timeout_s")
"""Which parameters of a role mean something for this one."""


@dataclass(frozen=True, slots=True)
class Embedded:
    """Vectors for some texts.

    Attributes:
        vectors: One for each text, in their order, all of one length.
        model: The model string of what made all of them; vectors of two models cannot be compared.
        calls: Every request, failed ones first; those of the model that answered are the last.
    """

    vectors: list[Vector]
    model: str
    calls: list[Call] = field(default_factory=list)

    @property
    def dimensions(self) -> int:
        """The length of each vector; 0 when there is none."""
        return len(self.vectors[0]) if self.vectors else 0


class Embedder(Protocol):
    """Turns texts into vectors."""

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Give one vector for each text.

        Raises:
            ModelsFailedError: When every model failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Config:
    """What is in force; a change puts another one in its place, and running calls keep theirs."""

    candidates: tuple[Candidate, ...]
    parameters: RoleParameters
    timeouts: Timeouts
    # Of this chain; found out by the first answer where nobody knows.
    dimensions: Dimensions


class EmbeddingModels:
    """A chain of embedding models; implements `Embedder`, for any number of event loops.

    Tries, waits, breakers and errors are those of the chat roles; see `docs/providers.md`.
    """

    def __init__(  # noqa: PLR0913 - each may be chosen apart
        self,
        chain: str = DEFAULT_CHAIN,
        *,
        api_keys: Mapping[str, SecretStr] | None = None,
        openai_api_key: SecretStr | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - it is frozen
        retries: Retries = Retries(),  # noqa: B008 - it is frozen
        prefer: Prefer = "chain",
        breakers: Breakers | None = None,
        ledger: Ledger | None = None,
        parameters: RoleParameters = RoleParameters(),  # noqa: B008 - it is frozen
    ) -> None:
        """Check the chain; nothing is asked yet. It may load prices, so never call it on an event loop.

        Args:
            chain: `offline`, `ollama:MODEL`, `bedrock:MODEL`, and whatever speaks OpenAI's API.
            api_keys: Keys by provider name; each goes before the environment's.
            openai_api_key: The same as `api_keys["openai"]`.
            timeouts: The connection's, and the total for one request.
            retries: When a model is asked again.
            prefer: Local or remote models first, or only.
            breakers: What leaves endpoints alone that fail again and again; by default new ones.
            ledger: Where requests are counted; by default a new one.
            parameters: What it is asked with: its timeouts.

        Raises:
            ModelConfigError: When a model cannot embed, its key is missing, or a backup's vectors are of
                another length.
        """
        check_limits(timeouts, retries)
        self._wiring = Wiring(
            ScriptShelf(),
            given_keys(api_keys or {}, openai_api_key),
            timeouts,
            local_only=prefer == "local_only",
        )
        self._retries = retries
        self._prefer = check_prefer(prefer)
        self._ledger = ledger or Ledger()
        self._candidates = Candidates(self._wiring, retries, breakers or Breakers(), None)
        self._backends = PerLoop(self._build)
        self.configure(chain, parameters)

    @property
    def specs(self) -> tuple[ModelSpec, ...]:
        """The models in order."""
        return tuple(candidate.spec for candidate in self._config.candidates)

    @property
    def parameters(self) -> RoleParameters:
        """What is in force beside the chain."""
        return self._config.parameters

    def configure(self, chain: str, parameters: RoleParameters) -> None:
        """Take another chain and other timeouts; calls that run keep those they began with.

        It may load prices, so never call it on an event loop.

        Raises:
            ModelConfigError: When a model cannot embed or its key is missing, when a backup's vectors are of
                another length, or a parameter means nothing here; nothing has changed then.
        """
        given = parameters.model_dump(exclude_none=True)
        if strange := [name for name in given if name not in TAKEN]:
            raise ModelConfigError(
                f"The embedding role has no parameter {strange[0]!r}: it takes model, {', '.join(TAKEN)}."
            )
        # As with the background role: what nobody configured is not refused for being on this machine.
        prefer = "chain" if chain == DEFAULT_CHAIN else self._prefer
        try:
            specs = parse_chain(chain)
            for spec in specs:
                embedder_of(spec).check(spec, self._wiring)
            specs = preferred(specs, prefer, self._server)
            dimensions = _common_dimensions(specs)
        except ModelConfigError as error:
            raise ModelConfigError(f"The embedding model: {error}") from None
        candidates = tuple(map(self._candidate, specs))
        timeouts = parameters.timeouts(self._wiring.timeouts)
        self._config = _Config(candidates, parameters, timeouts, dimensions)

    async def embed(self, texts: Sequence[str]) -> Embedded:
        """Give one vector for each text; all of them come from one model.

        Raises:
            ModelsFailedError: When every model failed; the message has a reason for each.
            TypeError: When the texts are one text, or not all of them are.
        """
        # A text is a sequence too, of letters.
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise TypeError(f"texts is {str(texts)[:80]!r}; give a list of strings.")
        config = self._config
        if not texts:
            return Embedded([], str(config.candidates[0].spec))
        asking = Asking(self._backends, self._retries, config.timeouts, config.dimensions, list(texts))
        is_fallback = False
        try:
            answer = await asking.ask(config.candidates)
            is_fallback = answer is not None and answer[0] is not config.candidates[0]
        finally:
            self._ledger.record("embedding", asking.calls, is_fallback=is_fallback)
        if answer is None:
            reasons = " | ".join(asking.reasons)
            raise ModelsFailedError(f"No model answered for the embedding role: {reasons}", asking.calls)
        candidate, vectors = answer
        return Embedded(vectors, str(candidate.spec), asking.calls)

    def stats(self) -> Stats:
        """Return what the ledger has, which may count other roles too, and where the breakers stand."""
        roles, models = self._ledger.usage()
        return Stats(roles=roles, models=models, breakers=self._candidates.states())

    async def aclose(self) -> None:
        """Close the connections; a later call opens new ones."""
        await self._backends.aclose()

    def _candidate(self, spec: ModelSpec) -> Candidate:
        candidate = self._candidates.of(spec)
        if spec.provider == "offline":
            return candidate
        return replace(candidate, rate=rate_at(candidate.target.url, spec.model, embeds=True))

    def _build(self, spec: ModelSpec, timeouts: Timeouts) -> EmbeddingBackend:
        return embedder_of(spec).build(spec, self._wiring, timeouts)

    def _server(self, spec: ModelSpec) -> Server:
        return PROVIDERS[spec.provider].server(spec, self._wiring)


def _common_dimensions(specs: Sequence[ModelSpec]) -> Dimensions:
    """Find how long the chain's vectors are, where it is known.

    Raises:
        ModelConfigError: When two of its models have vectors of different lengths, or one is `offline`.
    """
    first = Dimensions()
    for spec in specs:
        if spec.provider == "offline" and len(specs) > 1:
            raise ModelConfigError(
                "offline hashes words, and its vectors cannot be compared with those of a model; let it "
                "stand alone, or take it out of the chain."
            )
        length = embedder_of(spec).limits(spec).dimensions
        if length is None:
            continue
        if first.length is not None and first.length != length:
            raise ModelConfigError(
                f"{spec} gives vectors of {length} numbers and {first.model} of {first.length}, which cannot "
                "be compared; name a backup with the same length."
            )
        first = Dimensions(length, str(spec))
    return first
