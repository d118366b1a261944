"""Asks servers that speak OpenAI's API for the context window in force."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from providers.backends.wire import wire_options
from providers.protocol import ModelError

if TYPE_CHECKING:
    from providers.backend import Server
    from providers.backends.services import Lister

# vLLM, OpenRouter and others, Groq, Mistral, LM Studio with the model loaded, LM Studio without.
_FIELDS = (
    "max_model_len",
    "loaded_context_length",
    "context_length",
    "context_window",
    "max_context_length",
)
_TIMEOUT_S = 5.0


async def ask_window(lister: Lister, server: Server, model: str, timeout_s: float | None) -> int | None:
    """Ask how many tokens a conversation may have.

    Args:
        lister: Where this kind of server tells it.
        server: Its address and key.
        model: The model's id there.
        timeout_s: Seconds for the request, at most 5.

    Returns:
        The window in tokens, or None when the server does not say.
    """
    if not lister or server.url is None:
        return None
    base = server.url.rstrip("/")
    root = base.removesuffix("/v1")
    url = {"models": f"{base}/models", "props": f"{root}/props", "lmstudio": f"{root}/api/v0/models"}[lister]
    key = server.key.get_secret_value() if server.key else ""
    headers = {"Connection": "close", "Accept-Encoding": "identity"} | (
        {"Authorization": f"Bearer {key}"} if key else {}
    )
    try:
        waits = min(timeout_s or _TIMEOUT_S, _TIMEOUT_S)
        async with httpx.AsyncClient(timeout=waits, **wire_options(server.url, "json")) as client:
            answer = (await client.get(url, headers=headers)).raise_for_status().json()
        return _of_props(answer) if lister == "props" else _of_list(answer, model)
    except (httpx.HTTPError, ModelError, ValueError, TypeError, AttributeError, KeyError):
        return None


def _of_props(answer: dict[str, Any]) -> int | None:
    return _positive(answer["default_generation_settings"]["n_ctx"])


def _of_list(answer: dict[str, Any], model: str) -> int | None:
    row = next(row for row in [*answer["data"], {}] if row.get("id") == model or not row)
    return next((found for name in _FIELDS if (found := _positive(row.get(name)))), None)


def _positive(value: object) -> int | None:
    return value if isinstance(value, int) and value > 0 else None
