"""Keeps connections open between calls, and closes them with whoever they belong to."""

from __future__ import annotations

import asyncio
import weakref
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from providers.backend import Backend


def kept_open(backend: Backend, client: Any) -> Backend:  # noqa: ANN401 - an AsyncClient of httpx or httpx2
    """Let a backend's connections end with their event loop, or when the backend is forgotten.

    A connection that outlived its loop could never be closed again. `asyncio.run` and its like end every
    asynchronous generator before they close their loop, so one that waits for that closes the client.

    Args:
        backend: What asks through the client; it belongs to one event loop.
        client: Its HTTP client, which holds no reference to the backend's chat model.

    Returns:
        The same backend.
    """
    guards: dict[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = {}

    async def watch(_request: object) -> None:
        loop = asyncio.get_running_loop()
        if loop not in guards:
            guards[loop] = _close_at_the_end(client)
            await anext(guards[loop])

    hooks = client.event_hooks
    client.event_hooks = {**hooks, "request": [*hooks.get("request", ()), watch]}
    # It holds the client, so that its sockets are still there to be closed in good order.
    weakref.finalize(backend.chat, _close_soon, client, guards).atexit = False
    return backend


async def _close_at_the_end(client: Any) -> AsyncGenerator[None, None]:  # noqa: ANN401
    try:
        yield
    finally:
        await client.aclose()


def _close_soon(client: Any, guards: dict[asyncio.AbstractEventLoop, AsyncGenerator[None, None]]) -> None:  # noqa: ANN401
    for loop in guards:
        # Of a loop that is closed the guard has closed the client already.
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: asyncio.ensure_future(client.aclose()))
