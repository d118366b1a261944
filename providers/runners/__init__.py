"""Local runners: models that generate in this process; see `README.md`.

The names below are loaded at first use, so that importing the folder costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from providers.runners.chat import RunnerChatModel
    from providers.runners.protocol import End, LoadedModel, Piece, Request, Runner, ToolRequest
    from providers.runners.registry import RunnerRegistry, get_runner, register_runner, runner_names

__all__ = [
    "End",
    "LoadedModel",
    "Piece",
    "Request",
    "Runner",
    "RunnerChatModel",
    "RunnerRegistry",
    "ToolRequest",
    "get_runner",
    "register_runner",
    "runner_names",
]

_HOMES = {
    "RunnerChatModel": "chat",
    "RunnerRegistry": "registry",
    "get_runner": "registry",
    "register_runner": "registry",
    "runner_names": "registry",
}


def __getattr__(name: str) -> object:
    """Load an exported name at first use (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES.get(name, 'protocol')}"), name)
