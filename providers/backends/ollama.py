"""The backend `ollama:MODEL[@URL]`: a running Ollama server, through its native API."""

from __future__ import annotations

import ipaddress
import os
from contextlib import suppress
from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from providers.backend import Backend, Loading, ModelSpec, Sampling, Server, Wiring
from providers.backends.connections import kept_open
from providers.backends.wire import wire_options
from providers.environment import check_address
from providers.environment import key as environment_key
from providers.prices import Rate, rate_at

OLLAMA_URL = "http://localhost:11434"
KEY_VARIABLE = "OLLAMA_API_KEY"

_PORT = 11434


def server(spec: ModelSpec, wiring: Wiring) -> Server:
    """Tell where requests go: the spec's own URL, else `OLLAMA_HOST`, else this machine.

    Args:
        spec: The model.
        wiring: Its key comes before `OLLAMA_API_KEY`; a server of yours needs none.

    Raises:
        ModelConfigError: When `OLLAMA_HOST` is no address, or the key cannot be one.
    """
    url, source = spec.base_url, ""
    if url is None:
        host = os.environ.get("OLLAMA_HOST", "").strip()
        url, source = (_url_of_host(host), "OLLAMA_HOST") if host else (OLLAMA_URL, "")
    key = environment_key((KEY_VARIABLE,), wiring.keys.get("ollama"))
    # Ollama's own API stands at the root; an address with /v1 is that of its imitation of OpenAI.
    return Server(url.rstrip("/").removesuffix("/v1"), source, key)


def _url_of_host(host: str) -> str:
    """Read `OLLAMA_HOST` as Ollama does: scheme and port may be left out, 0.0.0.0 means every address."""
    with suppress(ValueError):
        # An address of IPv6 may stand there without its brackets.
        host = f"[{ipaddress.IPv6Address(host.strip('[]'))}]"
    url = host if "://" in host else f"http://{host}"
    check_address(url, "OLLAMA_HOST", "localhost:11434 or http://localhost:11434")
    parts = urlsplit(url)
    port = parts.port or (_PORT if "://" not in host else {"https": 443}.get(parts.scheme, 80))
    name = parts.hostname or "localhost"
    name = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(name, name)  # noqa: S104 - as an address to ask
    return f"{parts.scheme}://{f'[{name}]' if ':' in name else name}:{port}"


def check(spec: ModelSpec, wiring: Wiring) -> None:
    """Refuse an address that cannot be one; whether the server runs is known at the first call.

    Raises:
        ModelConfigError: When `OLLAMA_HOST` is no address.
    """
    server(spec, wiring)


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
    headers = {"Accept-Encoding": "identity"}
    if target.key is not None:
        headers["Authorization"] = f"Bearer {target.key.get_secret_value()}"
    pool = httpx.AsyncClient(
        base_url=target.url or OLLAMA_URL,
        headers=headers,
        timeout=httpx.Timeout(timeouts.total_s, connect=min(timeouts.connect_s, timeouts.total_s)),
        **wire_options(target.url, "lines"),
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
