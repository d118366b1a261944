"""The backend `openai:MODEL[@BASE_URL]` and every other service that speaks OpenAI's API, by its row."""

from __future__ import annotations

import importlib.util
import re
from functools import partial
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from providers.backend import Backend, ModelSpec, Provider, Sampling, Server, Wiring
from providers.backends.connections import kept_open
from providers.backends.schema import closed_schema
from providers.backends.services import OPENAI, OPENAI_URL, Service
from providers.backends.window import ask_window
from providers.backends.wire import wire_options
from providers.environment import address
from providers.environment import key as environment_key
from providers.place import client_options
from providers.prices import Rate, rate_at
from providers.protocol import ModelConfigError

if TYPE_CHECKING:
    from langchain_openai.chat_models.base import BaseChatOpenAI

# Servers refuse a number above what the model can write, and nothing tells us that for an unknown model; this
# is below what models of today can write.
_SAFE_OUTPUT_LIMIT = 4096

# Local servers take any key, but the client insists on one.
_NO_KEY = "no-key-needed"

# OpenAI's models that take no sampling, for those that the client's table does not know.
_REASONING_MODEL = re.compile(r"^(o\d|gpt-([5-9]|\d\d))")


def server(service: Service, spec: ModelSpec, wiring: Wiring) -> Server:
    """Tell where requests go and with which key.

    The spec's own URL comes first, then the service's variables, then its own address.

    Args:
        service: Its row.
        spec: The model.
        wiring: Its key for the service comes before the environment's.

    Raises:
        ModelConfigError: When the environment has an address or a key that cannot be one.
    """
    named = (spec.base_url, "") if spec.base_url else address(service.url_variables)
    url, source = named or (service.url, "")
    key = environment_key(service.key_variables, wiring.keys.get(service.name))
    return Server(url.rstrip("/"), source, key)


def check(service: Service, spec: ModelSpec, wiring: Wiring) -> None:
    """Refuse what cannot work, without importing the client.

    Raises:
        ModelConfigError: When the package or the key is missing.
    """
    if importlib.util.find_spec("langchain_openai") is None:
        raise ModelConfigError(
            f"{spec} needs the package langchain-openai; run: pip install 'duograph[openai]'"
        )
    target = server(service, spec, wiring)
    if target.key is None and target.url == service.url and not service.local:
        other = f", or name your own server: {spec}@http://localhost:11434/v1" if service is OPENAI else "."
        raise ModelConfigError(f"{spec} needs a key; set {service.key_variables[0]}{other}")


def price(service: Service, spec: ModelSpec, wiring: Wiring) -> Rate:
    """Tell what the model costs where its requests go."""
    return rate_at(server(service, spec, wiring).url, spec.model)


def build(service: Service, spec: ModelSpec, wiring: Wiring) -> Backend:
    """Make the chat model with a connection pool of its own; imports the client, so call it off the loop.

    Raises:
        ModelConfigError: When the package or the key is missing.
    """
    check(service, spec, wiring)
    import openai  # noqa: PLC0415 - heavy

    target = server(service, spec, wiring)
    timeouts = wiring.timeouts
    timeout = openai.Timeout(timeouts.total_s, connect=min(timeouts.connect_s, timeouts.total_s))
    # langchain-openai's default pool is shared by the whole process, also by event loops that are gone.
    pool = openai.DefaultAsyncHttpxClient(timeout=timeout, **wire_options(target.url, "events"))
    options: dict[str, Any] = {
        "model": spec.model,
        "api_key": target.key or SecretStr(_NO_KEY),
        "base_url": target.url,
        "timeout": timeout,
        "max_retries": 0,
        "stream_usage": service.stream_options,
        "http_async_client": pool,
        "default_headers": {"Accept-Encoding": "identity"},
    }
    if "verify" in (local := client_options(target.url)):
        # Nobody asks by it, and the one that would be made in its place reads the machine's certificates.
        options["http_client"] = openai.DefaultHttpxClient(timeout=timeout, **local)
    if target.url == OPENAI_URL:
        return kept_open(_at_openai(options, pool.aclose), pool)
    return kept_open(_elsewhere(service, spec, target, options, pool.aclose), pool)


def _at_openai(options: dict[str, Any], aclose: Any) -> Backend:  # noqa: ANN401 - a bound coroutine function
    from providers.backends.openai_chat import OpenAIChat  # noqa: PLC0415 - heavy

    chat = OpenAIChat(**options, **_newer_options(OpenAIChat))
    profile = chat.profile or {}
    largest = profile.get("max_output_tokens") or _SAFE_OUTPUT_LIMIT
    fixed = _REASONING_MODEL.match(chat.model_name) if not profile else profile.get("reasoning_output")
    return Backend(
        chat,
        aclose,
        # The client renames `max_tokens` to what OpenAI wants today.
        output_limit=partial(_output_limit, "max_tokens", largest),
        max_tokens=lambda limit: {"max_tokens": limit},
        sampling=partial(_sampling, () if fixed else OPENAI.sampling),
        json_schema=_json_schema if profile.get("structured_output", True) else None,
        json_mode={"response_format": {"type": "json_object"}},
    )


def _elsewhere(
    service: Service,
    spec: ModelSpec,
    target: Server,
    options: dict[str, Any],
    aclose: Any,  # noqa: ANN401
) -> Backend:
    from providers.backends.openai_chat import CompatibleChat  # noqa: PLC0415 - heavy

    chat = CompatibleChat(
        **options,
        **_newer_options(CompatibleChat),
        use_responses_api=False,
        thinking_back=service.thinking_back,
    )
    schema = service.json_schema is not None and service.json_schema.search(spec.model)
    # In the body and not as an argument, for which the client takes a parser that only fits OpenAI's answers.
    return Backend(
        chat,
        aclose,
        output_limit=partial(_output_limit, service.max_tokens, _SAFE_OUTPUT_LIMIT),
        max_tokens=lambda limit: {service.max_tokens: limit},
        sampling=partial(_sampling, service.sampling),
        json_schema=(lambda wanted: {"extra_body": _json_schema(wanted)}) if schema else None,
        json_mode={"extra_body": {"response_format": {"type": "json_object"}}} if service.json_mode else None,
        context_tokens=partial(ask_window, service.window, target, spec.model, options["timeout"].connect),
    )


def _newer_options(chat: type[BaseChatOpenAI]) -> dict[str, Any]:
    """Turn off what newer clients do by themselves.

    A timeout whose `asyncio.wait_for` can swallow a cancellation, while ours covers the whole; and options
    for sockets that our pool does not take, of which a false warning about proxies would come.
    """
    options: dict[str, Any] = {"stream_chunk_timeout": None, "http_socket_options": ()}
    return {name: value for name, value in options.items() if name in chat.model_fields}


def _output_limit(name: str, largest: int, limit: int) -> dict[str, Any]:
    """Say in the server's own words how many tokens may come; nothing when it might refuse the number."""
    return {} if limit > largest else {name: limit}


def _sampling(taken: tuple[str, ...], sampling: Sampling) -> dict[str, Any]:
    return {name: value for name in taken if (value := getattr(sampling, name)) is not None}


def _json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    closed, strict = closed_schema(schema)
    named = {"name": str(schema.get("title") or "answer"), "schema": closed, "strict": strict}
    return {"response_format": {"type": "json_schema", "json_schema": named}}


def provider(service: Service) -> Provider:
    """Make the row of `PROVIDERS` for a service."""
    return Provider(
        syntax=f"{service.name}:MODEL[@BASE_URL]",
        model="name",
        build=partial(build, service),
        check=partial(check, service),
        server=partial(server, service),
        price=partial(price, service),
        base_url=True,
        extra="openai",
        key_variable=service.key_variables[0],
        # Chat Completions ends with `finish_reason`, the Responses API with `status`.
        end_marks=("finish_reason", "status"),
    )
