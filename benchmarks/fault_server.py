"""A server on loopback for each API, whose models misbehave as their names say."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from pydantic import SecretStr

from benchmarks.loopback import FAULTS
from tests.providers.servers.anthropic_api import AnthropicDialect
from tests.providers.servers.base import Dialect, Loopback, Seen
from tests.providers.servers.bedrock_api import BedrockDialect, asked_model
from tests.providers.servers.ollama_api import OllamaDialect
from tests.providers.servers.openai_api import OpenAIDialect

APIS: Final = ("openai", "anthropic", "bedrock", "ollama")
"""One backend of each API."""

_PLAYS = MappingProxyType(
    {
        **{fault: fault for fault in FAULTS},
        "429": "429+30",
        "429-once": "429+0.2",
        "empty": "empty_cut",
        "think": "only_closing_tag",
    }
)
# Bedrock's client wants to know who made a model, and takes that from its id.
_BEFORE = "us.anthropic.claude-opus-4-"
_AWS = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_REGION": "us-east-1"}


class FaultServer(Loopback):
    """Speaks one API; it counts requests by model."""

    def __init__(self, api: str) -> None:
        dialects: dict[str, Dialect] = {
            "openai": OpenAIDialect(),
            "anthropic": AnthropicDialect(),
            "bedrock": BedrockDialect(),
            "ollama": OllamaDialect(),
        }
        super().__init__(dialects[api])
        self.api = api

    @property
    def base_url(self) -> str:
        """The address as the API's clients want it."""
        return f"{self.url}/v1" if self.api == "openai" else self.url

    def chain(self, *models: str) -> str:
        """A chain of models here, by the names of their faults."""
        before = _BEFORE if self.api == "bedrock" else ""
        return ",".join(f"{self.api}:{before}{model}@{self.base_url}" for model in models)

    def keys(self) -> dict[str, SecretStr]:
        """A key for those whose requests are not signed."""
        return {} if self.api == "bedrock" else {self.api: SecretStr("none")}

    def counts(self) -> Counter[str]:
        """Requests so far, by model."""
        return Counter(map(_model, list(self.seen)))

    def next_play(self, seen: Seen) -> str:
        """Misbehave as the model's name says; any other name answers."""
        model = _model(seen)
        if model == "429-once" and self.counts()[model] > 1:
            return "answer"
        return _PLAYS.get(model, "answer")


def _model(seen: Seen) -> str:
    return (asked_model(seen) or str(seen.body.get("model", ""))).removeprefix(_BEFORE)


@contextmanager
def serving(api: str) -> Iterator[FaultServer]:
    """Serve for as long as the block runs, with AWS credentials in the environment that open nothing."""
    before = {name: os.environ.get(name) for name in _AWS}
    os.environ.update(_AWS)
    server = FaultServer(api)
    try:
        with server.running():
            yield server
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
