"""ChatAnthropic with a connection pool of its own; importing this module imports the client."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import anthropic
from anthropic.types import MessageDeltaUsage
from langchain_anthropic import ChatAnthropic
from langchain_anthropic.data._profiles import _PROFILES
from pydantic import Field
from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from langchain_core.messages import AIMessageChunk
    from langchain_core.outputs import ChatGenerationChunk

_INPUT = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
_STARTED = "input_tokens_at_start"


def known_profile(model: str) -> dict[str, Any]:
    """Return what the client's table knows of a model, which may be nothing."""
    return dict(_PROFILES.get(model) or {})


class PooledChatAnthropic(ChatAnthropic):
    """Asks the Messages API through the pool it is given: the client's own one is shared by all event loops.

    Attributes:
        http_async_client: The pool.
    """

    http_async_client: Any = Field(default=None, exclude=True, repr=False)

    @cached_property
    def _async_client(self) -> anthropic.AsyncClient:
        return anthropic.AsyncClient(**self._client_params, http_client=self.http_async_client)

    @override
    async def _astream(self, *args: Any, **kwargs: Any) -> AsyncIterator[ChatGenerationChunk]:
        started = 0
        async for chunk in super()._astream(*args, **kwargs):
            message: AIMessageChunk = chunk.message  # type: ignore[assignment]
            started = message.response_metadata.pop(_STARTED, started)
            usage = message.usage_metadata
            if usage and started and not usage["input_tokens"]:
                total = started + usage["output_tokens"]
                message.usage_metadata = {**usage, "input_tokens": started, "total_tokens": total}
            yield chunk

    @override
    def _make_message_chunk_from_anthropic_event(self, event: Any, **kwargs: Any) -> tuple[Any, Any]:
        """Keep the input that the first event counts: older servers and gateways count it there only."""
        if event.type == "message_delta" and not _is_counted(getattr(event, "usage", None)):
            event.usage = MessageDeltaUsage.model_construct(output_tokens=0)
        message, block = super()._make_message_chunk_from_anthropic_event(event, **kwargs)
        usage = getattr(event.message, "usage", None) if event.type == "message_start" else None
        if message is not None and usage is not None and _is_counted(usage):
            started = sum(getattr(usage, name, None) or 0 for name in _INPUT)
            message.response_metadata[_STARTED] = started
        return message, block


def _is_counted(usage: object) -> bool:
    """Tell whether every count is a number; the SDK passes on whatever a server sends."""
    counts = [getattr(usage, name, None) for name in (*_INPUT, "output_tokens")]
    return usage is not None and all(count is None or type(count) is int for count in counts)
