"""What a call is for, as chat models of ours are told it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.runnables.config import ensure_config

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

STEP = "duograph_step"
"""The key of a run's metadata."""


def labelled(config: RunnableConfig | None, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Put the step of the run's metadata among the arguments.

    `BaseChatModel` hands its run manager to `_generate` only, not to `_stream`; and a cache that keys replies
    by prompt and arguments must not mix up a plan with the code for it.
    """
    metadata = ensure_config(config).get("metadata", {})
    return {STEP: metadata[STEP], **kwargs} if STEP in metadata else kwargs
