"""The models behind the roles: each role has a chain, the first complete answer wins."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, cast, get_args

from langchain_core.messages import AIMessage, AIMessageChunk

from providers.answer import Answer, check_answer, read_answer
from providers.backend import Backend, ModelSpec, Server, Wiring
from providers.errors import Target, classify
from providers.per_loop import BackendsPerLoop
from providers.protocol import Call, ModelConfigError, ModelError, ModelsFailedError, Reply, Role, Step
from providers.registry import PROVIDERS
from providers.script import ScriptShelf
from providers.scrub import quote
from providers.spec import parse_chain

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping, Sequence

    from langchain_core.messages import BaseMessage
    from langchain_core.runnables import RunnableConfig
    from pydantic import SecretStr

DEFAULT_CHAIN = "offline"


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
        """Read and check every chain; may read `scripted:` files, so never call it on an event loop.

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
        self._wiring = Wiring(scripts=ScriptShelf(), keys=keys, timeout_s=timeout_s)
        self._chains: dict[Role, tuple[ModelSpec, ...]] = {}
        for role in get_args(Role):
            self._chains[role] = self._checked(chains.get(role, DEFAULT_CHAIN), f"The {role} model: ")
        if unknown := set(chains) - set(self._chains):
            raise ModelConfigError(
                f"Unknown role {quote(str(min(unknown)))}; the roles are {', '.join(self._chains)}."
            )
        self._overrides: dict[str, tuple[ModelSpec, ...]] = {}
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
    ) -> Reply:
        """Ask the role's models in order until one answers; see `Models.reply`.

        Args:
            role: Which role to ask.
            messages: The conversation.
            step: What the answer is for.
            chain: A chain that replaces the role's own for this call.

        Returns:
            The first complete answer.

        Raises:
            ModelsFailedError: When every model of the chain failed.
            ModelConfigError: When `chain` names something that does not exist.
        """
        specs = self._chains[role] if chain is None else await self._override(chain)
        calls: list[Call] = []
        reasons: list[str] = []
        for spec in specs:
            started = time.perf_counter()
            answer, error = Answer(), None
            try:
                answer = await self._ask(spec, messages, _labels(role, step))
            except ModelError as failure:
                error = failure.kind
                reasons.append(f"{spec}: {failure}")
            calls.append(
                Call(
                    role=role,
                    step=step,
                    backend=spec.provider,
                    model_id=spec.model or spec.provider,
                    latency_s=time.perf_counter() - started,
                    input_tokens=answer.input_tokens,
                    output_tokens=answer.output_tokens,
                    error=error,
                )
            )
            if error is None:
                return Reply(answer.text, answer.reasoning, answer.refusal, answer.tool_calls, calls)
        raise ModelsFailedError(f"No model answered for the {role} role: {' | '.join(reasons)}", calls)

    async def aclose(self) -> None:
        """Close the connections; a later reply opens new ones."""
        await self._backends.aclose()

    async def _ask(self, spec: ModelSpec, messages: Sequence[BaseMessage], config: RunnableConfig) -> Answer:
        """Make one attempt; every failure but cancellation and configuration becomes a `ModelError`."""
        backend = await self._backends.get(spec)
        failure: ModelError
        try:
            async with asyncio.timeout(self._wiring.timeout_s):
                message = await _collect(backend, messages, config)
            answer = read_answer(message)
            check_answer(message, answer, PROVIDERS[spec.provider].end_marks)
        except Exception as error:  # noqa: BLE001 - whatever a backend raises, the next one is asked
            failure = classify(error, self._target(spec))
        else:
            return answer
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

    def _server(self, spec: ModelSpec) -> Server:
        return PROVIDERS[spec.provider].server(spec, self._wiring)

    def _target(self, spec: ModelSpec) -> Target:
        server = self._server(spec)
        return Target(
            model=spec.model,
            url=server.url,
            key_variable=PROVIDERS[spec.provider].key_variable,
            timeout_s=self._wiring.timeout_s,
            secrets=(server.key.get_secret_value(),) if server.key else (),
        )

    def _describe(self, spec: ModelSpec) -> str:
        server = self._server(spec)
        return f"{spec} (at {server.url}, from {server.source})" if server.source else str(spec)


def _labels(role: Role, step: Step) -> RunnableConfig:
    """Label the run for the offline model and for whoever watches; callbacks are inherited."""
    return {
        "metadata": {"duograph_step": step, "duograph_role": role},
        "tags": [f"role:{role}", f"step:{step}"],
    }


async def _collect(backend: Backend, messages: Sequence[BaseMessage], config: RunnableConfig) -> AIMessage:
    """Stream to the end, so that a watching graph sees the tokens, and return the whole message."""
    chunks: list[AIMessageChunk] = []
    stream = cast("AsyncGenerator[AIMessage, None]", backend.chat.astream(list(messages), config=config))
    async with aclosing(stream):
        async for chunk in stream:
            if not isinstance(chunk, AIMessageChunk):
                return chunk
            chunks.append(chunk)
    if not chunks:
        raise ModelError("empty", "it answered with nothing; try again or use another model.")
    return chunks[0] + chunks[1:]
