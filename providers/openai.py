"""The backend `openai:MODEL[@BASE_URL]`: OpenAI itself, and any server that speaks its API."""

from __future__ import annotations

import importlib.util
import os
from functools import partial
from typing import Any

from pydantic import SecretStr

from providers.backend import Backend, ModelSpec, Server, Wiring
from providers.prices import Rate, rate_at
from providers.protocol import ModelConfigError

OPENAI_URL = "https://api.openai.com/v1"

# Servers refuse a number above what the model can write, and nothing tells us that for an unknown model; this
# is below what models of today can write.
_SAFE_OUTPUT_LIMIT = 4096

_URL_VARIABLES = ("OPENAI_BASE_URL", "OPENAI_API_BASE")
# Local servers take any key, but the client insists on one.
_NO_KEY = "no-key-needed"


def server(spec: ModelSpec, wiring: Wiring) -> Server:
    """Tell where requests go and with which key.

    The spec's own URL comes first, then `OPENAI_BASE_URL` and `OPENAI_API_BASE`, as in OpenAI's own clients,
    then OpenAI.

    Args:
        spec: The model.
        wiring: Its `keys["openai"]` comes before the variable `OPENAI_API_KEY`.
    """
    url, source = spec.base_url, ""
    if url is None:
        source = next((name for name in _URL_VARIABLES if os.environ.get(name, "").strip()), "")
        url = os.environ[source].strip() if source else OPENAI_URL
    key = wiring.keys.get("openai") or SecretStr(os.environ.get("OPENAI_API_KEY", "").strip())
    return Server(url, source, key if key.get_secret_value() else None)


def check(spec: ModelSpec, wiring: Wiring) -> None:
    """Refuse what cannot work, without importing the client.

    Raises:
        ModelConfigError: When the package or the key is missing.
    """
    if importlib.util.find_spec("langchain_openai") is None:
        raise ModelConfigError(
            f"{spec} needs the package langchain-openai; run: pip install 'duograph[openai]'"
        )
    target = server(spec, wiring)
    if target.key is None and target.url == OPENAI_URL:
        raise ModelConfigError(
            f"{spec} needs a key; set OPENAI_API_KEY, or name your own server: {spec}@http://localhost:11434/v1"
        )


def price(spec: ModelSpec, wiring: Wiring) -> Rate:
    """Tell what the model costs where its requests go."""
    return rate_at(server(spec, wiring).url, spec.model)


def _output_limit(largest: int, limit: int, *, at_openai: bool) -> dict[str, Any]:
    """Say in the server's own words how many tokens may come; nothing when it might refuse the number."""
    if limit > largest:
        return {}
    # The client renames `max_tokens` to what OpenAI wants today, which other servers partly do not know.
    return {"max_tokens": limit} if at_openai else {"extra_body": {"max_tokens": limit}}


def build(spec: ModelSpec, wiring: Wiring) -> Backend:
    """Make the chat model with a connection pool of its own; imports the client, so call it off the loop.

    Raises:
        ModelConfigError: When the package or the key is missing.
    """
    check(spec, wiring)
    import openai  # noqa: PLC0415 - heavy
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - heavy

    target = server(spec, wiring)
    timeouts = wiring.timeouts
    timeout = openai.Timeout(timeouts.total_s, connect=min(timeouts.connect_s, timeouts.total_s))
    # langchain-openai's default pool is shared by the whole process, also by event loops that are gone.
    pool = openai.DefaultAsyncHttpxClient(timeout=timeout)
    options: dict[str, Any] = {}
    if "stream_chunk_timeout" in ChatOpenAI.model_fields:
        # Its `asyncio.wait_for` can swallow a cancellation in Python 3.11; our timeout covers the whole.
        options["stream_chunk_timeout"] = None
    if target.url != OPENAI_URL:
        options["use_responses_api"] = False
    chat = ChatOpenAI(
        model=spec.model,
        api_key=target.key or SecretStr(_NO_KEY),
        base_url=target.url,
        timeout=timeout,
        max_retries=0,
        stream_usage=True,
        http_async_client=pool,
        # A connection that ends with its call cannot outlive the event loop it belongs to.
        default_headers={"Connection": "close"},
        **options,
    )
    at_openai = target.url == OPENAI_URL
    known = (chat.profile or {}).get("max_output_tokens") if at_openai else None
    return Backend(
        chat, pool.aclose, partial(_output_limit, known or _SAFE_OUTPUT_LIMIT, at_openai=at_openai)
    )
