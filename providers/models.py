"""The models behind the roles: each role has a chain, the first complete answer wins."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, get_args

from providers.answer import Answer, check_answer, read_answer
from providers.attempt import Attempt, collect
from providers.backend import Backend, ModelSpec, Server, Timeouts, Wiring
from providers.budget import Budget
from providers.errors import Target, classify
from providers.estimate import input_tokens
from providers.per_loop import BackendsPerLoop
from providers.protocol import (
    Allowance,
    Call,
    ChainFacts,
    LimitReachedError,
    ModelConfigError,
    ModelError,
    ModelsFailedError,
    Reply,
    Role,
    Step,
)
from providers.registry import PROVIDERS
from providers.script import ScriptShelf
from providers.scrub import quote
from providers.spec import parse_chain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig
    from pydantic import SecretStr

    from providers.prices import Rate

DEFAULT_CHAIN = "offline"


@dataclass(frozen=True, slots=True)
class _Question:
    role: Role
    step: Step
    messages: Sequence[BaseMessage]

    @property
    def config(self) -> RunnableConfig:
        """Labels for the offline model and for whoever watches; callbacks are inherited."""
        return {
            "metadata": {"duograph_step": self.step, "duograph_role": self.role},
            "tags": [f"role:{self.role}", f"step:{self.step}"],
        }


class RoleModels:
    """Answers for every role; implements `providers.protocol.Models`.

    Each model of a chain gets one attempt. An attempt that fails, or whose stream breaks, is recorded and the
    next model starts afresh: answers are never spliced. Models are built at first use, once per event loop.
    """

    def __init__(
        self,
        chains: Mapping[Role, str],
        *,
        openai_api_key: SecretStr | None = None,
        timeout_s: float = 120.0,
    ) -> None:
        """Read and check every chain; reads `scripted:` files and prices, so never call it on an event loop.

        Args:
            chains: A chain of model strings for each role; a role that is left out is offline.
            openai_api_key: Goes before the environment's `OPENAI_API_KEY`.
            timeout_s: Seconds for one attempt at one model, first connection to last token.

        Raises:
            ModelConfigError: When a chain, a model's package, key or file, or the timeout is wrong.
        """
        if not 0 < timeout_s < float("inf"):
            raise ModelConfigError(f"The model timeout {timeout_s} must be a positive number of seconds.")
        keys = {} if openai_api_key is None else {"openai": openai_api_key}
        timeouts = Timeouts(total_s=timeout_s)
        self._wiring = Wiring(scripts=ScriptShelf(), keys=keys, timeouts=timeouts)
        self._chains: dict[Role, tuple[ModelSpec, ...]] = {}
        for role in get_args(Role):
            self._chains[role] = self._checked(chains.get(role, DEFAULT_CHAIN), f"The {role} model: ")
        if unknown := set(chains) - set(self._chains):
            raise ModelConfigError(
                f"Unknown role {quote(str(min(unknown)))}; the roles are {', '.join(self._chains)}."
            )
        self._overrides: dict[str, tuple[ModelSpec, ...]] = {}
        self._rates: dict[ModelSpec, Rate] = {}
        for spec in {spec for specs in self._chains.values() for spec in specs}:
            self._rate(spec)
        self._backends = BackendsPerLoop(self._build)

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
        if any(spec not in self._rates for spec in specs):
            await asyncio.to_thread(lambda: [self._rate(spec) for spec in specs])
        question = _Question(role, step, messages)
        reasons: list[str] = []
        for spec in specs[min(max(allowance.skip, 0), len(specs) - 1) :]:
            answer = await self._attempt(spec, question, budget)
            if isinstance(answer, Answer):
                return Reply(answer.text, answer.reasoning, answer.refusal, answer.tool_calls, budget.calls)
            reasons.append(f"{spec}: {answer}")
        raise ModelsFailedError(f"No model answered for the {role} role: {' | '.join(reasons)}", budget.calls)

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
        return ChainFacts(
            attempts=len(specs),
            seconds=len(specs) * self._wiring.timeouts.total_s,
            prices=tuple(self._rate(spec)(None) for spec in specs),
            names=tuple(map(str, specs)),
        )

    async def aclose(self) -> None:
        """Close the connections; a later reply opens new ones."""
        await self._backends.aclose()
        # A backend whose building was given up may have loaded a model that nobody holds.
        await self._wiring.engines.aclose()

    async def _attempt(self, spec: ModelSpec, question: _Question, budget: Budget) -> Answer | ModelError:
        """Make one attempt within the budget and record it."""
        now = asyncio.get_running_loop().time()
        attempt = budget.admit(input_tokens(question.messages), self._rate(spec), now=now)
        started = time.perf_counter()
        result: Answer | ModelError
        try:
            result = await self._ask(spec, question, attempt, budget.deadline)
        except ModelError as failure:
            result = failure
        error = result.kind if isinstance(result, ModelError) else None
        budget.calls.append(
            Call(
                role=question.role,
                step=question.step,
                backend=spec.provider,
                model_id=spec.model or spec.provider,
                latency_s=time.perf_counter() - started,
                error=error,
                **attempt.usage(error),
            )
        )
        if attempt.struck is not None:
            raise LimitReachedError(attempt.struck, budget.calls)
        return result

    async def _ask(
        self, spec: ModelSpec, question: _Question, attempt: Attempt, deadline: float | None
    ) -> Answer:
        """Ask one model; every failure but cancellation and configuration becomes a `ModelError`."""
        turn = asyncio.timeout_at(deadline)
        failure: ModelError
        try:
            async with turn:
                backend = await self._backends.get(spec)
                async with asyncio.timeout(self._wiring.timeouts.total_s):
                    message = await collect(backend, question.messages, question.config, attempt)
            attempt.check_end(message)
            answer = read_answer(message)
            check_answer(message, answer, PROVIDERS[spec.provider].end_marks)
        except ModelConfigError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a backend raises, the next one is asked
            failure = classify(error, self._target(spec))
        else:
            return answer
        if turn.expired():
            attempt.struck = "deadline"
            failure = ModelError("timeout", "the turn's deadline passed.")
        # Raised outside the handler: the original may hold the request with its key.
        raise failure

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

    def _rate(self, spec: ModelSpec) -> Rate:
        if spec not in self._rates:
            self._rates[spec] = PROVIDERS[spec.provider].price(spec, self._wiring)
        return self._rates[spec]

    def _server(self, spec: ModelSpec) -> Server:
        return PROVIDERS[spec.provider].server(spec, self._wiring)

    def _target(self, spec: ModelSpec) -> Target:
        server = self._server(spec)
        return Target(
            model=spec.model,
            url=server.url,
            key_variable=PROVIDERS[spec.provider].key_variable,
            timeout_s=self._wiring.timeouts.total_s,
            secrets=(server.key.get_secret_value(),) if server.key else (),
        )

    def _describe(self, spec: ModelSpec) -> str:
        server = self._server(spec)
        return f"{spec} (at {server.url}, from {server.source})" if server.source else str(spec)
