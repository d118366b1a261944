"""Whether a tool can be used here: extras, variables and platforms, looked at without importing anything."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from toolkit.protocol import ToolInfo

MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "aws": ("boto3",),
        "datadog": ("datadog_api_client",),
        "mcp": ("langchain_mcp_adapters", "mcp"),
        "neo4j": ("neo4j",),
        "tools": ("lxml", "re2", "simpleeval"),
    }
)
"""What an extra brings that a tool imports."""

_NAMES = {"win32": "Windows", "darwin": "macOS", "linux": "Linux"}


def unavailable(info: ToolInfo, environment: Mapping[str, str] | None = None) -> str | None:
    """Say in one sentence why a tool cannot be used here; None when it can.

    Args:
        info: The tool.
        environment: Variables to look at, or None for those of this process; values are never told.
    """
    if info.platforms and sys.platform not in info.platforms:
        where = ", ".join(_NAMES.get(name, name) for name in info.platforms)
        return f"{info.name} works on {where}, not on {_NAMES.get(sys.platform, sys.platform)}."
    for extra in info.extras:
        if any(find_spec(module) is None for module in MODULES[extra]):
            return f"{info.name} needs the extra {extra}; run: pip install 'duograph[{extra}]'"
    found = os.environ if environment is None else environment
    unset = [name for name in info.environment if not found.get(name)]
    if unset:
        return f"{info.name} needs the environment: set {', '.join(unset)}."
    return None
