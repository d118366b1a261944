"""Every backend with a server of its own on loopback, for the suites that all of them must pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from langchain_core.messages import BaseMessage, HumanMessage, SystemMessage
from pydantic import SecretStr

from providers import Reply, Retries, RoleModels
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

if TYPE_CHECKING:
    from tests.providers.backends.contract_mlx import MlxSide

MODEL = "org/model:8b"
QUESTION: list[BaseMessage] = [SystemMessage("be brief"), HumanMessage("hi")]


class Said(NamedTuple):
    """What a model says in a play."""

    text: str
    reasoning: str = ""


def add(a: int) -> int:
    """Add one."""
    return a + 1


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

    tool: Any = add
    called = ("add", {"a": 1})
    at_once = 20
    counts: tuple[int, int] | None = (7, 2)

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
        return make_backend(self.chain, self.keys)

    def question(self, play: str) -> list[BaseMessage]:
        """What is asked, whatever is to be played."""
        del play
        return QUESTION

    def said(self, play: str) -> Said:
        """What the server says."""
        return Said("Hello", "" if play == "answer" else "secret")

    def prepare(self, *plays: str) -> None:
        """Tell the server what to play next."""
        self.server.plays.extend(plays)

    def reset(self) -> None:
        """Forget what was played."""
        self.server.plays.clear()
        self.server.seen.clear()
        self.server.hung_up.clear()


@dataclass(frozen=True)
class Api:
    """One API: its server, and what asks it."""

    side: Side | MlxSide
    models: RoleModels
    hasty: RoleModels
    backend: Backend

    @property
    def server(self) -> Loopback:
        assert isinstance(self.side, Side)
        return self.side.server

    async def reply(self, *plays: str) -> Reply:
        self.side.prepare(*plays)
        question = self.side.question(plays[0] if plays else "answer")
        return await self.models.reply("reasoning", question, step="plan")


def make_backend(chain: str, keys: Mapping[str, SecretStr]) -> Backend:
    wiring, spec = Wiring(ScriptShelf(), dict(keys), Timeouts(total_s=20)), parse_spec(chain)
    return PROVIDERS[spec.provider].build(spec, wiring)


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
