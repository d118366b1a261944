"""The models behind the roles: each role has a chain, the first complete answer wins."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, get_args

from providers.backend import Backend, ModelSpec, Server, Timeouts, Wiring
from providers.breaker import Breakers
from providers.budget import Budget
from providers.catalogue import known_limits
from providers.course import Candidate, Question
from providers.errors import Target
from providers.failover import Failover
from providers.keys import given_keys
from providers.per_loop import WINDOW_TIMEOUT_S, BackendsPerLoop
from providers.protocol import Allowance, ChainFacts, ModelConfigError, Reply, Role, Step
from providers.registry import PROVIDERS
from providers.retrying import MOST_TRIES, Retries
from providers.script import ScriptShelf
from providers.scrub import quote
from providers.spec import parse_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_core.messages import BaseMessage
    from pydantic import SecretStr


DEFAULT_CHAIN = "offline"


class RoleModels:
    """Answers for every role; implements `providers.protocol.Models`.

    Each model of a chain is tried as often as `retries` allow, one in this process once; see `Failover`. An
    answer that breaks off is never spliced with another. Models are built at first use, once per event loop.
    """

    def __init__(  # noqa: PLR0913 - each may be chosen apart
        self,
        chains: Mapping[Role, str],
        *,
        openai_api_key: SecretStr | None = None,
        api_keys: Mapping[str, SecretStr] | None = None,
        timeout_s: float | None = None,
        timeouts: Timeouts = Timeouts(),  # noqa: B008 - it is frozen
        retries: Retries = Retries(),  # noqa: B008 - it is frozen
        breakers: Breakers | None = None,
        context_tokens: Callable[[ModelSpec], int | None] | None = None,
    ) -> None:
        """Read and check every chain; reads `scripted:` files and prices, so never call it on an event loop.

        Args:
            chains: A chain of model strings for each role; a role that is left out is offline.
            openai_api_key: Goes before the environment's `OPENAI_API_KEY`.
            api_keys: Keys by provider name, such as `groq`; each goes before the environment's.
            timeout_s: Seconds for one attempt at one model, first connection to last token; replaces
                `timeouts.total_s`.
            timeouts: All timeouts of one attempt.
            retries: When the same model is asked again.
            breakers: What leaves endpoints alone that fail again and again; by default new ones.
            context_tokens: Tells a model's context window in tokens without the network; of a model for which
                it gives None the server is asked, where the backend can. By default the catalogue tells.

        Raises:
            ModelConfigError: When a chain, a model's package, key or file, a timeout or the tries are wrong.
        """
        timeouts = timeouts if timeout_s is None else replace(timeouts, total_s=timeout_s)
        _check(timeouts, retries)
        keys = given_keys(api_keys or {}, openai_api_key)
        self._wiring = Wiring(scripts=ScriptShelf(), keys=keys, timeouts=timeouts)
        self._retries = retries
        self._breakers = breakers or Breakers()
        self._context_tokens = context_tokens or _listed_window
        self._chains: dict[Role, tuple[ModelSpec, ...]] = {}
        for role in get_args(Role):
            self._chains[role] = self._checked(chains.get(role, DEFAULT_CHAIN), f"The {role} model: ")
        if unknown := set(chains) - set(self._chains):
            raise ModelConfigError(
                f"Unknown role {quote(str(min(unknown)))}; the roles are {', '.join(self._chains)}."
            )
        self._overrides: dict[str, tuple[ModelSpec, ...]] = {}
        self._candidates: dict[ModelSpec, Candidate] = {}
        for spec in {spec for specs in self._chains.values() for spec in specs}:
            self._candidate(spec)
        self._backends = BackendsPerLoop(self._build)
        self._failover = Failover(self._backends, timeouts=timeouts, retries=retries)

    def specs(self, role: Role) -> tuple[ModelSpec, ...]:
        """Return the role's models in order."""
        return self._chains[role]

    def is_offline(self, role: Role) -> bool:
        """Tell whether the role is answered by the offline model."""
        return self._chains[role][0].provider == "offline"

    def describe(self, role: Role) -> str:
        """Return the role's chain in words, with every address that the environment set."""
        return ", then ".join(self._describe(spec) for spec in self._chains[role])

    async def reply(
        self,
        role: Role,
        messages: Sequence[BaseMessage],
        *,
        step: Step,
        chain: str | None = None,
        allowance: Allowance = Allowance(),  # noqa: B008 - it is frozen
    ) -> Reply:
        """Ask the role's models in order until one answers; see `Models.reply`.

        Args:
            role: Which role to ask.
            messages: The conversation.
            step: What the answer is for.
            chain: A chain that replaces the role's own for this call.
            allowance: What is left of the turn's limits; its seconds count from this call. When it skips the
                whole chain, the last model is asked.

        Returns:
            The first complete answer.

        Raises:
            LimitReachedError: When the allowance forbids an attempt or ends one.
            ModelsFailedError: When every model of the chain failed.
            ModelConfigError: When `chain` names something that does not exist.
        """
        clock = asyncio.get_running_loop().time
        budget = Budget(allowance, started=clock())
        specs = self._chains[role] if chain is None else await self._override(chain)
        if any(spec not in self._candidates for spec in specs):
            await asyncio.to_thread(lambda: [self._candidate(spec) for spec in specs])
        chosen = specs[min(max(allowance.skip, 0), len(specs) - 1) :]
        return await self._failover.answer(
            Question(role, step, messages), [self._candidates[spec] for spec in chosen], budget
        )

    def facts(self, role: Role, chain: str | None = None) -> ChainFacts:
        """What asking the role once can cost at most; see `Models.facts`.

        Of a role's own chain everything is known already. A `chain` that was never used may need a file or
        the table of prices, so ask for that off the event loop.

        Raises:
            ModelConfigError: When `chain` names something that does not exist.
        """
        specs = self._chains[role]
        if chain is not None:
            specs = self._overrides.get(chain) or self._checked(chain, "")
            self._overrides[chain] = specs
        candidates = [self._candidate(spec) for spec in specs]
        attempts = sum(candidate.tries for candidate in candidates)
        waits = (
            self._retries.most_s(has_backup=place + 1 < len(specs)) + WINDOW_TIMEOUT_S
            for place, candidate in enumerate(candidates)
            if candidate.is_remote
        )
        return ChainFacts(
            attempts=attempts,
            seconds=attempts * self._wiring.timeouts.total_s + sum(waits),
            prices=tuple(candidate.rate(None) for candidate in candidates),
            names=tuple(map(str, specs)),
        )

    async def aclose(self) -> None:
        """Close the connections; a later reply opens new ones."""
        await self._backends.aclose()
        # A backend whose building was given up may have loaded a model that nobody holds.
        await self._wiring.engines.aclose()

    async def _override(self, chain: str) -> tuple[ModelSpec, ...]:
        if chain not in self._overrides:
            self._overrides[chain] = await asyncio.to_thread(self._checked, chain, "")
        return self._overrides[chain]

    def _checked(self, chain: str, prefix: str) -> tuple[ModelSpec, ...]:
        try:
            specs = parse_chain(chain)
            for spec in specs:
                PROVIDERS[spec.provider].check(spec, self._wiring)
        except ModelConfigError as error:
            raise ModelConfigError(f"{prefix}{error}") from None
        return specs

    def _build(self, spec: ModelSpec) -> Backend:
        return PROVIDERS[spec.provider].build(spec, self._wiring)

    def _candidate(self, spec: ModelSpec) -> Candidate:
        """Say how a model may be asked; the first look may load a table."""
        if (known := self._candidates.get(spec)) is not None:
            return known
        row, server, timeouts = PROVIDERS[spec.provider], self._server(spec), self._wiring.timeouts
        target = Target(
            model=spec.model,
            url=server.url,
            key_variable=row.key_variable,
            timeout_s=timeouts.total_s,
            connect_s=min(timeouts.connect_s, timeouts.total_s),
            secrets=(server.key.get_secret_value(),) if server.key else (),
        )
        # What runs in this process has no server that could be ill or busy for a moment.
        is_remote = server.url is not None
        endpoint = (spec.provider, target.server, spec.model)
        self._candidates[spec] = Candidate(
            spec,
            rate=row.price(spec, self._wiring),
            target=target,
            is_remote=is_remote,
            tries=self._retries.tries if is_remote else 1,
            breaker=self._breakers.of(endpoint) if is_remote else None,
            window=self._context_tokens(spec),
            end_marks=row.end_marks,
        )
        return self._candidates[spec]

    def _server(self, spec: ModelSpec) -> Server:
        return PROVIDERS[spec.provider].server(spec, self._wiring)

    def _describe(self, spec: ModelSpec) -> str:
        server = self._server(spec)
        return f"{spec} (at {server.url}, from {server.source})" if server.source else str(spec)


def _listed_window(spec: ModelSpec) -> int | None:
    """The catalogue's word on models at their makers'; a server of one's own may have set less."""
    if spec.base_url is not None or spec.provider == "ollama":
        return None
    limits = known_limits(spec.provider, spec.model)
    return None if limits is None else limits.context_tokens


def _check(timeouts: Timeouts, retries: Retries) -> None:
    names = {"model": "total_s", "connect": "connect_s", "first-token": "first_token_s", "stall": "stall_s"}
    for name, field in names.items():
        seconds = getattr(timeouts, field)
        if not 0 < seconds < float("inf"):
            raise ModelConfigError(f"The {name} timeout {seconds} must be a positive number of seconds.")
    if not 1 <= retries.tries <= MOST_TRIES:
        raise ModelConfigError(f"The number of tries {retries.tries} must be from 1 to {MOST_TRIES}.")
