"""The backend `ollama:MODEL[@URL]`: a running Ollama server, through its native API."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from providers.backend import Backend, Loading, ModelSpec, Sampling, Server, Wiring
from providers.backends.connections import kept_open
from providers.place import client_options
from providers.prices import Rate, rate_at
from providers.protocol import ModelConfigError

OLLAMA_URL = "http://localhost:11434"
KEY_VARIABLE = "OLLAMA_API_KEY"

_PORT = 11434


def server(spec: ModelSpec, wiring: Wiring) -> Server:
    """Tell where requests go: the spec's own URL, else `OLLAMA_HOST`, else this machine.

    Args:
        spec: The model.
        wiring: Its key comes before `OLLAMA_API_KEY`; a server of yours needs none.
    """
    url, source = spec.base_url, ""
    if url is None:
        host = os.environ.get("OLLAMA_HOST", "").strip()
        url, source = (_url_of_host(host), "OLLAMA_HOST") if host else (OLLAMA_URL, "")
    key = wiring.keys.get("ollama") or SecretStr(os.environ.get(KEY_VARIABLE, "").strip())
    # Ollama's own API stands at the root; an address with /v1 is that of its imitation of OpenAI.
    return Server(url.rstrip("/").removesuffix("/v1"), source, key if key.get_secret_value() else None)


def _url_of_host(host: str) -> str:
    """Read `OLLAMA_HOST` as Ollama does: scheme and port may be left out, 0.0.0.0 means every address."""
    parts = urlsplit(host if "://" in host else f"http://{host}")
    try:
        port = parts.port or (_PORT if "://" not in host else {"https": 443}.get(parts.scheme, 80))
    except ValueError:
        port = _PORT
    name = parts.hostname or "localhost"
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)  # noqa: S104 - as an address to ask
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{port}"


def check(spec: ModelSpec, wiring: Wiring) -> None:
    """Refuse an address that cannot be one; whether the server runs is known at the first call.

    Raises:
        ModelConfigError: When `OLLAMA_HOST` is no address.
    """
    target = server(spec, wiring)
    if urlsplit(target.url or "").scheme not in ("http", "https"):
        raise ModelConfigError(
            "OLLAMA_HOST must be an address such as localhost:11434 or http://localhost:11434."
        )


def price(spec: ModelSpec, wiring: Wiring) -> Rate:
    """Tell what the model costs: nothing on a server of yours."""
    return rate_at(server(spec, wiring).url, spec.model)


def build(spec: ModelSpec, wiring: Wiring) -> Backend:
    """Make the chat model with a connection pool of its own.

    Raises:
        ModelConfigError: When the address is wrong.
    """
    check(spec, wiring)
    import httpx  # noqa: PLC0415 - heavy

    from providers.backends.ollama_chat import OllamaChat  # noqa: PLC0415 - heavy

    target = server(spec, wiring)
    timeouts = wiring.timeouts
    headers: dict[str, str] = {}
    if target.key is not None:
        headers["Authorization"] = f"Bearer {target.key.get_secret_value()}"
    pool = httpx.AsyncClient(
        base_url=target.url or OLLAMA_URL,
        headers=headers,
        timeout=httpx.Timeout(timeouts.total_s, connect=min(timeouts.connect_s, timeouts.total_s)),
        **client_options(target.url),
    )
    chat = OllamaChat(model=spec.model, client=pool)
    backend = Backend(
        chat,
        pool.aclose,
        output_limit=_output_limit,
        sampling=_sampling,
        loading=_loading,
        json_schema=_json_schema,
        json_mode={"format": "json"},
        context_tokens=chat.window,
    )
    return kept_open(backend, pool)


def _output_limit(limit: int) -> dict[str, Any]:
    return {"num_predict": limit}


def _sampling(sampling: Sampling) -> dict[str, Any]:
    names = ("temperature", "top_p", "frequency_penalty", "presence_penalty")
    return {name: value for name in names if (value := getattr(sampling, name)) is not None}


def _loading(loading: Loading) -> dict[str, Any]:
    return {name: value for name, value in asdict(loading).items() if value is not None}


def _json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"format": schema}
