"""The table of embedders: what may stand in the chain of the embedding role."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from providers.embedders import bedrock, hashed, http
from providers.embedders.embedder import EmbeddingProvider
from providers.protocol import ModelConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from providers.backend import ModelSpec

_OVER_HTTP = EmbeddingProvider(http.check, http.build, http.limits)

EMBEDDERS: Mapping[str, EmbeddingProvider] = MappingProxyType(
    {
        "offline": EmbeddingProvider(hashed.check, hashed.build, hashed.limits),
        "ollama": _OVER_HTTP,
        "bedrock": EmbeddingProvider(bedrock.check, bedrock.build, bedrock.limits),
        **dict.fromkeys(http.SPEAK_OPENAI, _OVER_HTTP),
    }
)
"""Every provider that can embed, by the name that opens its model string."""


def embedder_of(spec: ModelSpec) -> EmbeddingProvider:
    """Return the row of a model.

    Raises:
        ModelConfigError: When its provider cannot embed.
    """
    if (found := EMBEDDERS.get(spec.provider)) is None:
        raise ModelConfigError(
            f"{spec} cannot embed here; use offline, ollama:MODEL, bedrock:amazon.titan-embed-text-v2:0, "
            "or a service that speaks OpenAI's API."
        )
    return found
