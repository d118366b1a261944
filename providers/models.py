"""The models behind the roles: each role has a chain, the first complete answer wins."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, get_args

from providers.answers.structured import Structured, T, ask_as
from providers.backend import Backend, ModelSpec, Server, Timeouts, Wiring
from providers.backends.script import ScriptShelf
from providers.failover.breaker import Breakers
from providers.failover.budget import Budget
from providers.failover.candidates import Candidates
from providers.failover.course import Question
from providers.failover.failover import Failover
from providers.failover.guard import guard
from providers.failover.per_loop import BackendsPerLoop
from providers.failover.retrying import Retries, check_limits
from providers.keys import given_keys
from providers.ledger import Ledger, Stats
from providers.manner import Form, Manner
from providers.mlx.pool import MlxLimits
from providers.mlx.sharing import EngineShare
from providers.place import Prefer, check_prefer, preference_of, preferred
from providers.protocol import Allowance, ModelConfigError, Reply, Role, Step
from providers.registry import PROVIDERS
from providers.roles import RoleParameters
from providers.scrub import quote, scrub
from providers.spec import parse_chain

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from langchain_core.messages import BaseMessage
    from pydantic import SecretStr

    from providers.facts import ChainFacts


DEFAULT_CHAIN = "offline"


@dataclass(frozen=True, slots=True)
class RoleConfig:
    """What is in force for a role; a change puts another one in its place, and running calls keep theirs.

    Attributes:
        specs: Its models in order.
        parameters: What they are asked with.
    """

    specs: tuple[ModelSpec, ...]
    parameters: RoleParameters


class RoleModels:
    """Answers for every role; implements `providers.protocol.Models`.

    Each model of a chain is tried as often as `retries` allow, one in this process once; see `Failover`. An
    answer that breaks off is never spliced with another. Models are built at first use, once per event loop.

    Attributes:
        ledger: Counts every call.
        breakers: Leave endpoints alone that fail again and again.
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
        parameters: Mapping[Role, RoleParameters] | None = None,
        prefer: Prefer = "chain",
        mlx: MlxLimits = MlxLimits(),  # noqa: B008 - it is frozen
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
            parameters: What each role asks with.
            prefer: Which models of each chain are asked, and which first: those on this machine, or others.
            mlx: What models in this process may take of its memory.

        Raises:
            ModelConfigError: When a chain, a model's package, key or file, a timeout or the tries are wrong.
        """
        timeouts = timeouts if timeout_s is None else replace(timeouts, total_s=timeout_s)
        check_limits(timeouts, retries)
        keys = given_keys(api_keys or {}, openai_api_key)
        self._prefer = check_prefer(prefer)
        local_only = self._prefer == "local_only"
        self._wiring = Wiring(ScriptShelf(), keys, timeouts, EngineShare(mlx), local_only=local_only)
        self._retries = retries
        self.breakers = breakers or Breakers()
        self.ledger = Ledger()
        self._candidates = Candidates(self._wiring, retries, self.breakers, context_tokens)
        self._overrides: dict[str, tuple[ModelSpec, ...]] = {}
        self._roles: dict[Role, RoleConfig] = {}
        for role in get_args(Role):
            own = (parameters or {}).get(role, RoleParameters())
            self.configure(role, chains.get(role, DEFAULT_CHAIN), own)
        if unknown := (set(chains) | set(parameters or {})) - set(self._roles):
            raise ModelConfigError(
                f"Unknown role {quote(str(min(unknown)))}; the roles are {', '.join(self._roles)}."
            )
        self._backends = BackendsPerLoop(self._build)
        self._failover = Failover(self._backends, retries=retries)

    def configure(self, role: Role, chain: str, parameters: RoleParameters) -> None:
        """Give a role another chain and parameters; calls that run keep those they began with.

        It may read files and load prices, so never call it on an event loop.

        Raises:
            ModelConfigError: When the chain, or a model's package, key or file is wrong; nothing has changed.
        """
        specs = self._checked(chain, f"The {role} model: ", preference_of(role, chain, self._prefer))
        for spec in specs:
            self._candidates.of(spec)
        self._roles[role] = RoleConfig(specs, parameters)

    def config(self, role: Role) -> RoleConfig:
        """Return what is in force for the role."""
        return self._roles[role]

    def specs(self, role: Role) -> tuple[ModelSpec, ...]:
        """Return the role's models in order."""
        return self._roles[role].specs

    def server(self, spec: ModelSpec) -> Server:
        """Say where a model's requests go."""
        return self._candidates.server(spec)

    def is_offline(self, role: Role) -> bool:
        """Tell whether the role is answered by the offline model."""
        return self._roles[role].specs[0].provider == "offline"

    def describe(self, role: Role) -> str:
        """Return the role's chain in words, with every address that the environment set."""
        return ", then ".join(self._describe(spec) for spec in self._roles[role].specs)

    async def reply(  # noqa: PLR0913 - as Models.reply, and for whom there is no turn
        self,
        role: Role,
        messages: Sequence[BaseMessage],
        *,
        step: Step,
        chain: str | None = None,
        allowance: Allowance = Allowance(),  # noqa: B008 - it is frozen
        tools: Sequence[Any] = (),
        needs_tools: bool = False,
        form: Form | None = None,
    ) -> Reply:
        """Ask the role's models in order until one answers; see `Models.reply`.

        Args:
            role: Which role to ask.
            messages: The conversation.
            step: What the answer is for.
            chain: A chain that replaces the role's own for this call.
            allowance: What is left of the turn's limits; its seconds count from this call. When it skips the
                whole chain, the last model is asked.
            tools: What the model may call, in any form that LangChain's `bind_tools` takes.
            needs_tools: Whether a model that takes none is passed over; else it is asked without them.
            form: The form that the answer must have; it is not checked here, see `reply_as`.

        Returns:
            The first complete answer.

        Raises:
            LimitReachedError: When the allowance forbids an attempt or ends one.
            ModelsFailedError: When every model of the chain failed.
            ModelConfigError: When `chain` names something that does not exist.
        """
        clock = asyncio.get_running_loop().time
        budget = Budget(allowance, started=clock())
        config = self._roles[role]
        specs = config.specs if chain is None else await self._override(chain)
        if not all(map(self._candidates.has, specs)):
            await asyncio.to_thread(lambda: list(map(self._candidates.of, specs)))
        chosen = specs[min(max(allowance.skip, 0), len(specs) - 1) :]
        manner = replace(
            self._manner(config.parameters), tools=tuple(tools), form=form, needs_tools=needs_tools
        )
        question, is_fallback = Question(role, step, messages, manner), False
        try:
            reply = await self._failover.answer(question, list(map(self._candidates.of, chosen)), budget)
            is_fallback = reply.place > 0
        finally:
            self.ledger.record(role, budget.calls, is_fallback=is_fallback)
        return reply

    async def reply_as(  # noqa: PLR0913 - as reply
        self,
        role: Role,
        messages: Sequence[BaseMessage],
        schema: type[T],
        *,
        step: Step = "answer",
        chain: str | None = None,
        allowance: Allowance = Allowance(),  # noqa: B008 - it is frozen
    ) -> Structured[T]:
        """Ask for an answer in a form; one that does not fit is asked for once more.

        Args:
            role: Which role to ask.
            messages: The conversation; the form is asked for in its last message.
            schema: What the answer must be.
            step: What the answer is for.
            chain: A chain that replaces the role's own for this call.
            allowance: For both questions; what they can cost is `ChainFacts.form_attempts`.

        Raises:
            UnfitAnswerError: When the second answer does not fit either, or the model declined.
            LimitReachedError: When the allowance forbids an attempt or ends one.
            ModelsFailedError: When every model of the chain failed.
            ModelConfigError: When `chain` names something that does not exist.
        """

        async def ask(asked: Sequence[BaseMessage], left: Allowance, form: Form) -> Reply:
            whole = step if step != "answer" else "judge"  # half an object is worth nothing
            return await self.reply(role, asked, step=whole, chain=chain, allowance=left, form=form)

        clock = asyncio.get_running_loop().time
        return await ask_as(schema, messages, allowance, ask=ask, clock=clock)

    def stats(self) -> Stats:
        """Return what has been used since these models were made."""
        roles, models = self.ledger.usage()
        return Stats(roles=roles, models=models, breakers=self._candidates.states())

    def facts(self, role: Role, chain: str | None = None) -> ChainFacts:
        """What asking the role once can cost at most; see `Models.facts`.

        Of a role's own chain everything is known already. A `chain` that was never used may need a file or
        the table of prices, so ask for that off the event loop.

        Raises:
            ModelConfigError: When `chain` names something that does not exist.
        """
        config = self._roles[role]
        specs = config.specs
        if chain is not None:
            specs = self._overrides.get(chain) or self._checked(chain, "", self._prefer)
            self._overrides[chain] = specs
        return self._candidates.facts(specs, self._manner(config.parameters).timeouts.total_s)

    async def aclose(self) -> None:
        """Close the connections; a later reply opens new ones."""
        await self._backends.aclose()
        # A backend whose building was given up may have loaded a model that nobody holds.
        await self._wiring.engines.aclose()

    async def _override(self, chain: str) -> tuple[ModelSpec, ...]:
        if chain not in self._overrides:
            self._overrides[chain] = await asyncio.to_thread(self._checked, chain, "", self._prefer)
        return self._overrides[chain]

    def _checked(self, chain: str, prefix: str, prefer: Prefer) -> tuple[ModelSpec, ...]:
        try:
            specs = preferred(parse_chain(chain), prefer, self._candidates.server)
            for spec in specs:
                PROVIDERS[spec.provider].check(spec, self._wiring)
        except ModelConfigError as error:
            raise ModelConfigError(f"{prefix}{error}") from None
        return specs

    def _manner(self, parameters: RoleParameters) -> Manner:
        timeouts = parameters.timeouts(self._wiring.timeouts)
        return Manner(timeouts, parameters.sampling, parameters.loading, parameters.max_tokens)

    def _build(self, spec: ModelSpec, timeouts: Timeouts) -> Backend:
        backend = PROVIDERS[spec.provider].build(spec, replace(self._wiring, timeouts=timeouts))
        guard(backend.chat, self._candidates.target(spec, timeouts))
        return backend

    def _describe(self, spec: ModelSpec) -> str:
        server = self.server(spec)
        return f"{spec} (at {scrub(server.url or '')}, from {server.source})" if server.source else str(spec)
