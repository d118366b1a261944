"""What a model costs, as the table inside `genai-prices` says; nothing is looked up on the network."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from providers.facts import Price

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, TieredPrices

Rate = Callable[[int | None], Price | None]
"""Gives the price of an attempt with so many input tokens (None: the dearest tier), or None for unknown."""

LOCAL = Price(0.0, 0.0, "local")
LOCAL_SERVER = Price(0.0, 0.0, "local server")
SCRIPTED = Price(0.0, 0.0, "script")
"""A script whose lines say what they cost; the figures per token are zero because they say nothing here."""

# Hosts by their exact name: regional and resellers' hosts have prices of their own.
_TABLE_OF_HOST = MappingProxyType(
    {
        "api.openai.com": "openai",
        "api.anthropic.com": "anthropic",
        "api.cerebras.ai": "cerebras",
        "api.deepseek.com": "deepseek",
        "api.fireworks.ai": "fireworks",
        "api.groq.com": "groq",
        "api.minimax.io": "minimax",
        "api.mistral.ai": "mistral",
        "api.moonshot.ai": "moonshotai",
        "api.novita.ai": "novita",
        "api.perplexity.ai": "perplexity",
        "api.together.xyz": "together",
        "api.x.ai": "x-ai",
        "generativelanguage.googleapis.com": "google",
        "openrouter.ai": "openrouter",
    }
)

_BEDROCK = re.compile(r"bedrock-runtime\.([a-z0-9-]+)\.amazonaws\.com")
_US_REGIONS = ("us-east-1", "us-east-2", "us-west-2")


def always(price: Price | None) -> Rate:
    """Return the rate of a model that costs the same whatever is sent."""
    return lambda _input_tokens: price


def rate_at(url: str | None, model: str, *, embeds: bool = False) -> Rate:
    """Find what a model costs at a server; the first look into the table loads it, so call it off the loop.

    Args:
        url: The server's base URL. A server on this machine or in a private network counts as free.
        model: The model's id there.
        embeds: Whether it gives vectors, so that nothing comes back that could have a price.

    Returns:
        Its rate; of a host or model that the table does not know, the one that always says None.
    """
    try:
        host = (urlsplit(url or "").hostname or "").rstrip(".")
    except ValueError:
        return always(None)
    if _is_local(host):
        return always(LOCAL_SERVER)
    table = _TABLE_OF_HOST.get(host) or ("aws" if _is_priced_bedrock(host, model) else None)
    return always(None) if table is None else _rate_in(table, model, embeds=embeds)


def cost_usd(price: Price, input_tokens: int, output_tokens: int, cached_tokens: int = 0) -> float:
    """Return US dollars for so many tokens.

    Args:
        price: What the model costs.
        input_tokens: Tokens sent, cached ones too.
        output_tokens: Tokens received.
        cached_tokens: Those of the input that came from the backend's cache.
    """
    cached_usd = price.input_usd if price.cached_input_usd is None else price.cached_input_usd
    fresh = input_tokens - cached_tokens
    return (fresh * price.input_usd + cached_tokens * cached_usd + output_tokens * price.output_usd) / 1e6


def _is_priced_bedrock(host: str, model: str) -> bool:
    """Tell whether the table is about this region: it has the prices of the US, and of Claude everywhere."""
    found = _BEDROCK.fullmatch(host)
    return found is not None and (found[1] in _US_REGIONS or "anthropic.claude" in model)


def _is_local(host: str) -> bool:
    if host in ("localhost", "host.docker.internal") or host.endswith((".localhost", ".local")):
        return True
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return False


def _rate_in(table: str, model: str, *, embeds: bool) -> Rate:
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415 - heavy

    try:
        _, info = get_snapshot().find_provider_model(model, None, table, None)
    except LookupError:
        return always(None)
    return partial(_price, info, embeds)


def _price(info: ModelInfo, embeds: bool, input_tokens: int | None) -> Price | None:  # noqa: FBT001 - bound first
    """Read today's price; a model that also charges per request has none that tokens can tell."""
    prices = info.get_prices(datetime.now(UTC))
    output_mtok = Decimal(0) if embeds else prices.output_mtok
    if prices.input_mtok is None or output_mtok is None or prices.requests_kcount is not None:
        return None
    cached = prices.cache_read_mtok
    return Price(
        _amount(prices.input_mtok, input_tokens),
        _amount(output_mtok, input_tokens),
        "genai-prices",
        None if cached is None else _amount(cached, input_tokens),
    )


def _amount(price: Decimal | TieredPrices, input_tokens: int | None) -> float:
    from genai_prices.types import TieredPrices  # noqa: PLC0415 - heavy

    if not isinstance(price, TieredPrices):
        return float(price)
    # Crossing a tier's start puts all tokens on its price, not only those above it.
    reached = (tier.price for tier in price.tiers if input_tokens is None or input_tokens > tier.start)
    if input_tokens is None:
        return float(max([price.base, *reached]))
    return float([price.base, *reached][-1])
