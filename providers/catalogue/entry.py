"""One model of the catalogue: what is known about it, and who says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

Category = Literal["chat", "code", "reasoning", "embedding", "image", "video"]
Capability = Literal["tools", "structured_output", "vision", "reasoning", "pdf_input", "audio_input"]
CatalogueRole = Literal["reasoning", "coding", "background", "embedding"]

CATEGORIES: tuple[Category, ...] = get_args(Category)
CAPABILITIES: tuple[Capability, ...] = get_args(Capability)
ROLES: tuple[CatalogueRole, ...] = get_args(CatalogueRole)


@dataclass(frozen=True, slots=True)
class Source:
    """Who says something.

    Attributes:
        name: A package with its version, or the title of a page.
        url: Where it is kept.
        read: The day on which it was read.
    """

    name: str
    url: str
    read: date


@dataclass(frozen=True, slots=True)
class ListPrice:
    """What a model costs, in US dollars per million tokens, for short inputs where the price has tiers.

    Attributes:
        input_usd: For input.
        output_usd: For output.
        cached_usd: For input that the provider took from its cache, or None when nobody says.
    """

    input_usd: float
    output_usd: float
    cached_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """How much fits into a model, in tokens; None is unknown.

    Attributes:
        context_tokens: Input and output together.
        max_input_tokens: Input.
        max_output_tokens: Output.
    """

    context_tokens: int | None = None
    max_input_tokens: int | None = None
    max_output_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One model at one provider. What no source says is None or absent, never zero or false.

    Attributes:
        provider: As a model string begins, such as `openai`.
        model_id: As a model string goes on, such as `gpt-5`.
        name: For people.
        categories: What it is made for.
        capabilities: For each capability of which a source speaks, whether the model has it.
        limits: How much fits into it.
        price: None where genai-prices has none; `providers.prices` reckons bills, from the same table.
        roles: The roles that it suits; a rule of ours, see `README.md`.
        retires: The day from which it no longer answers, when one is announced.
        is_deprecated: Whether its provider advises against it.
        profiles: Of Bedrock, the inference profiles by which it is reached, such as `us` and `global`.
        sources: For each known field, the key of the source that said it.
    """

    provider: str
    model_id: str
    name: str
    categories: frozenset[Category] = frozenset()
    capabilities: Mapping[Capability, bool] = field(default_factory=dict)
    limits: Limits = Limits()
    price: ListPrice | None = None
    roles: tuple[CatalogueRole, ...] = ()
    retires: date | None = None
    is_deprecated: bool | None = None
    profiles: tuple[str, ...] = ()
    sources: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        """Return the model string."""
        return f"{self.provider}:{self.model_id}"

    def can(self, capability: Capability) -> bool | None:
        """Whether it has a capability; None when nobody says."""
        return self.capabilities.get(capability)
