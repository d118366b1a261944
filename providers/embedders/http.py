"""Embedders behind HTTP: whatever speaks OpenAI's `/embeddings`, and Ollama's native `/api/embed`.

See https://platform.openai.com/docs/api-reference/embeddings and https://docs.ollama.com/api/embed.
"""

from __future__ import annotations

import json
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from providers.backends import ollama
from providers.backends.services import OPENAI, SERVICES
from providers.catalogue import known_limits
from providers.embedders.embedder import Answer, EmbeddingBackend, Limits
from providers.place import client_options
from providers.protocol import ModelConfigError, ModelError
from providers.registry import PROVIDERS

if TYPE_CHECKING:
    import httpx

    from providers.backend import ModelSpec, Timeouts, Wiring

SPEAK_OPENAI: Final = MappingProxyType({service.name: service for service in (OPENAI, *SERVICES)})

# What OpenAI documents; of other services' models the first answer tells.
_DIMENSIONS: Final = MappingProxyType(
    {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072, "text-embedding-ada-002": 1536}
)


def check(spec: ModelSpec, wiring: Wiring) -> None:
    """Refuse what cannot work.

    Raises:
        ModelConfigError: When the key or the address is missing.
    """
    if spec.provider == "ollama":
        ollama.check(spec, wiring)
        return
    service, server = SPEAK_OPENAI[spec.provider], PROVIDERS[spec.provider].server(spec, wiring)
    if server.key is None and server.url == service.url and not service.local:
        raise ModelConfigError(f"{spec} needs a key; set {service.key_variables[0]}.")


def limits(spec: ModelSpec) -> Limits:
    """Tell what the catalogue knows of a model at its maker's; a server of one's own tells by itself."""
    if spec.base_url is not None or spec.provider == "ollama":
        return Limits()
    known = known_limits(spec.provider, spec.model)
    dimensions = _DIMENSIONS.get(spec.model) if spec.provider == "openai" else None
    window = (known.max_input_tokens or known.context_tokens) if known else None
    return Limits(text_tokens=window, dimensions=dimensions)


def build(spec: ModelSpec, wiring: Wiring, timeouts: Timeouts) -> EmbeddingBackend:
    """Make the backend with a connection pool of its own."""
    import httpx  # noqa: PLC0415 - heavy

    server = PROVIDERS[spec.provider].server(spec, wiring)
    # A connection that ends with its call cannot outlive the event loop it belongs to.
    headers = {"Connection": "close"}
    if server.key is not None:
        headers["Authorization"] = f"Bearer {server.key.get_secret_value()}"
    waits = httpx.Timeout(timeouts.total_s, connect=min(timeouts.connect_s, timeouts.total_s))
    pool = httpx.AsyncClient(timeout=waits, headers=headers, **client_options(server.url))
    url = (server.url or "").rstrip("/") + ("/api/embed" if spec.provider == "ollama" else "/embeddings")
    return EmbeddingBackend(partial(_embed, pool, url, spec), pool.aclose)


async def _embed(pool: httpx.AsyncClient, url: str, spec: ModelSpec, texts: list[str]) -> Answer:
    body: dict[str, Any] = {"model": spec.model, "input": texts}
    if spec.provider == "ollama":
        body["truncate"] = False  # rather an error than the vector of half a text
    response = await pool.post(url, json=body)
    if response.is_error:
        raise _refusal(response, spec.model)
    if response.is_redirect:
        raise ModelError("malformed", "the server sends its clients elsewhere; name the right address.")
    answer = response.json()
    if spec.provider == "ollama":
        return Answer(answer["embeddings"], answer.get("prompt_eval_count"))
    rows = sorted(answer["data"], key=lambda row: row.get("index", 0))
    return Answer([row["embedding"] for row in rows], (answer.get("usage") or {}).get("prompt_tokens"))


def _refusal(response: httpx.Response, model: str) -> Exception:
    import httpx  # noqa: PLC0415 - heavy

    try:
        said = json.loads(response.content)["error"]
        words = str(said.get("message") if isinstance(said, dict) else said)
    except (ValueError, KeyError, TypeError):
        words = ""
    # Ollama says so with 400 or with 500, by its version.
    if "context length" in words:
        return ModelError("context_overflow", f"a text is too long for {model!r}; split it.")
    return httpx.HTTPStatusError(
        words or f"HTTP {response.status_code}", request=response.request, response=response
    )
