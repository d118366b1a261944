"""The services that nodes are given: made from the settings, replaceable one by one."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Self, get_args

from graph.memory import compares_vectors, open_jobs, open_memory
from graph.proving import open_verifier
from graph.settings import Settings
from graph.sorting import open_classifier
from graph.tooling import open_tooling
from memory import Memory
from memory.queue.protocol import Jobs
from nodes import RoutingLedger, Toolbox, Verifies
from providers import Models, Retries, Role, RoleModels, RoleParameters, Timeouts
from providers.embedding import Embedder, EmbeddingModels
from providers.mlx.pool import MlxLimits
from providers.place import preference_of
from routing.classifier import Classifier, Router
from sandbox import Check, Evidence, Options, SourceFile, Verifier


@dataclass(frozen=True, slots=True)
class Services:
    """What nodes need from the rooms below them.

    Attributes:
        models: Answers for the roles.
        verifier: Runs code in a sandbox.
        memory: What outlives a session; None for a graph that recalls nothing and keeps nothing.
        jobs: The queue of work behind the answer; None for a graph that is not learned from.
        embedder: Turns what is looked for into a vector; None where words alone are compared.
        tools: What the reasoning model may call; None for nothing.
        classifier: Says what a request is, where words tell.
        routing: Counts how requests were decided.
    """

    models: Models
    verifier: Verifies
    memory: Memory | None = None
    jobs: Jobs | None = None
    embedder: Embedder | None = None
    tools: Toolbox | None = None
    classifier: Router = field(default_factory=Classifier.load)
    routing: RoutingLedger = field(default_factory=RoutingLedger)

    @classmethod
    def from_settings(cls, settings: Settings, *, remembers: bool = False) -> Self:
        """Make the services that `settings` describe; nothing is started or contacted yet.

        Args:
            settings: What an installation chooses.
            remembers: Whether memory and its queue are among them, in the database that is configured.

        Raises:
            ModelConfigError: When a chain names something that does not exist, the embedding role's too.
            MemoryStoreError: When memory is configured wrongly.
            SettingsError: When a tool or a MiniLM folder that is named cannot be used.
        """
        models = role_models(settings)
        # Made before a turn needs it; that costs nothing and contacts nobody.
        embedder = embedding_models(settings, models)
        verifier = LazyVerifier(settings)
        memory = open_memory(settings) if remembers else None
        compared = embedder if memory is not None and compares_vectors(settings) else None
        tools = open_tooling(settings, memory, compared)
        classifier = open_classifier(settings.routing_minilm)
        if memory is None:
            return cls(models, verifier, tools=tools, classifier=classifier)
        learns = settings.enrichment != "off"
        jobs = open_jobs(settings) if learns else None
        return cls(models, verifier, memory, jobs, compared, tools, classifier)


def role_models(settings: Settings) -> RoleModels:
    """Make the models that `settings` describe; nothing is contacted yet.

    Raises:
        ModelConfigError: When a chain names something that does not exist.
    """
    return RoleModels(
        settings.chains(),
        openai_api_key=settings.openai_api_key,
        api_keys=settings.api_keys,
        timeout_s=settings.model_timeout_s,
        retries=Retries(tries=settings.model_tries),
        parameters={role: settings.roles[role] for role in get_args(Role) if role in settings.roles},
        prefer=settings.prefer,
        mlx=MlxLimits(settings.mlx_memory_gb, settings.mlx_prompt_cache_gb),
    )


def embedding_models(settings: Settings, models: RoleModels | None = None) -> EmbeddingModels:
    """Make the embedding role that `settings` describe; nothing is contacted yet.

    Args:
        settings: What an installation chooses.
        models: The other roles, with whose figures its own are kept, and whose breakers it shares.

    Raises:
        ModelConfigError: When its chain names something that cannot embed.
    """
    return EmbeddingModels(
        settings.embedding_model,
        openai_api_key=settings.openai_api_key,
        api_keys=settings.api_keys,
        timeouts=Timeouts(total_s=settings.model_timeout_s),
        retries=Retries(tries=settings.model_tries),
        prefer=preference_of("embedding", settings.embedding_model, settings.prefer),
        breakers=models.breakers if models else None,
        ledger=models.ledger if models else None,
        parameters=settings.roles.get("embedding", RoleParameters()),
    )


class LazyVerifier:
    """A verifier that opens and self-tests its sandbox at the first use, not before.

    The opening is cut by the turn's deadline like the verification itself.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._verifier: Verifier | None = None

    async def verify(  # noqa: PLR0913  # as the sandbox offers it
        self,
        files: Sequence[SourceFile],
        *,
        tests: str = "",
        acceptance: str = "",
        on_check: Callable[[Check], None] | None = None,
        seconds: float | None = None,
        options: Options | None = None,
    ) -> Evidence:
        """Open the sandbox if need be, then climb the ladder; see `sandbox.Verifier.verify`."""
        started = time.monotonic()
        if self._verifier is None:  # two first uses at once probe twice, which does no harm
            try:
                async with asyncio.timeout(seconds):
                    self._verifier = await open_verifier(self._settings)
            except TimeoutError:
                return Evidence(status="not_executed", reason="the time was over before a sandbox was open")
        left = None if seconds is None else seconds - (time.monotonic() - started)
        return await self._verifier.verify(
            files, tests=tests, acceptance=acceptance, on_check=on_check, seconds=left, options=options
        )
