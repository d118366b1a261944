"""The backend `anthropic:MODEL[@BASE_URL]`: Anthropic's Messages API."""

from __future__ import annotations

import importlib.util
import os
import re
from functools import partial
from typing import Any

from pydantic import SecretStr

from providers.backend import Backend, ModelSpec, Sampling, Server, Wiring
from providers.backends.connections import kept_open
from providers.place import client_options
from providers.prices import Rate, rate_at
from providers.protocol import ModelConfigError

ANTHROPIC_URL = "https://api.anthropic.com"
KEY_VARIABLE = "ANTHROPIC_API_KEY"

_URL_VARIABLES = ("ANTHROPIC_BASE_URL", "ANTHROPIC_API_URL")
_NO_KEY = "no-key-needed"
# A dated id is the same model as the one without a date, of which the client's table may know more.
_DATE = re.compile(r"-\d{8}$")


def server(spec: ModelSpec, wiring: Wiring) -> Server:
    """Tell where requests go and with which key.

    Args:
        spec: The model; its URL comes before `ANTHROPIC_BASE_URL` and `ANTHROPIC_API_URL`.
        wiring: Its key comes before `ANTHROPIC_API_KEY`.
    """
    url, source = spec.base_url, ""
    if url is None:
        source = next((name for name in _URL_VARIABLES if os.environ.get(name, "").strip()), "")
        url = os.environ[source].strip() if source else ANTHROPIC_URL
    key = wiring.keys.get("anthropic") or SecretStr(os.environ.get(KEY_VARIABLE, "").strip())
    return Server(url, source, key if key.get_secret_value() else None)


def check(spec: ModelSpec, wiring: Wiring) -> None:
    """Refuse what cannot work, without importing the client.

    Raises:
        ModelConfigError: When the package or the key is missing.
    """
    if importlib.util.find_spec("langchain_anthropic") is None:
        raise ModelConfigError(
            f"{spec} needs the package langchain-anthropic; run: pip install 'duograph[anthropic]'"
        )
    target = server(spec, wiring)
    if target.key is None and target.url == ANTHROPIC_URL:
        raise ModelConfigError(f"{spec} needs a key; set {KEY_VARIABLE}.")


def price(spec: ModelSpec, wiring: Wiring) -> Rate:
    """Tell what the model costs where its requests go."""
    return rate_at(server(spec, wiring).url, spec.model)


def build(spec: ModelSpec, wiring: Wiring) -> Backend:
    """Make the chat model with a connection pool of its own; imports the client, so call it off the loop.

    Raises:
        ModelConfigError: When the package or the key is missing.
    """
    check(spec, wiring)
    import anthropic  # noqa: PLC0415 - heavy

    from providers.backends.anthropic_chat import PooledChatAnthropic, known_profile  # noqa: PLC0415 - heavy

    target = server(spec, wiring)
    timeouts = wiring.timeouts
    timeout = anthropic.Timeout(timeouts.total_s, connect=min(timeouts.connect_s, timeouts.total_s))
    pool = anthropic.DefaultAsyncHttpxClient(timeout=timeout, **client_options(target.url))
    chat = PooledChatAnthropic(
        model=spec.model,
        api_key=target.key or SecretStr(_NO_KEY),
        base_url=target.url,
        timeout=timeouts.total_s,
        max_retries=0,
        stop=None,
        http_async_client=pool,
    )
    profile = dict(chat.profile or {})
    undated = known_profile(_DATE.sub("", spec.model))
    schema = profile.get("structured_output") or undated.get("structured_output")
    backend = Backend(
        chat,
        pool.aclose,
        output_limit=partial(output_limit, chat.max_tokens or 0),
        sampling=partial(claude_sampling, taken=bool(profile.get("temperature", True))),
        json_schema=json_schema if schema else None,
    )
    return kept_open(backend, pool)


def output_limit(largest: int, limit: int) -> dict[str, Any]:
    """Tell the model to stop after so many tokens; above what the client asks for anyway there is no need."""
    return {} if limit > largest else {"max_tokens": limit}


def claude_sampling(sampling: Sampling, *, taken: bool) -> dict[str, Any]:
    """Give what Claude takes: a temperature up to 1, or else top_p, never both; the newest models neither.

    Args:
        sampling: What is wanted.
        taken: Whether the model takes any.
    """
    if not taken:
        return {}
    if sampling.temperature is not None:
        return {"temperature": min(sampling.temperature, 1.0)}
    return {} if sampling.top_p is None else {"top_p": sampling.top_p}


def json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Give the call's arguments that hold the answer to a schema; the client adapts it."""
    return {"response_format": {"type": "json_schema", "json_schema": {"schema": schema}}}
