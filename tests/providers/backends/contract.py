"""Every backend with a server of its own on loopback, for the suites that all of them must pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import SecretStr

from providers import Retries, RoleModels
from providers.backend import Backend, Timeouts, Wiring
from providers.backends.script import ScriptShelf
from providers.registry import PROVIDERS
from providers.spec import parse_spec
from tests.providers.conftest import CANARY
from tests.providers.servers.anthropic_api import AnthropicDialect
from tests.providers.servers.base import Dialect, Loopback
from tests.providers.servers.bedrock_api import BedrockDialect
from tests.providers.servers.ollama_api import OllamaDialect
from tests.providers.servers.openai_api import OpenAIDialect

MODEL = "org/model:8b"


def one_try(
    chain: str, keys: Mapping[str, SecretStr] = MappingProxyType({}), timeout_s: float = 20
) -> RoleModels:
    """Models that ask once: what a backend makes of a fault shows in one call."""
    return RoleModels({"reasoning": chain}, api_keys=keys, timeout_s=timeout_s, retries=Retries(tries=1))


@dataclass(frozen=True)
class Side:
    """One backend and the server that it asks."""

    provider: str
    model: str
    path: str
    server: Loopback

    @property
    def chain(self) -> str:
        return f"{self.provider}:{self.model}@{self.server.url}{self.path}"

    @property
    def keys(self) -> dict[str, SecretStr]:
        """Its key; Bedrock's requests are signed with the credentials of the environment instead."""
        return {} if self.provider == "bedrock" else {self.provider: SecretStr(CANARY)}

    def models(self, timeout_s: float = 20) -> RoleModels:
        return one_try(self.chain, self.keys, timeout_s)

    def backend(self) -> Backend:
        wiring = Wiring(ScriptShelf(), self.keys, Timeouts(total_s=20))
        return PROVIDERS[self.provider].build(parse_spec(self.chain), wiring)


def dialect(provider: str) -> tuple[Dialect, str, str]:
    """The API that a backend speaks, a model for it, and the path in its address."""
    if provider == "anthropic":
        return AnthropicDialect(), "claude-opus-5-5", ""
    if provider == "bedrock":
        return BedrockDialect(), "us.anthropic.claude-opus-5-5", ""
    if provider == "ollama":
        return OllamaDialect(), MODEL, ""
    field = "reasoning" if provider in ("groq", "cerebras", "vllm") else "reasoning_content"
    field = {"mistral": "content", "openrouter": "reasoning_details"}.get(provider, field)
    every = provider in ("xai", "perplexity")
    signs = provider == "gemini"
    return OpenAIDialect(field, counts_in_every_chunk=every, signs_calls=signs), MODEL, "/v1"


@contextmanager
def serve(provider: str) -> Iterator[Side]:
    spoken, model, path = dialect(provider)
    with Loopback(spoken).running() as server:
        yield Side(provider, model, path, server)


APIS = ("openai", "anthropic", "bedrock", "ollama")
"""One backend of each API: what breaks in an API breaks alike for all that speak it."""
