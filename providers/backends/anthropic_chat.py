"""ChatAnthropic with a connection pool of its own; importing this module imports the client."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import anthropic
from langchain_anthropic import ChatAnthropic
from langchain_anthropic.data._profiles import _PROFILES
from pydantic import Field


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
